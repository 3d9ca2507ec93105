"""ringctl, as its users call it."""

import os
import subprocess

from support.waiting import BIN_DIR, DEADLINE

RINGCTL = BIN_DIR / "ringctl"


def environ(proxy, **more) -> dict:
    inherited = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
    path = f"{BIN_DIR}:{inherited['PATH']}"
    settings = {"RINGWAY_SOCKET": str(proxy.socket_path), "TERM": "xterm-256color"}
    return {**inherited, "PATH": path, "LC_ALL": "C.UTF-8", **settings, **more}


def ringctl(proxy, *arguments: str, **more) -> subprocess.CompletedProcess:
    """One command to a proxy; `more` is added to the environment."""
    return subprocess.run(
        [str(RINGCTL), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environ(proxy, **more),
    )
