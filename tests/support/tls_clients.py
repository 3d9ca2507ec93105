"""A listener that terminates TLS, and a client with the TLS in its own hands."""

import os
import ssl

import pytest

from support.clients import dial
from support.configuration import listener, pool_of
from support.ports import free_port

SITE = "site.example"


def tls_proxy(bench, authority, backends, key="first_line", listen=None, engine="auto", **tls):
    entry = {"certificates": tls.pop("certificates", None) or [authority.issue(SITE)], **tls}
    return bench.ringway(
        {
            "engine": engine,
            "listeners": [listener(free_port(), key, tls=entry, **(listen or {}))],
            "pools": {"main": pool_of(backends)},
        }
    )


def echo_megabytes(address, context) -> int:
    """Sends so many bytes, in pieces, to an echo server "a", which must return them whole."""
    data = os.urandom(3_000_000)
    with dial(address) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
        assert tls.recv(2) == b"a\n"
        got = bytearray()
        for end in range(50_000, len(data) + 1, 50_000):
            tls.sendall(data[end - 50_000 : end])
            while len(got) < end:
                got += tls.recv(1 << 16)
        assert bytes(got) == data
        tls.unwrap()
    return len(data)


class TlsClient:
    """A client with the TLS in its own hands: what it sends and when is the test's."""

    def __init__(self, address, context, name=SITE, source=None):
        self.sock = dial(address, source)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def flush(self):
        if self.outgoing.pending:
            self.sock.sendall(self.outgoing.read())

    def _until(self, step):
        while True:
            try:
                result = step()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                data = self.sock.recv(1 << 16)
                if not data:
                    self.incoming.write_eof()
                self.incoming.write(data)

    def handshake(self):
        self._until(self.tls.do_handshake)
        return self

    def send(self, data: bytes):
        self.tls.write(data)
        self.flush()

    def read(self) -> bytes:
        try:
            return self._until(lambda: self.tls.read(1 << 16))
        except ssl.SSLZeroReturnError:  # close_notify
            return b""

    def exactly(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size and (more := self.read()):
            got += more
        return bytes(got)

    def say_end(self):
        """close_notify alone; the network's stream goes on. Nothing may wait to be read."""
        with pytest.raises(ssl.SSLWantReadError):  # the other side's is still to come
            self.tls.unwrap()
        self.flush()

    def read_to_end(self) -> bytes:
        """What comes until close_notify; ssl.SSLError where the stream ends without it."""
        return b"".join(iter(self.read, b""))
