"""Placement of connections: as `explain` shows, the same on every replica, with no needless moves."""

import hashlib

from support.clients import ask, dial, read_exactly, read_line
from support.configuration import FAST_CHECKS, listener, pool_of
from support.ports import free_port
from support.waiting import scaled, wait_until

KEYS = [f"user-{number}".encode() for number in range(scaled(200, least=60))]


def placements(proxy, keys=KEYS) -> dict:
    """The server that each key's own connection reached."""
    return {key: ask(proxy.address(), key) for key in keys}


def moved(before: dict, after: dict) -> set:
    """From whom to whom keys moved, as pairs."""
    return {(before[key], after[key]) for key in before if before[key] != after[key]}


def with_weight(proxy, id: str, weight: int) -> dict:
    servers = [
        {**server, "weight": weight} if server["id"] == id else server
        for server in proxy.config["pools"]["main"]["servers"]
    ]
    return {**proxy.config, "pools": {"main": {"servers": servers}}}


def documented_points(id: bytes, count: int) -> list[int]:
    """The first `count` points of a server, as ring/README.md defines them (mapping 1)."""
    points = []
    for counter in range((count + 3) // 4):
        text = len(id).to_bytes(4, "big") + id + counter.to_bytes(4, "big")
        digest = hashlib.sha256(text).digest()
        points += [int.from_bytes(digest[at : at + 8], "big") for at in (0, 8, 16, 24)]
    return points[:count]


def documented_owner(points: dict, key: bytes) -> str:
    """The server of the point nearest to the key's hash, on a circle of 2^64."""
    place = int.from_bytes(hashlib.sha256(key).digest()[:8], "big")
    circle = 1 << 64

    def distance(id):
        return min(min((p - place) % circle, (place - p) % circle) for p in points[id])

    return min(points, key=distance)


def test_connections_go_where_the_documented_mapping_says(bench):
    weights = {"a": 1, "b": 2, "server-3": 1, "d": 1}
    backends = [bench.backend(id) for id in weights]
    servers = [{"id": b.name, "address": b.address, "weight": weights[b.name]} for b in backends]
    proxy = bench.simple(servers, hash={"vnodes": 128})
    points = {id: documented_points(id.encode(), 128 * weights[id]) for id in weights}
    assert placements(proxy) == {key: documented_owner(points, key) for key in KEYS}


def test_a_connection_goes_where_explain_says(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d", "e"))
    reached = placements(proxy)
    assert reached == proxy.owners(KEYS)
    assert set(reached.values()) == {"a", "b", "c", "d", "e"}


def test_explain_walks_the_online_servers_and_sets_apart_the_walk_of_all(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    proxy.admin("drain main c")
    for key in KEYS[:20]:
        answer = proxy.explain(key)
        walk = answer["walk"]
        assert sorted(step["id"] for step in walk) == ["a", "b", "d"]
        assert answer["owner"] == walk[0]["id"]
        assert [step["chosen"] for step in walk] == [True, False, False]
        possible = answer["if_all_online"]["walk"]
        assert [step["id"] for step in possible if step["id"] != "c"] == [s["id"] for s in walk]
        assert answer["if_all_online"]["owner"] == possible[0]["id"]
        for steps in (walk, possible):
            distances = [int(step["distance"], 16) for step in steps]
            assert distances == sorted(distances)


def test_two_proxies_with_the_same_pools_agree_on_every_key(bench):
    backends = bench.backends("a", "b", "c", "d", "e")
    one = bench.simple(backends)
    other = bench.simple(list(reversed(backends)))  # the order in the file is no input
    assert placements(one) == placements(other)
    assert [one.explain(key)["hash"] for key in KEYS] == [
        other.explain(key)["hash"] for key in KEYS
    ]


def test_a_restart_changes_no_placement(bench):
    backends = bench.backends("a", "b", "c", "d")
    proxy = bench.simple(backends)
    before = placements(proxy)
    proxy.stop()
    again = bench.ringway(proxy.config)
    assert placements(again) == before


def test_unregistering_a_server_moves_only_its_keys_and_registering_brings_them_back(bench):
    backends = bench.backends("a", "b", "c", "d", "e")
    proxy = bench.simple(backends)
    before = placements(proxy)
    proxy.admin("unregister main c")
    without = placements(proxy)
    assert {origin for origin, _ in moved(before, without)} == {"c"}
    assert "c" not in without.values()
    proxy.admin(f"register main c {backends[2].address}")
    assert placements(proxy) == before
    assert proxy.server("c")["source"] == "runtime"
    assert proxy.server("a")["source"] == "file"


def test_keys_of_a_removed_server_go_to_the_next_of_their_walk(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    walks = {key: proxy.walk(key) for key in KEYS if proxy.owner(key) == "b"}
    proxy.admin("unregister main b")
    assert walks
    for key, walk in walks.items():
        assert proxy.walk(key) == walk[1:]
        assert ask(proxy.address(), key) == walk[1]


def test_registering_a_new_server_moves_keys_to_it_alone(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"))
    before = placements(proxy)
    fresh = bench.backend("fresh")
    proxy.admin(f"register main fresh {fresh.address} --weight 2")
    assert proxy.server("fresh")["weight"] == 2
    assert {target for _, target in moved(before, placements(proxy))} == {"fresh"}


def test_draining_moves_only_the_servers_keys_and_keeps_its_connections(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"))
    before = placements(proxy)
    key = next(key for key in KEYS if before[key] == "a")
    with dial(proxy.address()) as session:
        session.sendall(key + b"\n")
        assert read_line(session) == b"a"
        assert read_line(session) == key  # the echo of the first line

        proxy.admin("drain main a")
        drained = placements(proxy)
        assert {origin for origin, _ in moved(before, drained)} == {"a"}
        assert "a" not in drained.values()
        assert "drain" in proxy.server("a")["detail"]
        assert proxy.server("a")["active"] == 1

        session.sendall(b"still here")
        assert read_exactly(session, 10) == b"still here"
    proxy.admin("auto main a")
    assert placements(proxy) == before


def test_a_heavier_weight_takes_keys_and_gives_none(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    before = placements(proxy)
    proxy.reload_well(with_weight(proxy, "b", 3))
    heavier = placements(proxy)
    assert {target for _, target in moved(before, heavier)} == {"b"}
    proxy.reload_well(with_weight(proxy, "b", 1))
    assert placements(proxy) == before


def test_weight_zero_takes_no_new_connections_and_moves_only_its_own_keys(bench):
    proxy = bench.simple(bench.backends("a", "b", "c", "d"))
    before = placements(proxy)
    proxy.reload_well(with_weight(proxy, "d", 0))
    after = placements(proxy)
    assert {origin for origin, _ in moved(before, after)} == {"d"}
    assert "d" not in after.values()


def test_a_server_that_flaps_takes_its_own_keys_along_and_brings_exactly_them_back(bench):
    backends = bench.backends("a", "b", "c", "d")
    proxy = bench.simple(backends, health=FAST_CHECKS)
    before = placements(proxy)
    for _ in range(3):
        backends[1].stop()
        proxy.wait_server("b", "offline")
        down = placements(proxy)
        assert {origin for origin, _ in moved(before, down)} == {"b"}
        backends[1].start()
        proxy.wait_server("b", "online")
        assert placements(proxy) == before


def test_pools_do_not_mix(bench):
    left, right = bench.backends("a", "b"), bench.backends("x", "y")
    proxy = bench.ringway(
        {
            "listeners": [
                listener(free_port(), pool="left", name="l"),
                listener(free_port(), pool="right", name="r"),
            ],
            "pools": {"left": pool_of(left), "right": pool_of(right)},
        }
    )
    for key in KEYS[:20]:
        assert ask(proxy.address("l"), key) == proxy.owner(key, "left")
        assert ask(proxy.address("r"), key) == proxy.owner(key, "right")
    wait_until(lambda: sum(len(b.peers) for b in right) == 20, "all connections to be seen")


def test_the_same_source_address_goes_to_the_same_server(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"), key="source_ip")
    for last in range(2, 22):
        reached = set()
        for _ in range(3):
            with dial(proxy.address(), source=f"127.0.0.{last}") as session:
                reached.add(read_line(session).decode())
                me = session.getsockname()
        assert len(reached) == 1
        key = proxy.wait_access(client=me).key
        assert reached == {proxy.owner(key)}


def test_source_addresses_of_one_prefix_go_to_one_server(bench):
    proxy = bench.simple(
        bench.backends("a", "b", "c", "d", "e"), key={"from": "source_ip", "prefix_v4": 24}
    )
    spread = set()
    for third in range(1, 20):
        reached = set()
        for last in (1, 77, 200):
            with dial(proxy.address(), source=f"127.0.{third}.{last}") as session:
                reached.add(read_line(session).decode())
        assert len(reached) == 1
        spread |= reached
    assert len(spread) > 1
