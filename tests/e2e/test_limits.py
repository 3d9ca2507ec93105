"""Servers that are full are passed over along the walk: max_connections and balance_factor."""

import math
from collections import Counter

from support.clients import dial, read_line, read_to_end
from support.configuration import pool_of
from support.waiting import scaled, wait_until


def enter(proxy, key: bytes):
    """A connection that stays, and the server that answered it."""
    client = dial(proxy.address())
    client.sendall(key + b"\n")
    return client, read_line(client).decode().strip()


def entry(backend, **more) -> dict:
    return {"id": backend.name, "address": backend.address, **more}


def test_a_full_server_is_passed_over_along_the_walk(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple([entry(backend, max_connections=2) for backend in backends])
    walk = proxy.walk(b"key")
    clients = [enter(proxy, b"key") for _ in range(6)]
    assert [server for _, server in clients] == [walk[0]] * 2 + [walk[1]] * 2 + [walk[2]] * 2

    steps = proxy.explain(b"key")["walk"]
    assert [(step["detail"], step["chosen"]) for step in steps] == [("full", False)] * 3

    refused = dial(proxy.address())
    refused.sendall(b"key\n")
    assert read_to_end(refused) == (b"", "reset")
    proxy.wait_access(end="servers_full", server="-", attempts=0)

    first, _ = clients[0]
    first.close()
    wait_until(lambda: proxy.server(walk[0])["active"] == 1, "a slot is free again")
    chosen = [step["id"] for step in proxy.explain(b"key")["walk"] if step["chosen"]]
    _, server = enter(proxy, b"key")
    assert [server] == chosen == [walk[0]]


def test_a_new_limit_holds_from_the_next_connection_on(bench):
    backends = bench.backends("a", "b")
    proxy = bench.simple([entry(backend) for backend in backends])
    walk = proxy.walk(b"key")
    before = [enter(proxy, b"key") for _ in range(3)]
    limited = [entry(backend, max_connections=3) for backend in backends]
    proxy.reload_well({**proxy.config, "pools": {"main": {"servers": limited}}})
    _, server = enter(proxy, b"key")
    assert [name for _, name in before] == [walk[0]] * 3
    assert server == walk[1]


def test_a_limit_counts_the_connections_that_were_there_before_a_change(bench):
    a, b = bench.backends("a", "b")
    limited = [entry(a, max_connections=2), entry(b)]
    proxy = bench.simple(limited)
    keys = [b"key-%d" % number for number in range(100)]

    def enter_as_owned_by(id) -> str:
        """Where a key goes whose owner is `id`, which must have its two connections."""
        client, server = enter(proxy, next(k for k, o in proxy.owners(keys).items() if o == id))
        client.close()
        assert proxy.server(id)["active"] == 2
        return server

    def change(servers, **pool):
        proxy.reload_well({**proxy.config, "pools": {"main": pool_of(servers, **pool)}})

    key = next(key for key, owner in proxy.owners(keys).items() if owner == "a")
    clients = [enter(proxy, key) for _ in range(2)]
    assert [server for _, server in clients] == ["a", "a"] and enter_as_owned_by("a") == "b"
    # Another ring, on which every key is placed anew.
    change(limited, hash={"seed": "other"})
    assert enter_as_owned_by("a") == "b"
    # A server that is removed and returns, at run time and by the file.
    proxy.admin("unregister main a")
    proxy.admin(f"register main a {a.address}")
    assert enter_as_owned_by("a") == "b"
    proxy.admin("unregister main a")
    proxy.admin("forget main a")
    assert enter_as_owned_by("a") == "b"
    change([entry(b)])
    change(limited)
    assert enter_as_owned_by("a") == "b"
    # The same server by another name.
    change([{**limited[0], "id": "renamed"}, limited[1]])
    assert enter_as_owned_by("renamed") == "b"

    clients.pop()[0].close()
    wait_until(lambda: proxy.server("renamed")["active"] == 1, "a place")
    key = next(key for key, owner in proxy.owners(keys).items() if owner == "renamed")
    assert enter(proxy, key)[1] == "a"
    clients[0][0].sendall(b"still there?\n")


def test_no_server_rises_over_its_bound(bench):
    backends = bench.backends("a", "b", "c", "d")
    proxy = bench.simple(backends, hash={"balance_factor": 1.25})
    live, clients = Counter(), []
    for number in range(scaled(200, least=40)):
        client, server = enter(proxy, b"the same hot key")
        clients.append(client)
        live[server] += 1
        assert live[server] <= math.ceil(1.25 * len(clients) / len(backends))
    # One hot key, and yet every server has a part of it, most the first of the walk.
    walk = proxy.walk(b"the same hot key")
    assert sorted(live.values(), reverse=True) == [live[id] for id in walk]


def test_maglev_places_keys_as_explain_says(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"), hash={"algorithm": "maglev"})
    reached = {}
    for number in range(60):
        client, reached[f"k{number}"] = enter(proxy, f"k{number}".encode())
        client.close()
    assert reached == proxy.owners(list(reached))
    assert set(reached.values()) == {"a", "b", "c"}


def test_beyond_a_listeners_limit_clients_wait_in_the_queue(bench):
    proxy = bench.simple(bench.backends("a", "b"), listen={"max_connections": 3})
    inside = [enter(proxy, b"key")[0] for _ in range(3)]
    waiting = dial(proxy.address())  # the kernel lets it in, the proxy does not yet
    waiting.sendall(b"key\n")
    proxy.wait_log("accepting pauses: the limit of connections is reached")
    assert proxy.listener_status()["active"] == 3

    inside.pop().close()
    assert read_line(waiting).decode().strip() in ("a", "b")
    assert proxy.listener_status()["active"] == 3


def test_a_raised_limit_admits_waiting_clients(bench):
    proxy = bench.simple(bench.backends("a"), listen={"max_connections": 1})
    inside, _ = enter(proxy, b"key")
    waiting = dial(proxy.address())
    waiting.sendall(b"key\n")
    proxy.wait_log("accepting pauses")
    (entry,) = proxy.config["listeners"]
    proxy.reload_well({**proxy.config, "listeners": [{**entry, "max_connections": 2}]})
    assert read_line(waiting).decode().strip() == "a"
    inside.close()
