"""Blocking clients that distinguish the ways in which a connection ends."""

import socket
import struct

from support.waiting import DEADLINE

EOF = "eof"
RESET = "reset"


def dial(address, source: str | None = None, timeout: float = DEADLINE) -> socket.socket:
    """A connection to (host, port), from the loopback address `source` where given."""
    bound = (source, 0) if source else None
    sock = socket.create_connection(address, timeout=timeout, source_address=bound)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def reset(sock: socket.socket):
    """Closes with a RST instead of a FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def read_line(sock: socket.socket) -> bytes:
    """One line without its newline, and not a byte more."""
    line = bytearray()
    while True:
        byte = sock.recv(1)
        if not byte:
            raise EOFError(f"ended after {bytes(line)!r}")
        if byte == b"\n":
            return bytes(line)
        line += byte


def read_exactly(sock: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        piece = sock.recv(min(1 << 20, count - len(data)))
        if not piece:
            raise EOFError(f"ended after {len(data)} of {count} bytes")
        data += piece
    return bytes(data)


def read_to_end(sock: socket.socket) -> tuple[bytes, str]:
    """Everything that comes, and how it ended: EOF or RESET."""
    data = bytearray()
    while True:
        try:
            piece = sock.recv(1 << 20)
        except ConnectionResetError:
            return bytes(data), RESET
        if not piece:
            return bytes(data), EOF
        data += piece


def ask(address, key: bytes, source: str | None = None) -> str:
    """The name of the backend that a first line with `key` is placed on."""
    with dial(address, source) as sock:
        sock.sendall(key + b"\n")
        return read_line(sock).decode()


def send_ignoring_reset(sock: socket.socket, data: bytes):
    """Sends to a peer that is expected to reset at some point of it."""
    try:
        sock.sendall(data)
    except (ConnectionResetError, BrokenPipeError):
        pass
