"""A link to a TCP server that can be slow, silent or cut, for one user of the server alone."""

import asyncio
import contextlib
import threading

from support.ports import free_port


class Link:
    """Listens on an address of its own and carries all bytes to `target` and back.

    Silent, it accepts and keeps connections and carries nothing, as a peer that hangs: its
    kernel answers. Cut, it refuses connections, and has ended those that it had.
    """

    def __init__(self, target: str, delay: float = 0):
        self._host, port = target.rsplit(":", 1)
        self._port = int(port)
        self._delay = delay  # before the first byte of a connection is carried
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.accepted = 0  # connections so far
        self._tasks = set()
        self._loop = asyncio.new_event_loop()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._listening = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.mend()

    def silence(self):
        self._loop.call_soon_threadsafe(self._speaks.clear)

    def cut(self):
        self._run(self._cut())

    def mend(self):
        """Ends silence and cut."""
        self._run(self._mend())

    def stop(self):
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _cut(self):
        if self._listening is not None:
            self._listening.close()
            self._listening = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _mend(self):
        self._speaks.set()
        if self._listening is None:
            self._listening = await asyncio.start_server(
                self._accept, "127.0.0.1", self.port, reuse_address=True
            )

    async def _accept(self, reader, writer):
        self.accepted += 1
        task = asyncio.current_task()
        self._tasks.add(task)
        writers = [writer]
        try:
            await asyncio.sleep(self._delay)
            far_reader, far_writer = await asyncio.open_connection(self._host, self._port)
            writers.append(far_writer)
            ways = [self._carry(reader, far_writer), self._carry(far_reader, writer)]
            ways = [asyncio.ensure_future(way) for way in ways]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.transport.abort()

    async def _carry(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._speaks.wait()
                writer.write(data)
                await writer.drain()
