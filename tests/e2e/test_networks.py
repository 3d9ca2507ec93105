"""Networks that change or break: routers that report errors or drop packets, MTUs, addresses.

Timeouts of connections are long where a stream is to survive, and short where it is to end.
"""

import os
import socket
import threading
import time

import pytest

from support.clients import RESET, read_exactly, read_line, read_to_end
from support.far_servers import CLIENT, accept, connect, key_of, listening, start
from support.lossy import LargeLost
from support.namespaces import NEAR, Namespaces
from support.routed import RoutedNamespaces
from support.waiting import DEADLINE, scaled, wait_until, within

SERVERS = {"a": "10.231.78.11", "b": "10.231.78.12"}
SOURCE = "10.231.77.2"
# More than the kernels on the way hold.
BULK = scaled(24 << 20, least=16 << 20)


@pytest.fixture
def routed(bench):
    wire = bench.start(RoutedNamespaces())
    wire.add(CLIENT)
    for address in SERVERS.values():
        wire.add_behind(address)
    return wire


def joined(wire, proxy, server: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A client of the proxy, and the server's end of its connection, which has its key."""
    client = connect(wire)
    client.sendall(key_of(proxy, "a") + b"\n")
    peer = accept(server)
    read_line(peer)
    return client, peer


class Exchange:
    """Noise in both directions at once, of `size` bytes each, in pieces."""

    def __init__(self, client: socket.socket, peer: socket.socket, size: int):
        self.sent = [os.urandom(size), os.urandom(size)]
        self.received = [b"", b""]
        self.halfway = threading.Event()
        ends = (client, peer)
        self._threads = [
            threading.Thread(target=work, args=(ends, way), daemon=True)
            for way in (0, 1)
            for work in (self._send, self._receive)
        ]
        for thread in self._threads:
            thread.start()

    def _send(self, ends, way: int):
        half = len(self.sent[way]) // 2
        ends[way].sendall(self.sent[way][:half])
        self.halfway.set()
        ends[way].sendall(self.sent[way][half:])

    def _receive(self, ends, way: int):
        self.received[way] = read_exactly(ends[1 - way], len(self.sent[way]))

    def is_whole(self) -> bool:
        for thread in self._threads:
            thread.join(DEADLINE)
        return self.received == self.sent


# tests/faults.md 108
@pytest.mark.parametrize("kind", ["unreachable", "prohibit"])
def test_a_server_that_a_router_reports_unreachable_is_not_waited_for(bench, routed, kind):
    first = listening(routed.socket_behind(), SERVERS["a"])
    other = listening(routed.socket_behind(), SERVERS["b"])
    connect_settings = {"timeout": "30s", "budget": "60s"}
    checks = {"interval": "200ms", "timeout": "150ms", "fall": 3}
    proxy = start(bench, routed, SERVERS, connect=connect_settings)
    key = key_of(proxy, "a")
    routed.misroute(SERVERS["a"], kind)
    client = connect(routed)
    client.sendall(key + b"\nearly\n")
    peer = accept(other)
    assert (read_line(peer), read_line(peer)) == (key, b"early")
    peer.close()
    client.close()
    assert proxy.wait_access(server="b").attempts == 2
    assert proxy.server("a")["connect_failures"] == 1
    assert routed.errors_received() > 0
    # And checks say so.
    config = dict(proxy.config)
    config["pools"]["main"]["health"] = checks
    proxy.reload_well(config)
    proxy.wait_server("a", "offline")
    assert proxy.server("a")["detail"] == "down: unreachable"
    routed.route(SERVERS["a"])
    proxy.wait_server("a", "online")
    first.close()


# tests/faults.md 108: only connect(2) may fail by such an error; a connection's packets may be
# sent another way (RFC 1122, 4.2.3.9).
@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole"])
def test_a_stream_survives_routes_that_are_gone_for_a_while(bench, routed, kind):
    server = listening(routed.socket_behind(), SERVERS["a"])
    proxy = start(bench, routed, SERVERS)
    client, peer = joined(routed, proxy, server)
    errors = routed.errors_received()
    exchange = Exchange(client, peer, BULK)
    assert exchange.halfway.wait(DEADLINE)
    routed.misroute(SERVERS["a"], kind)
    if kind == "blackhole":
        time.sleep(0.5)  # nothing shows that packets are dropped
    else:
        wait_until(lambda: routed.errors_received() > errors, "an ICMP error")
    routed.route(SERVERS["a"])
    assert exchange.is_whole()
    client.close()
    assert peer.recv(1) == b""
    peer.close()
    assert proxy.wait_access(server="a").end == "done"


# tests/faults.md 108
@pytest.mark.parametrize("kind", ["unreachable", "prohibit", "blackhole"])
def test_a_server_whose_route_stays_gone_is_lost(bench, routed, kind):
    server = listening(routed.socket_behind(), SERVERS["a"])
    proxy = start(bench, routed, SERVERS, timeouts={"unacknowledged": "1s"})
    client, _peer = joined(routed, proxy, server)
    routed.misroute(SERVERS["a"], kind)
    begin = time.monotonic()
    client.sendall(b"anybody there?\n")
    assert read_to_end(client) == (b"", RESET)
    assert 0.8 < time.monotonic() - begin < within(2.0)
    assert proxy.wait_access(server="a").end == "server_lost"


# tests/faults.md 109: between the proxy and the servers, to tell it from the client's way
def test_a_stream_survives_a_path_whose_mtu_shrinks_and_grows(bench, routed):
    server = listening(routed.socket_behind(), SERVERS["a"])
    proxy = start(bench, routed, SERVERS)
    client, peer = joined(routed, proxy, server)
    for mtu in (600, 1500, 900):
        exchange = Exchange(client, peer, BULK)
        assert exchange.halfway.wait(DEADLINE)
        routed.set_mtu_behind(mtu)
        assert exchange.is_whole()
    assert routed.errors_received() > 0  # "fragmentation needed"
    client.close()
    assert peer.recv(1) == b""


# tests/faults.md 109: nobody reports what was dropped (RFC 2923, 2.1)
def test_a_path_that_drops_large_packets_in_silence_loses_the_server(bench):
    wire = bench.start(LargeLost())
    for address in (CLIENT, SERVERS["a"]):
        wire.add(address)
    server = listening(wire.far_socket(), SERVERS["a"])
    proxy = start(bench, wire, SERVERS, timeouts={"unacknowledged": "2s"})
    client, peer = joined(wire, proxy, server)
    client.sendall(b"small\n")
    assert read_line(peer) == b"small"
    client.sendall(b"x" * 100_000)
    received, ending = read_to_end(client)
    assert (received, ending) == (b"", RESET)
    assert proxy.wait_access(server="a").end == "server_lost"


@pytest.fixture
def flat(bench):
    wire = bench.start(Namespaces())
    for address in (CLIENT, *SERVERS.values()):
        wire.add(address)
    wire.add_near(SOURCE)  # without any address a device would lose its routes too
    return wire


# tests/faults.md 111
def test_a_stream_survives_an_address_of_the_proxy_that_is_gone_for_a_while(bench, flat):
    server = listening(flat.far_socket(), SERVERS["a"])
    proxy = start(bench, flat, SERVERS)
    client, peer = joined(flat, proxy, server)
    exchange = Exchange(client, peer, BULK)
    assert exchange.halfway.wait(DEADLINE)
    flat.remove_near(NEAR)
    time.sleep(0.3)  # in which nothing is heard
    flat.add_near(NEAR)
    assert exchange.is_whole()
    # And the listener still has its address.
    other, _peer = joined(flat, proxy, server)
    other.close()


# tests/faults.md 111
def test_a_source_address_that_is_removed_is_this_machines_fault(bench, flat):
    server = listening(flat.far_socket(), SERVERS["a"])
    connect_settings = {"source_v4": SOURCE}
    proxy = start(bench, flat, {"a": SERVERS["a"]}, {"unacknowledged": "1s"},
                  connect=connect_settings)  # fmt: skip
    client, peer = joined(flat, proxy, server)
    assert peer.getpeername()[0] == SOURCE
    flat.remove_near(SOURCE)
    client.sendall(b"anybody there?\n")
    assert read_to_end(client) == (b"", RESET)
    assert proxy.wait_access(server="a").end == "server_lost"
    refused = connect(flat)
    refused.sendall(b"key\n")
    assert read_to_end(refused) == (b"", RESET)
    assert proxy.server("a")["connect_failures"] == 0
    assert proxy.server("a")["local_dial_failures"] >= 1
    flat.add_near(SOURCE)
    client, peer = joined(flat, proxy, server)
    client.close()
