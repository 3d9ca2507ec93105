"""A service manager as the proxy sees it: a datagram socket that keeps all messages."""

import os
import select
import socket
import time
from pathlib import Path

from support.waiting import DEADLINE


class Manager:
    """Listens on a path, or on an abstract name; to be given to the proxy by `environ`."""

    def __init__(self, folder: Path, abstract: bool = False, watchdog: float | None = None):
        name = f"ringway-test-{os.getpid()}-{time.monotonic_ns()}"
        self.name = "@" + name if abstract else str(folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + name if abstract else self.name)
        self.environ = {"NOTIFY_SOCKET": self.name}
        if watchdog:
            self.environ["WATCHDOG_USEC"] = str(int(watchdog * 1e6))

    def hear(self, deadline: float = DEADLINE) -> dict:
        """The next message, as assignments in their order."""
        self._socket.settimeout(deadline)
        lines = self._socket.recv(65536).decode().split("\n")
        return dict(line.split("=", 1) for line in lines)

    def hear_status(self, wanted: str, deadline: float = DEADLINE) -> str:
        """The first status with `wanted` in it; what comes before it may be other statuses."""
        end = time.monotonic() + deadline
        while True:
            message = self.hear(max(0.01, end - time.monotonic()))
            assert list(message) == ["STATUS"], message
            if wanted in message["STATUS"]:
                return message["STATUS"]

    def has_more(self) -> bool:
        return bool(select.select([self._socket], [], [], 0)[0])

    def stop(self):
        self._socket.close()
