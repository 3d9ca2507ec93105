"""Clients that are slow, broken or hostile. Each is counted, and ends as documented."""

import random
import socket
import time

from support.clients import reset, send_ignoring_reset
from support.proxy_protocol import SIGNATURE, v2

from soaklib.clients import KEYS, dial, random_source
from soaklib.laws import Record

LEFT = frozenset({"client_left", "client_reset", "key_missing", "done"})
# Of the listeners `main` and `proxied`. A well-behaved client of this program, whose threads take
# turns, must send its key within it, also on a machine that is busy with other things.
KEY_TIMEOUT_S = 10
MAX_BYTES = 1024  # of a key of `main`
# The server's end, where it may be killed meanwhile.
SERVER_ENDS = frozenset({"server_reset", "server_down", "server_removed", "connect_failed"})


def await_end(sock: socket.socket):
    """Reads until the proxy ends the connection."""
    try:
        while sock.recv(1 << 16):
            pass
    except ConnectionResetError:
        pass


class Hostile:
    def __init__(self, addresses: dict, judge):
        self.count = 0
        self._addresses, self._judge = addresses, judge

    def act(self, source: random.Random):
        """One that ends soon."""
        acts = (self._garbage, self._leaves, self._resets, self._wrong_header, self._half_open)
        self._meet(source, source.choice(acts))

    def slow_writer(self, source: random.Random):
        self._meet(source, self._slowloris)

    def slow_reader(self, source: random.Random):
        self._meet(source, self._reads_slowly)

    def _meet(self, source: random.Random, act):
        listener = "proxied" if act == self._wrong_header else "main"
        begin = time.monotonic()
        sock = dial(self._addresses[listener], random_source(source))
        me = "%s:%d" % sock.getsockname()
        record = Record(listener, "flappy", me, b"", begin, act.__name__)
        with sock:
            try:
                record.ends = act(sock, record, source)
            finally:
                record.end = time.monotonic()
                self.count += 1
                self._judge.take(record)

    def _send(self, sock, record: Record, data: bytes):
        record.sent += len(data)
        send_ignoring_reset(sock, data)

    def _garbage(self, sock, record, source):
        """Never a line's end."""
        data = source.randbytes(MAX_BYTES * 3).replace(b"\n", b"x").replace(b" ", b"y")
        self._send(sock, record, data.replace(b"\t", b"z"))
        await_end(sock)
        return frozenset({"key_too_large"})

    def _leaves(self, sock, record, source):
        """Ends with a half of a first line, or none."""
        self._send(sock, record, b"key"[: source.randrange(4)])
        sock.shutdown(socket.SHUT_WR)
        await_end(sock)
        return frozenset({"key_missing"} if record.sent else {"key_missing", "client_left"})

    def _resets(self, sock, record, source):
        words = f"{source.choice(KEYS)} ask 1000000\n".encode()
        self._send(sock, record, words[: source.randrange(len(words) + 1)])
        time.sleep(source.choice((0, 0, 0.001, 0.05)))
        reset(sock)
        return LEFT | SERVER_ENDS

    def _wrong_header(self, sock, record, source):
        """Nothing of what was sent reaches a server."""
        header, end = source.choice(
            (
                (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "proxy_missing"),
                (b"PROXY TCP4 1.2.3 nonsense\r\n", "proxy_malformed"),
                (b"PROXY TCP4 " + b"1" * 200, "proxy_malformed"),
                (SIGNATURE + b"\x31\x11\x00\x0c" + bytes(12), "proxy_malformed"),
                (v2(block=b"\1\2\3"), "proxy_malformed"),
                (v2()[:20], "key_timeout"),
            )
        )
        send_ignoring_reset(sock, header)
        await_end(sock)
        return frozenset({end})

    def _half_open(self, sock, record, source):
        """A whole request, and no word after it; then gone without reading the answer."""
        self._send(sock, record, f"{source.choice(KEYS)} ask 2000000\n".encode())
        time.sleep(source.uniform(0, 0.5))
        return LEFT | SERVER_ENDS

    def _slowloris(self, sock, record, source):
        """A byte now and then, until the proxy has had enough."""
        begin = time.monotonic()
        sock.settimeout(0.2)
        while time.monotonic() < begin + KEY_TIMEOUT_S * 3:
            try:
                record.sent += 1
                sock.sendall(b"k")
                if not sock.recv(100):
                    break
            except TimeoutError:
                continue
            except (ConnectionResetError, BrokenPipeError):
                break
        return frozenset({"key_timeout"})

    def _reads_slowly(self, sock, record, source):
        """Small pieces of a large answer, then no more."""
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._send(sock, record, f"{source.choice(KEYS)} ask 5000000\n".encode())
        until = time.monotonic() + source.uniform(1, 8)
        try:
            while time.monotonic() < until and sock.recv(2000):
                time.sleep(0.02)
        except ConnectionResetError:
            pass
        return LEFT | SERVER_ENDS


def flood_admin(path, source: random.Random):
    """Garbage, long lines, and clients of the admin socket that do not read."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(1)
        try:
            sock.connect(str(path))
            kind = source.randrange(3)
            if kind == 0:
                sock.sendall(source.randbytes(5000))
            elif kind == 1:
                sock.sendall(b"x" * 200_000)
            else:
                sock.sendall(b"servers\n" * 2000)
            time.sleep(0.1)
        except OSError:
            pass


def flood_http(address, source: random.Random):
    """Garbage, half a request, and a request that is never finished."""
    try:
        with socket.create_connection(address, timeout=1) as sock:
            endless = b"GET / HTTP/1.1\r\nX: " + b"y" * 100_000
            sock.sendall(source.choice((source.randbytes(3000), b"GET /metr", endless)))
            time.sleep(0.1)
    except OSError:
        pass
