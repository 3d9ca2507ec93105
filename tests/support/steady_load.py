"""New connections at a steady rate, each with a key, and who answered."""

import threading
import time
from dataclasses import dataclass

from support.clients import RESET, read_line
from support.clients import dial


@dataclass
class Answer:
    key: bytes
    begun: float  # time.monotonic()
    took: float
    server: str | None  # None where there was no answer
    error: str = ""
    client: tuple = ()  # address and port


class SteadyLoad:
    """Threads that connect, send a key as a line, read a name and close, until stopped."""

    def __init__(self, address, keys: list[bytes], rate: float, threads: int = 8):
        self.answers: list[Answer] = []
        self._address, self._keys, self._rate = address, keys, rate
        self._next, self._lock = 0, threading.Lock()
        self._stop = threading.Event()
        self._begin = time.monotonic()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def failures(self) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.server is None]

    def since(self, begun: float) -> list[Answer]:
        return [answer for answer in list(self.answers) if answer.begun >= begun]

    def _run(self):
        while not self._stop.is_set():
            with self._lock:
                number, self._next = self._next, self._next + 1
            pause = self._begin + number / self._rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            self.answers.append(self._ask(self._keys[number % len(self._keys)]))

    def _ask(self, key: bytes) -> Answer:
        begun = time.monotonic()
        me, server, error = (), None, ""
        try:
            with dial(self._address) as client:
                me = client.getsockname()
                client.sendall(key + b"\n")
                server = read_line(client).decode()
        except ConnectionResetError:
            error = RESET
        except (OSError, EOFError) as reason:
            error = repr(reason)
        return Answer(key, begun, time.monotonic() - begun, server, error, me)
