"""Clients without a key, that end or stay silent: on_missing decides what happens to them."""

import socket

import pytest

from support.backends import record
from support.clients import RESET, dial, read_exactly, read_line, read_to_end
from support.configuration import listener, pool_of
from support.ports import free_port
from support.proxy_protocol import ACCEPT
from support.waiting import DEADLINE, wait_until

V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"

# Each source of a key that reads bytes, and bytes that may be the beginning of one.
BEGUN = {
    "first_line": ("first_line", b"PING"),
    "field": ({"from": "field", "number": 2}, b"get ke"),
    "header": ({"from": "header", "name": "X-User"}, b"GET / HTTP/1.1\r\nX-User: an"),
    "cookie": ({"from": "cookie", "name": "sid"}, b"GET / HTTP/1.1\r\nCookie: si"),
    "target": ("target", b"GET /ind"),
    "bytes": ({"from": "bytes", "offset": 2, "length": 4}, b"12345"),
    "regex": ({"from": "regex", "pattern": "[0-9]+", "group": 0, "length": 9}, b"12345"),
    "sni": ("sni", b"\x16\x03\x01\x02\x00\x01\x00"),
    "alpn": ("alpn", b"\x16\x03\x01\x02\x00\x01\x00"),
    "mqtt_client_id": ("mqtt_client_id", b"\x10\x0f\0\x04MQTT\x04\x02\0\x3c\0\x03c"),
    "mqtt_username": ("mqtt_username", b"\x10\x12\0\x04MQTT\x04\x82\0\x3c\0\x01c\0\x03a"),
    "postgres_user": ("postgres_user", b"\0\0\0\x12\0\3\0\0user\0an"),
    "postgres_database": ("postgres_database", b"\0\0\0\x08\x04\xd2\x16"),  # or a request for TLS
    "rdp_cookie": ("rdp_cookie", b"\3\0\0\x2c\x27\xe0\0\0\0\0\0Cookie: mstshash=el"),
    "composite": ({"parts": ["source_ip", "first_line"]}, b"PING"),
}


def with_missing(key, on_missing) -> dict:
    return {**(key if isinstance(key, dict) else {"from": key}), "on_missing": on_missing}


def answer_at_end(peer, backend):
    """A server that names itself and answers once its client has ended."""
    peer.sock.sendall(backend.name.encode() + b"\n")
    peer.receive_to_end()
    peer.sock.sendall(b"answer to " + bytes(peer.received))


@pytest.mark.parametrize("source", BEGUN)
def test_who_ends_before_its_key_is_placed_by_its_address(bench, source):
    key, begun = BEGUN[source]
    backends = [bench.backend(name, serve=answer_at_end) for name in "abc"]
    proxy = bench.simple(backends, key=with_missing(key, "source_ip"))
    with dial(proxy.address(), "127.0.0.9") as client:
        client.sendall(begun)
        client.shutdown(socket.SHUT_WR)
        answer, _ = read_to_end(client)
    owner = proxy.owner("127.0.0.9")
    assert answer == owner.encode() + b"\nanswer to " + begun
    line = proxy.wait_access(server=owner)
    assert (line.key, line.placed_by, line.end) == ("127.0.0.9", "source_ip:key_missing", "done")


@pytest.mark.parametrize("source", BEGUN)
def test_who_ends_before_its_key_is_refused_for_that(bench, source):
    key, begun = BEGUN[source]
    backend = bench.backend("a")
    proxy = bench.simple([backend], key=key)
    with dial(proxy.address()) as client:
        client.sendall(begun)
        client.shutdown(socket.SHUT_WR)
        assert read_to_end(client)[1] == RESET
    with dial(proxy.address()) as client:
        client.shutdown(socket.SHUT_WR)  # a client without any byte has left
        assert read_to_end(client)[1] == RESET
    wait_until(lambda: len(proxy.access_log()) == 2, "the log")
    assert proxy.listener_status()["ends"] == {"key_missing": 1, "client_left": 1}
    assert not backend.peers


def greet(peer, _backend):
    """As MySQL, SMTP or FTP: the server speaks first."""
    peer.sock.sendall(b"220 ready\n")
    while data := peer.receive():
        peer.sock.sendall(b"echo " + data)


PATIENT = {"from": "sni", "on_missing": {"policy": "source_ip", "after": "300ms"}}


def test_a_server_that_speaks_first_is_reached_by_who_waits_for_it(bench):
    backends = [bench.backend(name, serve=greet) for name in "abc"]
    proxy = bench.simple(backends, key=PATIENT)
    with dial(proxy.address(), "127.0.0.9") as client:
        assert read_line(client) == b"220 ready"
        client.sendall(b"USER ann\n")
        assert read_line(client) == b"echo USER ann"
    owner = proxy.owner("127.0.0.9")
    line = proxy.wait_access(server=owner)
    assert (line.key, line.placed_by) == ("127.0.0.9", "source_ip:key_silent")
    assert line.open_ms >= 290


def test_half_a_key_and_then_silence_counts_too_and_is_delivered_first(bench):
    backend = bench.backend("a", record)
    proxy = bench.simple([backend], key={**PATIENT, "from": "first_line"})
    with dial(proxy.address()) as client:
        client.sendall(b"half")
        assert read_line(client) == b"a"
        client.sendall(b" a key\n")
        client.shutdown(socket.SHUT_WR)
        read_to_end(client)
    assert bytes(backend.peers[0].received) == b"half a key\n"
    assert proxy.wait_access(server="a").placed_by == "source_ip:key_silent"


def test_silence_counts_only_behind_a_proxy_header(bench):
    backends = [bench.backend(name, serve=greet) for name in "abc"]
    entry = listener(free_port(), {**PATIENT, "from": "first_line"}, proxy_protocol=ACCEPT,
                     timeouts={"key": f"{DEADLINE * 4:.0f}s"})  # fmt: skip
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool_of(backends)}})
    with dial(proxy.address()) as client:
        client.settimeout(0.9)  # three times as long as on_missing waits
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert not any(backend.peers for backend in backends)
        client.settimeout(DEADLINE)
        client.sendall(V1)
        assert read_exactly(client, 10) == b"220 ready\n"
    line = proxy.wait_access(server=proxy.owner("203.0.113.9"))
    assert (line.key, line.placed_by) == ("203.0.113.9", "source_ip:key_silent")


def test_patience_does_not_outlive_the_key_timeout(bench):
    entry = listener(free_port(), PATIENT, proxy_protocol=ACCEPT, timeouts={"key": "600ms"})
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool_of(bench.backends("a"))}})
    with dial(proxy.address()) as client:
        assert read_to_end(client) == (b"", RESET)
    proxy.wait_access(end="key_timeout")
    assert "after: " not in proxy.log()
