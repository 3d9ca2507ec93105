"""The servers of the soak as processes that are killed, stopped and continued."""

import signal
import sys
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.waiting import wait_until

PROGRAM = Path(__file__).with_name("server.py")


class Server:
    """`server.py`; the same name may be served at a second address."""

    def __init__(self, folder: Path, name: str):
        self.name = name
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"
        self._log = folder / f"{name}-{self._port}.log"
        self.start()

    def start(self):
        self._log.write_bytes(b"")
        command = [sys.executable, "-B", PROGRAM, self.name, self._port]
        self._process = Process(command, self._log)
        wait_until(lambda: "listens" in self._process.log(), f"{self.name} to listen", 60)

    def kill(self):
        self._process.kill()

    def pause(self):
        self._process.signal(signal.SIGSTOP)

    def resume(self):
        self._process.signal(signal.SIGCONT)

    def stop(self):
        self.resume()
        self._process.kill()
