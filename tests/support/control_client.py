"""One connection to the admin socket of a proxy, for many questions."""

import json
import socket
from pathlib import Path


class ControlClient:
    def __init__(self, path: Path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def ask(self, line: str) -> dict:
        self._socket.sendall(line.encode() + b"\n")
        answer = json.loads(self._lines.readline())
        if not answer["ok"]:
            raise SystemExit(f"{line}: {answer}")
        return answer
