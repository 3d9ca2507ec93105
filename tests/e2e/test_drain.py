"""The end of a drain: connections that outlast it end one by one, and in time."""

import signal
import threading
import time

from support.clients import dial, read_line, read_to_end
from support.configuration import listener, pool_of
from support.ports import free_port
from support.waiting import DEADLINE

CLIENTS = 200


def test_connections_that_outlast_a_drain_end_spread_over_its_last_quarter(bench):
    config = {
        "drain_timeout": "4s",
        "listeners": [listener(free_port())],
        "pools": {"main": pool_of(bench.backends("a"))},
    }
    proxy = bench.ringway(config)
    clients = [dial(proxy.address()) for _ in range(CLIENTS)]
    for client in clients:
        client.sendall(b"key\n")
        assert read_line(client) == b"a"
        client.settimeout(DEADLINE)
    ended = []

    def watch(client):
        read_to_end(client)
        ended.append(time.monotonic())

    threads = [threading.Thread(target=watch, args=[client]) for client in clients]
    for thread in threads:
        thread.start()
    begin = time.monotonic()
    bench.forget(proxy)
    proxy.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(DEADLINE)
    assert len(ended) == CLIENTS
    # Nobody is cut before the last quarter, and not all of them together.
    assert min(ended) - begin > 2.9
    assert max(ended) - min(ended) > 0.3
    assert proxy.wait_exit() == 0
    assert "drain_timeout: connections in progress are reset within 1000 ms" in proxy.log()
    assert proxy.log().count(" end=shutdown") == CLIENTS


def test_connections_that_end_by_themselves_end_the_drain_before_anybody_is_cut(bench):
    config = {
        "drain_timeout": "1h",
        "listeners": [listener(free_port())],
        "pools": {"main": pool_of(bench.backends("a"))},
    }
    proxy = bench.ringway(config)
    with dial(proxy.address()) as client:
        client.sendall(b"key\n")
        assert read_line(client) == b"a"
        bench.forget(proxy)
        proxy.signal(signal.SIGTERM)
        proxy.wait_log("draining")
    assert proxy.wait_exit() == 0
    assert "are reset within" not in proxy.log()
