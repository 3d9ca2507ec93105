"""ringctl, as its users call it."""

import os
import subprocess

from support.waiting import BIN_DIR, DEADLINE


def ringctl(proxy, *arguments: str) -> subprocess.CompletedProcess:
    """One command to a proxy, with plain output."""
    return subprocess.run(
        [str(BIN_DIR / "ringctl"), *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env={**os.environ, "RINGWAY_SOCKET": str(proxy.socket_path)},
    )
