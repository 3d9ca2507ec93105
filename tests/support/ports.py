"""Free loopback ports, without races between test processes that run at once.

The ports lie below the range that the kernel hands to outgoing connections, so
that no passing connection takes one. Each process locks one block of them for
as long as it lives.
"""

import fcntl
import os
import socket
import tempfile

FIRST_PORT = 10_000
BLOCK_SIZE = 500
BLOCKS = 45  # up to port 32,499


class _Block:
    def __init__(self):
        folder = os.path.join(tempfile.gettempdir(), f"ringway-ports-{os.getuid()}")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for number in range(BLOCKS):
            self.lock = open(os.path.join(folder, str(number)), "w")
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.lock.close()
                continue
            self.first = FIRST_PORT + number * BLOCK_SIZE
            self.used = 0
            return
        raise RuntimeError("every block of test ports is taken")

    def next(self) -> int:
        port = self.first + self.used % BLOCK_SIZE
        self.used += 1
        return port


_block = None


def taken_port() -> socket.socket:
    """A listening socket that stands for another process's."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", free_port()))
    sock.listen()
    return sock


def free_port() -> int:
    """A TCP port without a listener; the same one is returned again only after all others."""
    global _block
    if _block is None:
        _block = _Block()
    for _ in range(BLOCK_SIZE):
        port = _block.next()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("0.0.0.0", port))
                probe.listen(1)
            except OSError:
                continue
        return port
    raise RuntimeError("no free port in this process's block")
