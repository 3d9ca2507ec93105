"""Readers that pause or take little at a time, and how they differ from vanished machines."""

import os
import select
import socket
import threading
import time

import pytest

from support.backends import Peer
from support.clients import EOF, RESET, dial, read_exactly, read_line, read_to_end
from support.configuration import listener, pool_of
from support.namespaces import NEAR, Namespaces
from support.ports import free_port
from support.waiting import DEADLINE, scaled, wait_until, within

# A lost peer is found after this, in which the kernels of a busy machine answer; a reader
# pauses for several times as long.
UNACKNOWLEDGED = {"unacknowledged": f"{int(within(0.6) * 1000)}ms"}
PAUSE = within(0.6) * 4
# More than the kernels on the way hold, and little enough to be in them.
MORE_THAN_FITS = scaled(24 << 20, least=16 << 20)
FITS = 2 << 20


def noise(count: int) -> bytes:
    return os.urandom(count)


def pause(sock: socket.socket, seconds: float = PAUSE):
    """The reader's own pace; it ends at once if the connection does."""
    poll = select.poll()
    poll.register(sock, select.POLLHUP | select.POLLERR)
    assert not poll.poll(seconds * 1000), "cut in the pause"


def proxy_with(bench, backends, **timeouts):
    entry = listener(free_port(), "source_ip", timeouts={**UNACKNOWLEDGED, **timeouts})
    return bench.ringway({"listeners": [entry], "pools": {"main": pool_of(backends)}})


def test_a_client_that_pauses_gets_everything(bench):
    data = noise(MORE_THAN_FITS)
    backends = bench.backends("a", serve=lambda peer, _backend: peer.sock.sendall(data))
    proxy = proxy_with(bench, backends)
    with dial(proxy.address()) as client:
        head = read_exactly(client, 1000)
        pause(client)
        received, ending = read_to_end(client)
        me = client.getsockname()
    assert (head + received == data, ending) == (True, EOF)
    assert proxy.wait_access(client=me).end == "done"


def test_a_client_that_takes_little_at_a_time_gets_everything(bench):
    data = noise(50_000)
    backends = bench.backends("a", serve=lambda peer, _backend: peer.sock.sendall(data))
    proxy = proxy_with(bench, backends)
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(DEADLINE)
        client.connect(proxy.address())
        received = bytearray()
        while piece := client.recv(1000):
            received += piece
            time.sleep(0.1)  # the client's own pace
        me = client.getsockname()
    assert received == data
    assert proxy.wait_access(client=me).end == "done"


def test_a_server_that_pauses_in_an_upload_gets_everything(bench):
    data = noise(MORE_THAN_FITS)
    go_on = threading.Event()

    def take_late(peer, _backend):
        peer.sock.sendall(b"go\n")
        assert go_on.wait(DEADLINE)
        peer.receive_to_end()
        peer.sock.sendall(b"thanks\n")

    backend = bench.backend("a", take_late)
    proxy = proxy_with(bench, [backend])
    with dial(proxy.address()) as client:
        assert read_line(client) == b"go"
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(1)))
        sender.start()
        pause(client)
        go_on.set()
        assert read_to_end(client) == (b"thanks\n", EOF)
        sender.join()
    (peer,) = backend.peers
    assert (bytes(peer.received) == data, peer.ending) == (True, EOF)


# The client has ended its side before, or the server's end is the first.
@pytest.mark.parametrize("client_ends", ["before", "after"])
def test_what_the_kernel_holds_after_both_clean_ends_is_delivered(bench, client_ends):
    data = noise(FITS)
    backends = bench.backends("a", serve=lambda peer, _backend: peer.sock.sendall(data))
    proxy = proxy_with(bench, backends, half_close="300ms")
    with dial(proxy.address()) as client:
        if client_ends == "before":
            client.shutdown(1)
        head = read_exactly(client, 1000)
        wait_until(lambda: proxy.server("a")["bytes_down"] == FITS, "the kernel to take it all")
        if client_ends == "after":
            client.shutdown(1)
        pause(client)
        received, ending = read_to_end(client)
        me = client.getsockname()
    assert (head + received == data, ending) == (True, EOF)
    line = proxy.wait_access(client=me)
    # It is over when the client has it all, not when the kernel has.
    assert (line.end, line.total_ms >= PAUSE * 1000) == ("done", True)


def test_a_reader_that_pauses_is_bounded_by_idle(bench):
    data = noise(MORE_THAN_FITS)
    backends = bench.backends("a", serve=lambda peer, _backend: peer.sock.sendall(data))
    proxy = proxy_with(bench, backends, idle="1s")
    begin = time.monotonic()
    with dial(proxy.address()) as client:
        me = client.getsockname()
        assert proxy.wait_access(client=me).end == "idle_timeout"
        assert time.monotonic() - begin > 0.9
        received, ending = read_to_end(client)
    assert (data.startswith(received), ending) == (True, RESET)


def test_a_side_half_closed_for_ever_ends_after_a_reader_has_caught_up(bench):
    data = noise(FITS)

    def end_and_wait(peer, _backend):
        peer.sock.sendall(data)
        peer.sock.shutdown(1)
        peer.receive_to_end()

    proxy = proxy_with(bench, bench.backends("a", serve=end_and_wait), half_close="300ms")
    with dial(proxy.address()) as client:
        pause(client)
        assert read_to_end(client) == (data, EOF)
        caught_up = time.monotonic()
        me = client.getsockname()
        assert proxy.wait_access(client=me).end == "half_close_timeout"
        assert time.monotonic() - caught_up < DEADLINE / 2  # idle is 10 minutes


class Wire:
    """A proxy among machines that can vanish: one server and a client on the far side."""

    SERVER, CLIENT, PORT = "10.231.77.11", "10.231.77.21", 7000

    def __init__(self, bench, **timeouts):
        self.wire = bench.start(Namespaces())
        self.wire.add(self.SERVER)
        self.wire.add(self.CLIENT)
        self._listening = self.wire.far_socket()
        self._listening.bind((self.SERVER, self.PORT))
        self._listening.listen()
        entry = listener(self.PORT, "source_ip", timeouts={"unacknowledged": "1s", **timeouts})
        entry["bind"] = f"{NEAR}:{self.PORT}"
        servers = [{"id": "a", "address": f"{self.SERVER}:{self.PORT}"}]
        config = {"listeners": [entry], "pools": {"main": {"servers": servers}}}
        self.proxy = bench.ringway(config, prefix=self.wire.prefix())

    def connect(self) -> tuple[socket.socket, Peer]:
        client = self.wire.far_socket()
        client.settimeout(DEADLINE)
        client.bind((self.CLIENT, 0))
        client.connect((NEAR, self.PORT))
        self._listening.settimeout(DEADLINE)
        server, _ = self._listening.accept()
        server.settimeout(DEADLINE)
        return client, Peer(server)


# tests/faults.md 45
@pytest.mark.parametrize("ends", ["open", "ended"])
def test_a_reader_whose_machine_vanishes_in_its_pause_is_lost(bench, ends):
    wire = Wire(bench)
    client, server = wire.connect()
    server.sock.sendall(noise(FITS))
    read_exactly(client, 1000)
    if ends == "ended":
        server.sock.shutdown(1)
        client.shutdown(1)
    pause(client, 3.0)
    assert wire.proxy.server("a")["active"] == 1
    wire.wire.vanish(wire.CLIENT)
    # A probe every few seconds by now: two go without an answer first.
    lines = wait_until(wire.proxy.access_log, "the client to be lost", DEADLINE * 4)
    assert [line.end for line in lines] == ["client_lost"]
    client.close()
    server.sock.close()


# tests/faults.md 11: what the proxy can give to the kernel is no sign of life.
def test_a_client_that_vanishes_while_bytes_trickle_to_it_is_lost(bench):
    wire = Wire(bench)
    client, server = wire.connect()
    stop = threading.Event()

    def trickle():
        try:
            while not stop.wait(0.02):
                server.sock.sendall(b"x")
        except OSError:
            pass

    sender = threading.Thread(target=trickle)
    sender.start()
    read_exactly(client, 10)
    begin = time.monotonic()
    wire.wire.vanish(wire.CLIENT)
    vanished = time.monotonic()
    assert wire.proxy.wait_access(server="a").end == "client_lost"
    lost = time.monotonic()
    assert lost - begin > 0.7 and lost - vanished < within(2.0)
    stop.set()
    sender.join()
    client.close()
