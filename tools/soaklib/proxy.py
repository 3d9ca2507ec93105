"""One proxy through its lives: started again with the same files, its log read as it grows."""

import os
import re
import signal
import threading
import time

from support.ringway import Access, Ringway
from support.waiting import wait_until
from support.web import Web

_LEVEL = re.compile(r"^\S+ (error|critical)\b")


class LogReader:
    """Reads a log that is rotated. `read` by one thread, `rotate` by another."""

    def __init__(self, path):
        self.errors: list[str] = []
        self._path = path
        self._files: list = []  # those that may still grow, and what began a line in each
        self._lock = threading.Lock()

    def begin(self):
        with self._lock:
            self._files.append([open(self._path, "rb"), b""])

    def rotate(self, proxy: Ringway):
        """What logrotate does; the old file is read on."""
        old = self._path.with_suffix(".old")
        self._path.rename(old)
        proxy.signal(signal.SIGUSR1)
        wait_until(self._path.exists, "the log to be opened again")
        self.begin()
        with self._lock:
            del self._files[:-3]
        old.unlink()

    def read(self) -> list[Access]:
        """The access lines since the last time; errors are kept."""
        with self._lock:
            lines = [line for file in self._files for line in self._lines_of(file)]
        found = []
        for line in lines:
            if access := Access.parse(line):
                found.append(access)
            elif _LEVEL.match(line):
                self.errors.append(line)
        return found

    def _lines_of(self, file: list) -> list[str]:
        *lines, file[1] = (file[1] + file[0].read()).split(b"\n")
        return [line.decode(errors="backslashreplace") for line in lines]


class Proxy:
    """`ringway` is the process of now."""

    def __init__(self, folder, world):
        self.folder, self.world = folder, world
        self.web = Web(world.addresses()["http"][1])
        self.log = LogReader(world.log)
        self.lives = 0
        self.away = threading.Event()  # between two lives
        self.start()

    def start(self):
        fresh = not self.world.log.exists()
        self.ringway = Ringway(self.folder / "proxy", self.world.config(), wait_ready=False)
        wait_until(self.is_ready, "the proxy to be ready", 60)
        if fresh:
            self.log.begin()
        self.lives += 1

    def is_ready(self) -> bool:
        if not self.ringway.running():
            raise AssertionError(f"the proxy ended:\n{self.ringway.log()[-4000:]}")
        try:
            return self.web.get("/readyz").status == 200
        except OSError:
            return False

    def restart(self, number: int):
        """Ends by this signal, and is there again when it returns."""
        self.away.set()
        self.ringway.signal(number)
        self.ringway.wait_exit(60)
        self.ringway.check_sanitizer()
        self.world.begin_life()
        self.start()
        self.away.clear()

    def descriptors(self) -> tuple[int, int]:
        """Those of pipes, which are kept for bulk, and all others."""
        folder = f"/proc/{self.ringway.pid}/fd"
        pipes = others = 0
        for name in os.listdir(folder):
            try:
                is_pipe = os.readlink(f"{folder}/{name}").startswith("pipe:")
            except OSError:
                continue
            pipes, others = pipes + is_pipe, others + (not is_pipe)
        return pipes, others

    def watch_ready(self, verdicts):
        begin = time.monotonic()
        try:
            answer = self.web.get("/readyz")
            words = f"{answer.status} {answer.body!r} after {time.monotonic() - begin:.2f} s"
            verdicts.check(answer.status == 200 or self.away.is_set(), "/readyz answers", words)
        except OSError as error:
            # It may have been away for a part of this time.
            if not self.away.is_set() and self.ringway.running():
                verdicts.violated("/readyz answers", repr(error))
