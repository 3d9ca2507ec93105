"""Small TCP servers with a thread per connection; each can misbehave in its own way.

A Backend hands every connection to its `serve` function as a Peer, and keeps
the Peers, so that a test sees what each connection brought and how it ended.
"""

import fcntl
import socket
import struct
import termios
import threading

from support.clients import EOF, RESET, reset
from support.ports import free_port
from support.waiting import DEADLINE, wait_until


class Peer:
    """One accepted connection: its socket, what it has brought, how it ended."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.source = sock.getpeername()
        self.received = bytearray()
        self.ending = None  # EOF, RESET, or None while it is open

    def receive(self) -> bytes:
        """The next bytes, kept in `received`; none at the end, with `ending` set."""
        try:
            data = self.sock.recv(1 << 18)
        except ConnectionResetError:
            self.ending = RESET
            return b""
        if not data:
            self.ending = EOF
        self.received += data
        return data

    def receive_to_end(self):
        while self.receive():
            pass

    def receive_line(self) -> bytes:
        while b"\n" not in self.received:
            if not self.receive():
                return bytes(self.received)
        return bytes(self.received).split(b"\n", 1)[0]

    def wait_acknowledged(self):
        """Until the other end's kernel has every byte that was sent."""

        def unsent():
            raw = fcntl.ioctl(self.sock, termios.TIOCOUTQ, b"\0" * 4)  # tcp(7), SIOCOUTQ
            return struct.unpack("i", raw)[0]

        wait_until(lambda: unsent() == 0, "the sent bytes to be acknowledged")


class Backend:
    """Listens on a loopback port of its own and serves until stopped; can start again."""

    def __init__(
        self,
        name: str,
        serve=None,
        backlog: int = 1024,
        port: int | None = None,
        host: str = "127.0.0.1",
    ):
        self.name = name
        self.host = host
        self.port = port or free_port()
        self.peers: list[Peer] = []
        self._serve = serve or echo
        self._backlog = backlog
        self._listening = None
        self.start()

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def start(self):
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((self.host, self.port))
        listening.listen(self._backlog)
        self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def _accept(self, listening):
        while True:
            try:
                sock, _ = listening.accept()
                peer = Peer(sock)
            except OSError:
                if listening.fileno() < 0 or self._listening is not listening:
                    return
                continue
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.peers.append(peer)
            threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        try:
            self._serve(peer, self)
        except OSError:
            peer.ending = peer.ending or RESET
        finally:
            peer.sock.close()

    def stop(self):
        """Refuses new connections and resets those it has."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.shutdown(socket.SHUT_RDWR)  # wakes accept(), which close() does not
            listening.close()
        for peer in self.peers:
            if peer.sock.fileno() >= 0:
                try:
                    peer.sock.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                    peer.sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass


def echo(peer: Peer, backend: Backend):
    """Names itself in one line, then echoes all bytes."""
    peer.sock.sendall(backend.name.encode() + b"\n")
    while data := peer.receive():
        peer.sock.sendall(data)


def record(peer: Peer, backend: Backend):
    """Names itself in one line, then only listens."""
    peer.sock.sendall(backend.name.encode() + b"\n")
    peer.receive_to_end()


def silent(peer: Peer, _backend: Backend):
    """Reads and never sends a byte; stays open after the client's end."""
    peer.receive_to_end()
    if peer.ending == EOF:
        # Only a reset ends it now; the poll reports it without a byte being sent.
        wait_until(lambda: _broken(peer.sock), "the proxy to give up", DEADLINE)
        peer.ending = RESET


def reset_at_once(peer: Peer, _backend: Backend):
    """Accepts and resets before a byte is read."""
    reset(peer.sock)


def _broken(sock: socket.socket) -> bool:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


class Blackhole:
    """An address where connecting never gets an answer.

    Linux drops the SYNs for a listening socket whose queue of accepted
    connections is full (listen(2), tcp_abort_on_overflow off, the default).
    """

    def __init__(self):
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._listening = socket.socket()
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listening.bind(("127.0.0.1", self.port))
        self._listening.listen(0)
        self._fillers = []
        while self._fill():
            pass

    def _fill(self) -> bool:
        """Adds one connection; false once one is left without an answer."""
        filler = socket.socket()
        self._fillers.append(filler)
        filler.settimeout(0.2)
        try:
            filler.connect(("127.0.0.1", self.port))
        except TimeoutError:
            return False
        return True

    def stop(self):
        for filler in self._fillers:
            filler.close()
        self._listening.close()
