"""A server of the soak, a process of its own: `server.py NAME PORT`.

The first line is a key, a verb and a number. `ask N` is answered with the name and N bytes
that follow from the key; `echo` with the name and every later byte; `take` with the name, the
count and the digest of all later bytes, once they have ended. `PING` is a health check.
"""

import asyncio
import hashlib
import sys


def pattern(key: bytes, count: int) -> bytes:
    """The bytes that an ask for `count` is answered with."""
    block = hashlib.sha256(key).digest()
    return (block * (count // len(block) + 1))[:count]


async def _answer(name: bytes, reader, writer):
    line = await reader.readline()
    words = line.split()
    if words == [b"PING"]:
        writer.write(b"+PONG\n")
    elif len(words) == 3 and words[1] == b"ask":
        writer.write(name + b"\n" + pattern(words[0], int(words[2])))
    elif len(words) == 3 and words[1] == b"echo":
        writer.write(name + b"\n")
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    elif len(words) == 3 and words[1] == b"take":
        count, digest = 0, hashlib.sha256()
        while data := await reader.read(1 << 18):
            count += len(data)
            digest.update(data)
        writer.write(b"%s %d %s\n" % (name, count, digest.hexdigest().encode()))
    await writer.drain()


async def _main(name: bytes, port: int):
    async def serve(reader, writer):
        try:
            await _answer(name, reader, writer)
        except (OSError, ValueError, asyncio.IncompleteReadError):
            pass  # a client that broke off, or no line at all
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    print("listens", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(_main(sys.argv[1].encode(), int(sys.argv[2])))
    except KeyboardInterrupt:
        pass
