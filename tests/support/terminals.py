"""Programs in a terminal of their own, whose screen can be read."""

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time

import pyte

from support.waiting import DEADLINE


class Terminal:
    """`arguments` running in a pty of `columns` x `rows`, and what a person would see there."""

    def __init__(self, arguments, environ, columns: int = 80, rows: int = 24):
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self._size = struct.pack("HHHH", rows, columns, 0, 0)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, self._size)
                os.execvpe(str(arguments[0]), [str(each) for each in arguments], environ)
            finally:
                os._exit(127)
        self._status = None

    def press(self, keys: str):
        os.write(self._fd, keys.encode())

    def resize(self, columns: int, rows: int):
        self.screen.resize(rows, columns)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        return "\n".join(self.lines())

    def wait(self, what, deadline: float = DEADLINE):
        """Until `what`, a text or a predicate of the lines, is on the screen."""
        holds = what if callable(what) else lambda lines: what in "\n".join(lines)
        end = time.monotonic() + deadline
        while not holds(self.lines()):
            left = end - time.monotonic()
            assert left > 0, f"still waiting for {what} on\n{self.text()}"
            self._read(min(left, 0.1))
        return self.lines()

    def wait_exit(self, deadline: float = DEADLINE) -> int:
        end = time.monotonic() + deadline
        while self._status is None:
            self._read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status)
            assert self._status is not None or time.monotonic() < end, self.text()
        return self._status

    def _read(self, patience: float):
        if not select.select([self._fd], [], [], patience)[0]:
            return
        try:
            self._stream.feed(os.read(self._fd, 65536))
        except OSError:  # EIO: the program has ended
            time.sleep(patience)

    def stop(self):
        if self._status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._fd)
