"""New connections without a pause, each with one HTTP request, every failure kept."""

import itertools
import threading

from support.clients import EOF, dial, read_to_end
from support.waiting import DEADLINE, wait_until


class Churn:
    """Four clients in threads, at full speed while the `with` block runs."""

    def __init__(self, address, header: str, threads: int = 4):
        self.errors = []
        self._address = address
        self._header = header
        self._stop = threading.Event()
        self._counts = [0] * threads
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(DEADLINE)

    @property
    def finished(self) -> int:
        """Connections that have ended, well or not."""
        return sum(self._counts)

    def wait_more(self, count: int):
        """Until so many more connections have begun and ended."""
        target = self.finished + count
        wait_until(lambda: self.finished >= target, f"{count} more connections", DEADLINE * 4)

    def _run(self, thread: int):
        for number in itertools.count():
            if self._stop.is_set():
                return
            user = f"{thread}-{number % 997}"
            try:
                self._ask(user)
            except Exception as error:  # noqa: BLE001 - every exception is a finding
                self.errors.append((user, repr(error)))
            self._counts[thread] += 1

    def _ask(self, user: str):
        with dial(self._address) as sock:
            request = f"GET /name HTTP/1.0\r\nHost: x\r\n{self._header}: {user}\r\n\r\n"
            sock.sendall(request.encode())
            answer, ending = read_to_end(sock)
        if ending != EOF or not answer.startswith(b"HTTP/1.1 200") or b"\r\n\r\n" not in answer:
            raise AssertionError(f"{ending} after {answer!r}")
