"""Machines that no longer answer: every packet to them is dropped, none comes back."""

import socket
import time

import pytest

from support.clients import EOF, RESET, read_line, read_to_end
from support.configuration import listener
from support.far_servers import CLIENT, PORT, accept, connect, key_of, listening, start
from support.lossy import FirstSynLost
from support.namespaces import NEAR, Namespaces
from support.waiting import wait_until, within

SERVERS = {"a": "10.231.77.11", "b": "10.231.77.12"}


@pytest.fixture
def wire(bench):
    wire = bench.start(Namespaces())
    for address in (*SERVERS.values(), CLIENT):
        wire.add(address)
    return wire


class Far:
    """The two servers, played by the test: listening sockets on the far side."""

    def __init__(self, wire):
        self.sockets = {}
        for id, address in SERVERS.items():
            self.sockets[id] = listening(wire.far_socket(), address)

    def accept(self, id: str) -> socket.socket:
        return accept(self.sockets[id])


# tests/faults.md 2
def test_a_connect_whose_packets_are_dropped_goes_to_the_next_server(bench, wire):
    far = Far(wire)
    proxy = start(bench, wire, SERVERS, connect={"timeout": "300ms", "budget": "2s"})
    key = key_of(proxy, "a")
    wire.vanish(SERVERS["a"])
    begin = time.monotonic()
    client = connect(wire)
    client.sendall(key + b"\nearly\n")
    server = far.accept("b")
    assert 0.25 < time.monotonic() - begin < within(0.3)
    assert (read_line(server), read_line(server)) == (key, b"early")
    server.close()
    client.close()


def test_the_loss_of_a_first_packet_moves_no_key_and_fails_no_check(bench):
    wire = bench.start(FirstSynLost())
    for address in (*SERVERS.values(), CLIENT):
        wire.add(address)
    far = Far(wire)
    proxy = start(bench, wire, SERVERS, health={})  # and all the defaults
    key = key_of(proxy, "a")
    client = connect(wire)
    client.sendall(key + b"\n")
    client.shutdown(socket.SHUT_WR)
    server = far.accept("a")
    while read_to_end(server) != (key + b"\n", EOF):  # a check
        server = far.accept("a")
    server.close()
    assert proxy.wait_access(server="a").attempts == 1
    client.close()
    for id in SERVERS:
        wait_until(lambda: (proxy.server(id)["last_check"] or {}).get("successes", 0) >= 2, id)
        assert proxy.server(id)["status"] == "online"


# tests/faults.md 2, and 12 by way of the checks
def test_a_checked_machine_that_vanishes_is_offline_and_comes_back(bench, wire):
    far = Far(wire)
    checks = {"interval": "200ms", "timeout": "100ms", "rise": 1, "fall": 2}
    proxy = start(bench, wire, SERVERS, health=checks)
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    key = key_of(proxy, "a")
    wire.vanish(SERVERS["a"])
    begin = time.monotonic()
    proxy.wait_server("a", "offline")
    assert time.monotonic() - begin < within(2 * 0.2 + 0.1 + 0.1)
    assert proxy.server("a")["detail"] == "down: timeout"
    client = connect(wire)
    client.sendall(key + b"\n")
    assert read_line(far.accept("b")) == key
    client.close()
    wire.add(SERVERS["a"])
    proxy.wait_server("a", "online")


# tests/faults.md 11
def test_a_server_that_vanishes_with_data_under_way_ends_the_connection(bench, wire):
    far = Far(wire)
    proxy = start(bench, wire, SERVERS, timeouts={"unacknowledged": "1s"})
    client = connect(wire)
    client.sendall(key_of(proxy, "a") + b"\n")
    server = far.accept("a")
    read_line(server)
    # The options for lost peers are set on connections that last.
    time_of_options = 1.1
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > time_of_options, "the connection to last")
    wire.vanish(SERVERS["a"])
    begin = time.monotonic()
    client.sendall(b"anybody there?\n")
    assert read_to_end(client) == (b"", RESET)
    assert 0.8 < time.monotonic() - begin < within(2.0)
    assert proxy.wait_access(server="a").end == "server_lost"


# tests/faults.md 11
@pytest.mark.parametrize("who", ["client", "server"])
def test_an_idle_peer_that_vanishes_is_found_by_keepalive(bench, wire, who):
    far = Far(wire)
    proxy = start(bench, wire, SERVERS, timeouts={"keepalive": "1s", "unacknowledged": "1s"})
    client = connect(wire)
    client.sendall(key_of(proxy, "a") + b"\n")
    server = far.accept("a")
    read_line(server)
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 1.1, "the connection to last")
    wire.vanish(SERVERS["a"] if who == "server" else CLIENT)
    assert read_to_end(client if who == "server" else server) == (b"", RESET)
    assert proxy.wait_access(server="a").end == f"{who}_lost"


# tests/faults.md 11: the kernel then reports no route instead of a timeout. It gives up by
# itself here, before the proxy does.
@pytest.mark.parametrize("who", ["client", "server"])
def test_a_peer_that_can_no_longer_be_reached_is_lost_and_has_not_reset(bench, wire, who):
    far = Far(wire)
    proxy = start(bench, wire, SERVERS, timeouts={"unacknowledged": "10s"})
    wire.set_near("net.ipv4.tcp_retries2=4")
    client = connect(wire)
    client.sendall(key_of(proxy, "a") + b"\n")
    server = far.accept("a")
    read_line(server)
    begin = time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 1.1, "the connection to last")
    wire.unreach(SERVERS["a"] if who == "server" else CLIENT)
    other = client if who == "server" else server
    other.sendall(b"anybody there?\n")
    assert read_to_end(other) == (b"", RESET)
    assert proxy.wait_access(server="a").end == f"{who}_lost"


# tests/faults.md 1: a dead server's port is one that the kernel gives to sockets which ask
# for none, and the dial gets it.
def test_a_dial_that_meets_itself_is_refused_and_leaves_the_port_to_the_server(bench, wire):
    port = 40000
    wire.set_near(f"net.ipv4.ip_local_port_range={port} {port + 1}")
    far = Far(wire)
    entry = listener(PORT)
    entry["bind"] = f"{NEAR}:{PORT}"
    dead = f"127.0.0.1:{port}"
    servers = [{"id": "dead", "address": dead}, {"id": "b", "address": f"{SERVERS['b']}:{PORT}"}]
    config = {"listeners": [entry], "pools": {"main": {"servers": servers}}}
    proxy = bench.ringway(config, prefix=wire.prefix())
    key = key_of(proxy, "dead")
    for number in range(1, 4):
        client = connect(wire)
        client.sendall(key + b"\n")
        server = far.accept("b")
        assert read_line(server) == key
        assert proxy.server("dead")["connect_failures"] == number
        # Not even the remains of a connection are on the port.
        with wire.near_socket() as revived:
            revived.bind(("127.0.0.1", port))
        server.close()
        client.close()
    assert proxy.server("dead")["total"] == 0
