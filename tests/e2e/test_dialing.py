"""Servers that refuse, swallow or reset connections: no client pays while another server lives."""

import threading
import time

from support.backends import echo, record, reset_at_once
from support.clients import RESET, ask, dial, read_line, read_to_end, reset
from support.configuration import FAST_CHECKS
from support.ports import free_port
from support.waiting import wait_until, within

KEYS = [b"key-%d" % number for number in range(400)]


def key_with_walk(proxy, *ids: str) -> bytes:
    """A key whose walk begins with these servers in this order."""
    return next(key for key in KEYS if proxy.walk(key)[: len(ids)] == list(ids))


def test_a_refused_connection_goes_to_the_next_server_with_its_early_bytes_once(bench):
    live = bench.backends("b", "c", serve=record)
    proxy = bench.simple([bench.nobody("a"), *live])
    early = bytes(range(256)) * 20
    for expected in live:
        key = key_with_walk(proxy, "a", expected.name)
        with dial(proxy.address()) as client:
            client.sendall(key + b"\n" + early)
            assert read_line(client).decode() == expected.name
            me = client.getsockname()
        peer = expected.peers[-1]
        wait_until(lambda: peer.ending, "the server to see the end")
        assert bytes(peer.received) == key + b"\n" + early
        line = proxy.wait_access(client=me)
        assert (line.server, line.attempts, line.end) == (expected.name, 2, "done")
        assert line.up == len(key) + 1 + len(early)
    assert proxy.server("a")["connect_failures"] == 2
    assert proxy.server("a")["total"] == 0
    assert [len(backend.peers) for backend in live] == [1, 1]


def test_every_refusing_server_of_the_walk_is_passed_over_in_order(bench):
    proxy = bench.simple(
        [bench.nobody("a"), bench.nobody("b"), bench.backend("c"), bench.backend("d")],
        connect={"attempts": 3},
    )
    key = key_with_walk(proxy, "a", "b", "c")
    assert ask(proxy.address(), key) == "c"
    assert proxy.wait_access(server="c").attempts == 3


def test_no_more_servers_are_tried_than_attempts_allow(bench):
    proxy = bench.simple(
        [bench.nobody("a"), bench.nobody("b"), bench.backend("c")], connect={"attempts": 2}
    )
    key = key_with_walk(proxy, "a", "b", "c")
    with dial(proxy.address()) as client:
        client.sendall(key + b"\n")
        assert read_to_end(client) == (b"", RESET)
        me = client.getsockname()
    line = proxy.wait_access(client=me)
    assert (line.attempts, line.down, line.end) == (2, 0, "connect_failed")
    assert proxy.server("c")["total"] == 0


def test_a_swallowed_connect_goes_to_the_next_server_after_the_timeout(bench):
    proxy = bench.simple(
        [bench.blackhole("a"), bench.backend("b"), bench.backend("c")], connect={"timeout": "300ms"}
    )
    key = key_with_walk(proxy, "a", "b")
    begin = time.monotonic()
    with dial(proxy.address()) as client:
        client.sendall(key + b"\nearly")
        assert read_line(client) == b"b"
        assert read_line(client) == key
        assert client.recv(5) == b"early"
        took = time.monotonic() - begin
        me = client.getsockname()
    assert 0.25 < took < within(0.3)
    line = proxy.wait_access(client=me)
    assert line.attempts == 2
    assert 290 <= line.open_ms < within(0.3) * 1000


def test_bytes_and_the_end_that_come_during_a_slow_dial_are_delivered(bench):
    backend = bench.backend("b", record)
    proxy = bench.simple([bench.blackhole("a"), backend], connect={"timeout": "300ms"})
    key = key_with_walk(proxy, "a", "b")
    with dial(proxy.address()) as client:
        client.sendall(key + b"\n")
        wait_until(lambda: proxy.listener_status()["active"] == 1, "the proxy to dial")
        client.sendall(b"more")
        client.shutdown(1)
        assert read_to_end(client) == (b"b\n", "eof")
    assert bytes(backend.peers[0].received) == key + b"\nmore"


def test_when_all_connects_are_swallowed_the_client_is_reset_within_the_budget(bench):
    proxy = bench.simple(
        [bench.blackhole("a"), bench.blackhole("b")],
        connect={"timeout": "200ms", "attempts": 2},
    )
    with dial(proxy.address()) as client:
        begin = time.monotonic()
        client.sendall(b"any\n")
        assert read_to_end(client) == (b"", RESET)
        assert 0.35 < time.monotonic() - begin < within(0.4)


def test_a_server_that_resets_after_the_bytes_were_forwarded_is_no_reason_to_retry(bench):
    def read_and_reset(peer, _backend):
        peer.receive_line()
        reset(peer.sock)

    first, second = bench.backend("a", read_and_reset), bench.backend("b")
    proxy = bench.simple([first, second])
    with dial(proxy.address()) as client:
        client.sendall(key_with_walk(proxy, "a") + b"\n")
        assert read_to_end(client) == (b"", RESET)
        me = client.getsockname()
    line = proxy.wait_access(client=me)
    assert (line.server, line.attempts, line.end) == ("a", 1, "server_reset")
    assert len(first.peers) == 1 and not second.peers


def test_a_server_that_accepts_and_resets_ends_the_client_with_a_reset(bench):
    proxy = bench.simple(bench.backends("a", serve=reset_at_once), key="source_ip")
    for _ in range(20):
        try:
            with dial(proxy.address()) as client:
                assert read_to_end(client) == (b"", RESET)
        except ConnectionResetError:
            pass  # so soon that connecting was not over
    wait_until(lambda: proxy.server("a")["active"] == 0, "the counts to settle")


def test_with_all_servers_refusing_clients_are_reset_at_once(bench):
    proxy = bench.simple([bench.nobody("a"), bench.nobody("b"), bench.nobody("c")])
    times = []
    for key in KEYS[:20]:
        with dial(proxy.address()) as client:
            begin = time.monotonic()
            client.sendall(key + b"\n")
            assert read_to_end(client) == (b"", RESET)
            times.append(time.monotonic() - begin)
    assert sorted(times)[10] < within(0.01)


def test_with_all_servers_down_clients_are_reset_and_recovery_follows_the_checks(bench):
    backends = bench.backends("a", "b")
    proxy = bench.simple(backends, health=FAST_CHECKS)
    for backend in backends:
        backend.stop()
        proxy.wait_server(backend.name, "offline")
    assert proxy.explain(b"any")["owner"] is None
    pool = proxy.status()["pools"][0]
    assert (pool["online"], pool["points"]) == (0, 0)
    with dial(proxy.address()) as client:
        client.sendall(b"any\n")
        assert read_to_end(client) == (b"", RESET)
        me = client.getsockname()
    line = proxy.wait_access(client=me)
    assert (line.server, line.attempts, line.end) == ("-", 0, "no_server")
    for backend in backends:
        backend.start()
        proxy.wait_server(backend.name, "online")
    assert ask(proxy.address(), b"any") == proxy.owner(b"any")


def test_a_pool_without_servers_resets_and_takes_one_at_run_time(bench):
    backend = bench.backend("late")
    proxy = bench.simple([])
    with dial(proxy.address()) as client:
        client.sendall(b"any\n")
        assert read_to_end(client) == (b"", RESET)
    proxy.admin(f"register main late {backend.address}")
    assert ask(proxy.address(), b"any") == "late"


def test_a_server_unregistered_during_its_dial_leaves_the_client_with_the_next(bench):
    proxy = bench.simple([bench.blackhole("a"), bench.backend("b")], connect={"timeout": "1s"})
    key = key_with_walk(proxy, "a", "b")
    with dial(proxy.address()) as client:
        client.sendall(key + b"\n")
        wait_until(lambda: proxy.listener_status()["active"] == 1, "the proxy to dial")
        proxy.admin("unregister main a")
        assert ask(proxy.address(), key) == "b"
        assert read_line(client) == b"b"


def test_a_server_added_during_a_dial_does_not_disturb_it(bench):
    proxy = bench.simple([bench.blackhole("a"), bench.backend("b")], connect={"timeout": "500ms"})
    key = key_with_walk(proxy, "a", "b")
    with dial(proxy.address()) as client:
        client.sendall(key + b"\n")
        wait_until(lambda: proxy.listener_status()["active"] == 1, "the proxy to dial")
        for number in range(8):
            proxy.admin(f"register main late-{number} {bench.backend('late').address}")
        assert read_line(client) == b"b"


def test_a_client_that_leaves_during_the_dial_reaches_no_server(bench):
    backend = bench.backend("b")
    proxy = bench.simple([bench.blackhole("a"), backend], connect={"timeout": "2s"})
    key = key_with_walk(proxy, "a", "b")
    client = dial(proxy.address())
    me = client.getsockname()
    client.sendall(key + b"\n")
    wait_until(lambda: proxy.listener_status()["active"] == 1, "the proxy to dial")
    begin = time.monotonic()
    reset(client)
    line = proxy.wait_access(client=me)
    assert time.monotonic() - begin < within(0.1)
    assert line.end == "client_left"
    assert not backend.peers


def test_a_server_that_goes_and_comes_under_load_costs_no_client_anything(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends, health=FAST_CHECKS)
    errors, rounds, stop = [], [0, 0], threading.Event()

    def client(number):
        while not stop.is_set():
            key = KEYS[rounds[number] % len(KEYS)]
            try:
                assert ask(proxy.address(), key) in ("a", "b", "c")
            except (OSError, EOFError) as error:
                errors.append(error)
            rounds[number] += 1

    threads = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(2)]
    for thread in threads:
        thread.start()
    port = free_port()  # refuses: the server's connections in progress are not the question
    servers = proxy.config["pools"]["main"]["servers"]
    for _ in range(3):
        gone = [{**servers[0], "address": f"127.0.0.1:{port}"}, *servers[1:]]
        for state in (gone, servers):
            pool = {**proxy.config["pools"]["main"], "servers": state}
            proxy.reload_well({**proxy.config, "pools": {"main": pool}})
            done = sum(rounds)
            wait_until(lambda: sum(rounds) > done + 50, "load to go on")
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors, errors[:3]


def test_a_server_without_a_word_is_dialled_for_every_connection(bench):
    """One connection in, one connection out: nothing is pooled or shared."""
    backend = bench.backend("a", echo)
    proxy = bench.simple([backend])
    clients = [dial(proxy.address()) for _ in range(20)]
    for number, client in enumerate(clients):
        client.sendall(b"client %d\n" % number)
        assert read_line(client) == b"a"
        assert read_line(client) == b"client %d" % number
    assert len(backend.peers) == 20
    assert proxy.server("a")["active"] == 20
    for client in clients:
        client.close()
