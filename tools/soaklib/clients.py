"""Clients that mean well: what they send and get is exact, or the reason is known."""

import hashlib
import random
import socket
import time

from support.clients import read_exactly, read_line, read_to_end
from support.resp import Resp, encode
from support.waiting import PATIENCE

from soaklib.laws import WELL, Record
from soaklib.server import pattern

KEYS = [f"key-{number}" for number in range(400)]
PATIENCE_S = 30.0 * PATIENCE  # of a client; no server is stopped for so long


def dial(address, source: str) -> socket.socket:
    sock = socket.socket()
    # The port is chosen when the connection is, for this address and port of the proxy.
    sock.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT, ip(7)
    sock.settimeout(PATIENCE_S)
    try:
        sock.bind((source, 0))
        sock.connect(address)
    except OSError:
        sock.close()
        raise
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def random_source(source: random.Random) -> str:
    return f"127.7.{source.randrange(4)}.{source.randrange(1, 40)}"


class Clients:
    def __init__(self, addresses: dict, judge):
        self.counts = {"ask": 0, "hold": 0, "upload": 0, "redis": 0}
        self._addresses, self._judge = addresses, judge

    def ask(self, source: random.Random):
        self._session("ask", source, self._ask)

    def hold(self, source: random.Random):
        self._session("hold", source, self._hold)

    def upload(self, source: random.Random):
        self._session("upload", source, self._upload)

    def extra(self, source: random.Random):
        self._session("ask", source, self._ask, "extra", "extra")

    def _session(self, kind: str, source: random.Random, talk, listener="", pool="flappy"):
        """A connection with a key in its line, or by its address or a PROXY header."""
        listener = listener or ("proxied" if source.random() < 0.3 else "main")
        host, word = random_source(source), source.choice(KEYS)
        begin = time.monotonic()
        sock = dial(self._addresses[listener], host)
        key = word if listener == "main" else host
        record = Record(listener, pool, "%s:%d" % sock.getsockname(), key.encode(), begin, kind)
        with sock:
            try:
                if listener == "proxied":
                    self._introduce(sock, record, source)
                talk(sock, record, word, source)
                record.outcome = WELL
            except (OSError, EOFError, ValueError) as error:
                record.outcome = repr(error)
        record.end = time.monotonic()
        self.counts[kind] += 1
        self._judge.take(record)

    def _introduce(self, sock, record: Record, source: random.Random):
        """A PROXY header of version 1, whose address is the key and what the log has."""
        host, port = f"198.51.{source.randrange(4)}.{source.randrange(40)}", sock.getsockname()[1]
        sock.sendall(f"PROXY TCP4 {host} 192.0.2.1 {port} 443\r\n".encode())
        record.client, record.key = f"{host}:{port}", host.encode()

    def _send(self, sock, record: Record, data: bytes):
        record.sent += len(data)
        sock.sendall(data)

    def _name(self, sock, record: Record):
        line = read_line(sock)
        record.received += len(line) + 1
        record.server = line.split()[0].decode()
        return line

    def _ask(self, sock, record: Record, word: str, source: random.Random):
        count = source.choice((0, 64, 64, 1000, 20_000, 300_000))
        self._send(sock, record, f"{word} ask {count}\n".encode())
        self._name(sock, record)
        data, ending = read_to_end(sock)
        record.received += len(data)
        expected = pattern(word.encode(), count)
        if not expected.startswith(data):
            record.outcome = "wrong bytes"
            raise AssertionError(f"not the bytes that were sent: {record}")
        if data != expected:
            raise EOFError(f"{ending} after {len(data)} of {count} bytes")

    def _hold(self, sock, record: Record, word: str, source: random.Random):
        """Kept for seconds, with round trips."""
        self._send(sock, record, f"{word} echo 0\n".encode())
        self._name(sock, record)
        until = time.monotonic() + source.uniform(0.5, 6)
        while time.monotonic() < until:
            data = source.randbytes(source.choice((1, 64, 5000)))
            self._send(sock, record, data)
            echo = read_exactly(sock, len(data))
            record.received += len(echo)
            if echo != data:
                raise AssertionError(f"not the bytes that were sent: {record}")
            time.sleep(source.uniform(0, 0.3))
        sock.shutdown(socket.SHUT_WR)
        if read_to_end(sock)[0]:
            raise AssertionError(f"bytes after the end: {record}")

    def _upload(self, sock, record: Record, word: str, source: random.Random):
        self._send(sock, record, f"{word} take 0\n".encode())
        digest = hashlib.sha256()
        for _ in range(source.randrange(1, 40)):
            data = source.randbytes(100_000)
            digest.update(data)
            self._send(sock, record, data)
        sock.shutdown(socket.SHUT_WR)
        _, count, found = self._name(sock, record).split()
        sent = record.sent - len(f"{word} take 0\n")
        if (int(count), found.decode()) != (sent, digest.hexdigest()):
            raise AssertionError(f"other bytes arrived than were sent: {record}")

    def redis(self, source: random.Random):
        """Sets and gets; the access line says which server it was."""
        host = random_source(source)
        begin = time.monotonic()
        client = Resp(self._addresses["redis"], host)
        mine = "%s:%d" % client.sock.getsockname()
        record = Record("redis", "redis", mine, host.encode(), begin, "redis")
        try:
            with client:
                for number in range(source.randrange(1, 5)):
                    value = source.randbytes(source.choice((10, 1000, 100_000)))
                    commands = (("SET", f"{host}-{number}", value), ("GET", f"{host}-{number}"))
                    record.sent += sum(len(encode(words)) for words in commands)
                    client.send(*commands)
                    if (client.answer(), client.answer()) != ("OK", value):
                        raise AssertionError(f"redis has another value: {record}")
                    record.received += len(b"+OK\r\n$%d\r\n\r\n" % len(value)) + len(value)
            record.outcome = WELL
        except (OSError, EOFError) as error:
            record.outcome = repr(error)
        record.end = time.monotonic()
        self.counts["redis"] += 1
        self._judge.take(record)
