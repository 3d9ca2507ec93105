"""Child processes that end with the test, however it ends."""

import ctypes
import signal
import subprocess
from pathlib import Path

from support.waiting import DEADLINE

_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1  # prctl(2)


def _die_with_parent():
    # Covers a test process that is killed and cannot clean up.
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


class Process:
    """One program in the foreground, its output in a file, ended by its own pid."""

    def __init__(self, arguments, log: Path, env=None, stderr=None, cwd=None):
        self.log_path = log
        with open(log, "ab") as out:
            self._popen = subprocess.Popen(
                [str(argument) for argument in arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out if stderr is None else stderr,
                env=env,
                cwd=cwd,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    def running(self) -> bool:
        return self._popen.poll() is None

    def signal(self, number: int):
        self._popen.send_signal(number)

    def wait(self, deadline: float = DEADLINE) -> int:
        """The exit code; negative for a signal, as subprocess has it."""
        return self._popen.wait(timeout=deadline)

    def kill(self):
        """SIGKILL, and the end awaited."""
        if self.running():
            self._popen.kill()
        self._popen.wait(timeout=DEADLINE)

    def stop(self):
        """SIGTERM, and SIGKILL for who does not listen."""
        if not self.running():
            return
        self._popen.terminate()
        try:
            self._popen.wait(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()

    def log(self) -> str:
        return self.log_path.read_text(errors="backslashreplace")
