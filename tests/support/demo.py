"""Servers that are processes of their own, to be killed, stopped and continued."""

import signal
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.waiting import BIN_DIR, wait_until


class DemoServer:
    """`ringdemo serve`: answers every line that it receives with its name."""

    def __init__(self, folder: Path, name: str):
        self.name = name
        self.address = f"127.0.0.1:{free_port()}"
        self._log = folder / f"{name}.log"
        self._process = None
        self.start()

    def start(self):
        self._log.write_bytes(b"")
        self._process = Process(
            [BIN_DIR / "ringdemo", "serve", "--id", self.name, "--listen", self.address],
            self._log,
        )
        wait_until(lambda: "listens" in self._process.log(), f"{self.name} to listen")

    def kill(self):
        """SIGKILL; its end is awaited."""
        self._process.kill()

    def pause(self):
        self._process.signal(signal.SIGSTOP)

    def resume(self):
        self._process.signal(signal.SIGCONT)

    def stop(self):
        self.resume()
        self._process.stop()
