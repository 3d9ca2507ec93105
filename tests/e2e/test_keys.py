"""Bytes before the key: slow, endless, odd or none at all."""

import time

import pytest

from support.backends import record
from support.clients import (
    EOF,
    RESET,
    ask,
    dial,
    read_line,
    read_to_end,
    reset,
    send_ignoring_reset,
)
from support.ringway import quote
from support.waiting import DEADLINE, wait_until, within


@pytest.mark.parametrize("farewell", ["close", "half close", "reset"])
@pytest.mark.parametrize("begun", [b"", b"half a k"])
def test_a_client_that_leaves_before_its_key_is_known_reaches_no_server(bench, farewell, begun):
    backends = bench.backends("a", "b")
    proxy = bench.simple(backends)
    client = dial(proxy.address())
    me = client.getsockname()
    client.sendall(begun)
    wait_until(lambda: proxy.listener_status()["active"] == 1, "the connection")
    if farewell == "half close":
        client.shutdown(1)
        assert read_to_end(client)[0] == b""
        client.close()
    elif farewell == "reset":
        reset(client)
    else:
        client.close()
    line = proxy.wait_access(client=me)
    ended = begun and farewell != "reset"  # in the middle of its key
    end = "key_missing" if ended else "client_left"
    assert (line.server, line.attempts, line.end) == ("-", 0, end)
    assert ask(proxy.address(), b"another") in ("a", "b")
    assert sum(len(backend.peers) for backend in backends) == 1
    assert sum(server["total"] for server in proxy.servers().values()) == 1


def test_a_byte_now_and_then_does_not_extend_the_key_timeout(bench):
    backend = bench.backend("a")
    proxy = bench.simple([backend], listen={"timeouts": {"key": "600ms"}})
    begin = time.monotonic()
    with dial(proxy.address()) as client:
        client.settimeout(0.1)  # a byte every 100 ms
        ending = None
        while ending is None and time.monotonic() - begin < DEADLINE:
            send_ignoring_reset(client, b"x")
            try:
                ending = EOF if client.recv(1) == b"" else "bytes"
            except TimeoutError:
                pass
            except ConnectionResetError:
                ending = RESET
        assert ending == RESET
        assert 0.5 < time.monotonic() - begin < within(0.6)
        me = client.getsockname()
    line = proxy.wait_access(client=me)
    assert (line.server, line.end) == ("-", "key_timeout")
    assert not backend.peers
    assert proxy.listener_status()["refused"] == 1


def test_a_silent_client_is_reset_at_the_key_timeout(bench):
    proxy = bench.simple(bench.backends("a"), listen={"timeouts": {"key": "300ms"}})
    begin = time.monotonic()
    with dial(proxy.address()) as client:
        assert read_to_end(client) == (b"", RESET)
        assert 0.25 < time.monotonic() - begin < within(0.3)


def test_the_key_timeout_ends_with_the_key(bench):
    proxy = bench.simple(bench.backends("a"), listen={"timeouts": {"key": "200ms"}})
    with proxy.paused():
        client = dial(proxy.address())
        client.sendall(b"key\n")
    with client:
        assert read_line(client) == b"a"
        assert read_line(client) == b"key"
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            client.recv(1)
        client.settimeout(DEADLINE)
        client.sendall(b"on")
        assert client.recv(2) == b"on"


@pytest.mark.parametrize("key", ["first_line", {"from": "header", "name": "X-User"}])
def test_64_kib_without_a_key_is_reset(bench, key):
    backend = bench.backend("a")
    proxy = bench.simple([backend], key=key)
    with dial(proxy.address()) as client:
        me = client.getsockname()
        send_ignoring_reset(client, b"GET / HTTP/1.1\r\n" if key != "first_line" else b"")
        send_ignoring_reset(client, b"x" * (64 << 10))
        assert read_to_end(client) == (b"", RESET)
    line = proxy.wait_access(client=me)
    assert (line.server, line.end) == ("-", "key_too_large")
    assert not backend.peers


def test_the_size_limit_of_a_key_is_the_configured_one(bench):
    proxy = bench.simple(
        bench.backends("a"), key={"from": "first_line", "max_bytes": "100B"}
    )
    assert ask(proxy.address(), b"x" * 99) == "a"
    with dial(proxy.address()) as client:
        send_ignoring_reset(client, b"x" * 100 + b"\n")
        assert read_to_end(client) == (b"", RESET)


@pytest.mark.parametrize(
    "key",
    [b"", b" ", b"a\0b", b"a\rb", b"\x1b[31mred", b"\xff\xfe", b'say "hi"', b"back\\slash", b"\x7f",
     "schlüssel".encode(), b"a" * 127],
    ids=repr,
)  # fmt: skip
def test_odd_bytes_are_hashed_as_they_are_and_escaped_in_the_log(bench, key):
    backends = bench.backends(*"abcdefgh", serve=record)
    proxy = bench.simple(backends)
    with dial(proxy.address()) as client:
        client.sendall(key + b"\n")
        reached = read_line(client).decode()
        me = client.getsockname()
    assert reached == proxy.owner(key)
    line = proxy.wait_access(client=me)
    assert all(0x20 <= ord(char) < 0x7F for char in line.key), "raw bytes in the log"
    # As written in the log, the key is a word that the admin socket takes.
    logged = proxy.admin(f'explain main "{line.key}"')
    assert logged["hash"] == proxy.explain(key)["hash"]
    peer = next(backend for backend in backends if backend.name == reached).peers[0]
    wait_until(lambda: peer.ending, "the server to see the end")
    assert bytes(peer.received) == key + b"\n"


def test_a_carriage_return_before_the_newline_is_no_part_of_the_key(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    for number in range(20):
        key = b"key-%d" % number
        assert ask(proxy.address(), key + b"\r") == ask(proxy.address(), key) == proxy.owner(key)


def test_a_key_in_one_byte_segments_is_placed_like_a_whole_one(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    for key in (b"first", b"second", b"third"):
        with dial(proxy.address()) as client:
            for byte in key + b"\n":
                client.sendall(bytes([byte]))
            assert read_line(client).decode() == proxy.owner(key)
            assert read_line(client) == key


def test_a_log_line_cannot_be_forged_by_a_key(bench):
    proxy = bench.simple(bench.backends("a"))
    forged = b'x" server=evil\raccess listener=main client=1.2.3.4:5 key="'
    assert ask(proxy.address(), forged) == "a"
    proxy.wait_access(server="a")
    entries = proxy.access_log()
    assert len(entries) == 1 and entries[0].server == "a"
    assert proxy.admin(f"explain main {quote(forged)}")["owner"] == "a"
