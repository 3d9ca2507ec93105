"""How long tests wait and how much they move.

Two knobs: RINGWAY_E2E_SCALE (1 by default) multiplies the size of loads, and
every time limit is stretched by PATIENCE where the binary carries a sanitizer.
Times are in seconds.
"""

import os
import time
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = Path(os.environ.get("RINGWAY_BIN_DIR") or ROOT / "build/dev/bin")
SCALE = float(os.environ.get("RINGWAY_E2E_SCALE", "1"))


@cache
def sanitizer() -> str:
    """The sanitizer that the proxy was built with: "address", "thread" or ""."""
    binary = (BIN_DIR / "ringway").read_bytes()
    for mark, name in ((b"__tsan_init", "thread"), (b"__asan_init", "address")):
        if mark in binary:
            return name
    return ""


PATIENCE = 6.0 if (BIN_DIR / "ringway").exists() and sanitizer() else 1.0
DEADLINE = 15.0 * PATIENCE  # for what must happen, but whose speed is not the question

# What a busy machine may add to a promised time before the proxy is to blame.
GRACE = 0.4


def within(promised: float) -> float:
    """A promised time as a limit that a busy machine and a sanitizer can keep."""
    return promised * PATIENCE + GRACE * PATIENCE


def scaled(amount: int, least: int = 1) -> int:
    """`amount` of load under RINGWAY_E2E_SCALE, never under `least`."""
    return max(least, int(amount * SCALE))


def wait_until(predicate, what: str = "", deadline: float = DEADLINE, every: float = 0.01):
    """The first true value that `predicate` returns; a failed test after `deadline`."""
    end = time.monotonic() + deadline
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() >= end:
            name = what or getattr(predicate, "__name__", "condition")
            raise AssertionError(f"still waiting for {name} after {deadline:.1f} s")
        time.sleep(every)
