"""New connections at a steady rate from the client's namespace, however long some of them take.

Each connects, sends its key as a line, reads the name of a server and closes. One that waits
for an answer holds up no other, so times without an answer are seen as they are.
"""

import asyncio
import itertools
import socket
import threading
import time
from dataclasses import dataclass

from support.namespaces import enter
from support.waiting import DEADLINE

LIMIT = 4000  # connections at once


@dataclass
class Attempt:
    key: bytes
    begun: float  # time.monotonic()
    connected: float | None = None
    ended: float = 0
    server: str | None = None  # None where there was no answer
    error: str = ""


class FrontLoad:
    def __init__(self, namespace: str, address, sources: list[str], keys, rate: float):
        self.attempts: list[Attempt] = []  # those that have ended
        self._address, self._sources, self._rate = address, sources, rate
        self._keys = keys
        self._stop = threading.Event()
        self._broken = None
        self._thread = threading.Thread(target=self._run, args=[namespace], daemon=True)
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()
        if self._broken:
            raise self._broken

    def answers(self, since: float = 0) -> list[Attempt]:
        """Those that begun since then and were answered."""
        ended = list(self.attempts)
        return [attempt for attempt in ended if attempt.server and attempt.begun >= since]

    def failures(self) -> list[Attempt]:
        return [attempt for attempt in list(self.attempts) if not attempt.server]

    def _run(self, namespace: str):
        try:
            assert enter(namespace), "setns failed"
            asyncio.run(self._begin_all())
        except BaseException as broken:
            self._broken = broken

    async def _begin_all(self):
        begin = time.monotonic()
        running = set()
        for number in itertools.count():
            pause = begin + number / self._rate - time.monotonic()
            # Who is late begins no burst, but goes on from here.
            begin = max(begin, begin - pause - 0.1)
            await asyncio.sleep(max(pause, 0))
            if self._stop.is_set():
                break
            if len(running) < LIMIT:
                task = asyncio.create_task(self._ask(number))
                running.add(task)
                task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _ask(self, number: int):
        attempt = Attempt(self._keys[number % len(self._keys)], time.monotonic())
        source = self._sources[number % len(self._sources)]
        with socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET) as sock:
            sock.setblocking(False)
            try:
                async with asyncio.timeout(DEADLINE):
                    attempt.server = await self._exchange(sock, source, attempt)
            except (OSError, EOFError, TimeoutError) as reason:
                attempt.error = repr(reason)
        attempt.ended = time.monotonic()
        self.attempts.append(attempt)

    async def _exchange(self, sock: socket.socket, source: str, attempt: Attempt) -> str:
        loop = asyncio.get_running_loop()
        sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        sock.bind((source, 0))
        await loop.sock_connect(sock, self._address)
        attempt.connected = time.monotonic()
        await loop.sock_sendall(sock, attempt.key + b"\n")
        line = b""
        while not line.endswith(b"\n"):
            piece = await loop.sock_recv(sock, 100)
            if not piece:
                raise EOFError(f"ended after {line!r}")
            line += piece
        return line[:-1].decode()
