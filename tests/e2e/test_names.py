"""Servers found by name: addresses follow DNS, ids and keys stay; a resolver that fails empties
nothing."""

import pytest

from support.clients import RESET, ask, dial, read_line, read_to_end
from support.configuration import listener, pool_of
from support.names import NameServer
from support.ports import free_port
from support.tls_servers import serve_tls, server_context
from support.waiting import wait_until

KEYS = [b"key-%d" % number for number in range(60)]


@pytest.fixture
def names(bench):
    return bench.start(NameServer(bench.folder / "knot"))


def dns(names, **entries) -> dict:
    return {"nameservers": [names.address], "min_ttl": "1s", "timeout": "500ms", **entries}


def proxy_of(bench, names, pool, **entries):
    """Of one pool."""
    return bench.ringway(
        {
            "listeners": [listener(free_port())],
            "pools": {"main": pool},
            "dns": dns(names, **entries),
        }
    )


def placement(proxy) -> dict:
    return {key: ask(proxy.address(), key) for key in KEYS}


def port_of(backend) -> int:
    return int(backend.address.rsplit(":", 1)[1])


def source_of(proxy, source="dns") -> dict:
    (pool,) = proxy.admin("status")["pools"]
    (found,) = [each for each in pool["sources"] if each["source"] == source]
    return found


def addresses(proxy) -> dict:
    return {id: server["address"] for id, server in proxy.servers().items()}


def test_a_server_follows_the_address_of_its_host_and_keeps_its_keys(bench, names):
    a, b = bench.backend("a"), bench.backend("b", host="127.0.0.2")
    moved = bench.backend("b", host="127.0.0.3", port=port_of(b))
    names.set(["a A 127.0.0.1", "b A 127.0.0.2"])
    servers = [
        {"id": "a", "address": f"a.test:{port_of(a)}"},
        {"id": "b", "address": f"b.test:{port_of(b)}"},
    ]
    proxy = proxy_of(bench, names, {"servers": servers})
    before = placement(proxy)
    assert set(before.values()) == {"a", "b"}
    fingerprint = proxy.admin("status")["pools"][0]["fingerprint"]
    names.set(["a A 127.0.0.1", "b A 127.0.0.3"])
    wait_until(lambda: addresses(proxy)["b"] == moved.address, "the new address")
    b.stop()
    assert placement(proxy) == before
    assert proxy.admin("status")["pools"][0]["fingerprint"] == fingerprint
    server = proxy.server("b")
    assert server["host"]["name"] == "b.test"
    assert server["host"]["age_s"] <= 5
    assert server["layers"]["address"] == "dns"
    assert server["source"] == "file"


def test_connections_to_the_address_that_was_left_follow_on_removed(bench, names):
    b = bench.backend("b", host="127.0.0.2")
    moved = bench.backend("b", host="127.0.0.3", port=port_of(b))
    names.set(["b A 127.0.0.2"])
    servers = [{"id": "b", "address": f"b.test:{port_of(b)}"}]
    proxy = proxy_of(bench, names, {"servers": servers, "on_removed": "reset"})
    with dial(proxy.address()) as held:
        held.sendall(b"key\n")
        assert read_line(held) == b"b"
        names.set(["b A 127.0.0.3"])
        wait_until(lambda: addresses(proxy)["b"] == moved.address, "the new address")
        assert read_to_end(held)[1] == RESET
    assert ask(proxy.address(), b"key") == "b"


def test_a_name_without_an_address_is_offline_and_says_why(bench, names):
    a = bench.backend("a")
    servers = [a, {"id": "b", "address": f"b.test:{port_of(a)}"}]
    proxy = proxy_of(bench, names, pool_of(servers))
    assert set(placement(proxy).values()) == {"a"}
    server = proxy.server("b")
    assert server["status"] == "offline"
    assert server["address"] is None
    assert "NXDOMAIN" in server["detail"]
    proxy.admin("online main b")  # which does not help
    assert proxy.server("b")["status"] == "offline"
    assert set(placement(proxy).values()) == {"a"}
    proxy.admin("auto main b")
    names.set(["b A 127.0.0.1"])
    wait_until(lambda: proxy.server("b")["status"] == "online", "the address")


def test_the_addresses_of_a_name_are_servers(bench, names):
    first = bench.backend("127.0.0.2", host="127.0.0.2")
    port = port_of(first)
    others = [bench.backend(f"127.0.0.{n}", host=f"127.0.0.{n}", port=port) for n in (3, 4)]
    names.set(["pool A 127.0.0.2", "pool A 127.0.0.3"])
    pool = {"servers_from": {"dns": "pool.test", "port": port, "max_connections": 7}}
    proxy = proxy_of(bench, names, pool, keep_for="1s")
    before = placement(proxy)
    assert set(before.values()) == {"127.0.0.2", "127.0.0.3"}
    assert proxy.server("127.0.0.2")["source"] == "dns"
    assert proxy.server("127.0.0.2")["max_connections"] == 7
    names.set(["pool A 127.0.0.3", "pool A 127.0.0.4"])
    wait_until(lambda: set(proxy.servers()) == {"127.0.0.3", "127.0.0.4"}, "the others")
    after = placement(proxy)
    moved = {key for key in KEYS if before[key] != after[key]}
    gone = {key for key in KEYS if before[key] == "127.0.0.2"}
    assert moved == gone | {key for key in KEYS if after[key] == "127.0.0.4"}
    assert others


def test_services_are_servers_by_their_targets(bench, names):
    a, b = bench.backend("a.test"), bench.backend("b.test", host="127.0.0.2")
    names.set(
        [
            f"_main._tcp SRV 0 10 {port_of(a)} a",
            f"_main._tcp SRV 0 20 {port_of(b)} b",
            "_main._tcp SRV 1 10 9 spare",
            "a A 127.0.0.1",
            "b A 127.0.0.2",
        ]
    )
    proxy = proxy_of(bench, names, {"servers_from": {"srv": "_main._tcp.test"}})
    assert set(placement(proxy).values()) == {"a.test", "b.test"}
    weights = {id: server["weight"] for id, server in proxy.servers().items()}
    assert weights == {"a.test": 1, "b.test": 2}
    source = source_of(proxy)
    assert source["what"] == "srv _main._tcp.test"
    assert source["servers"] == 2
    assert source["problem"] is None
    assert len(source["warnings"]) == 1  # of the other priority


@pytest.mark.parametrize("outcome", ["gone", "no such name", "no records"])
def test_a_resolver_that_fails_empties_nothing(bench, names, outcome):
    first = bench.backend("127.0.0.2", host="127.0.0.2")
    names.set(["pool A 127.0.0.2"])
    pool = {"servers_from": {"dns": "pool.test", "port": port_of(first)}}
    proxy = proxy_of(bench, names, pool, keep_for="1s", attempts=1)
    before = placement(proxy)
    if outcome == "gone":
        names.kill()
    else:
        names.set([] if outcome == "no such name" else ["pool TXT x"])
    wait_until(lambda: source_of(proxy)["problem"], "the failure to be told")
    problem = source_of(proxy)["problem"]
    wait_until(lambda: source_of(proxy)["age_s"] >= 3, "more than keep_for")
    assert placement(proxy) == before
    proxy.reload_well()
    assert placement(proxy) == before
    if outcome == "no such name":
        assert "NXDOMAIN" in problem
    if outcome != "gone":
        names.set(["pool A 127.0.0.2"])
        wait_until(lambda: source_of(proxy)["problem"] is None, "an answer again")


def test_servers_are_registered_by_name(bench, names):
    a, r = bench.backend("a"), bench.backend("r", host="127.0.0.2")
    names.set(["r A 127.0.0.2"])
    proxy = proxy_of(bench, names, pool_of([a]))
    assert proxy.admin(f"register main r r.test:{port_of(r)}")["ok"]
    wait_until(lambda: proxy.server("r")["status"] == "online", "its address")
    assert set(placement(proxy).values()) == {"a", "r"}
    assert proxy.server("r")["address"] == r.address
    assert proxy.admin("unregister main r")["ok"]
    assert set(placement(proxy).values()) == {"a"}


def test_a_plan_says_what_it_cannot_know(bench, names):
    a = bench.backend("a")
    proxy = proxy_of(bench, names, pool_of([a]))
    new = {**proxy.config}
    new["pools"] = {"main": pool_of([a], servers_from={"srv": "_main._tcp.test"})}
    proxy.write(new)
    notes = proxy.admin(f"plan {proxy.config_path}")["notes"]
    assert notes == ["pool main: its servers by _main._tcp.test are looked up by a reload"]
    names.set([f"_main._tcp SRV 0 1 {port_of(a)} b", "b A 127.0.0.1"])
    proxy.reload_well()
    assert set(proxy.servers()) == {"a", "b.test"}
    assert proxy.admin(f"plan {proxy.config_path}")["notes"] == []


def test_a_thousand_targets_behind_an_alias_arrive_by_tcp(bench, names):
    a = bench.backend("a")
    records = ["main CNAME many"]
    records += [f"many SRV 0 1 {port_of(a)} s{n}" for n in range(1000)]
    records += [f"s{n} A 127.0.{n // 250}.{n % 250 + 1}" for n in range(1000)]
    names.set(records)
    proxy = proxy_of(bench, names, {"servers_from": {"srv": "main.test"}})
    wait_until(lambda: len(proxy.servers()) == 1000, "all targets")
    wait_until(
        lambda: all(server["address"] for server in proxy.servers().values()), "their addresses"
    )
    weights = {server["weight"] for server in proxy.servers().values()}
    assert weights == {1}
    assert source_of(proxy)["problem"] is None


def test_in_tls_a_host_must_have_a_certificate_for_its_name(bench, names, authority, trust):
    servers = []
    for name in ("a", "b"):
        files = authority.issue(name, f"DNS:{name}.test" if name == "a" else "IP:127.0.0.1")
        backend = bench.backend(name, serve_tls(server_context(files)))
        servers.append({"id": name, "address": f"{name}.test:{backend.port}"})
    names.set(["a A 127.0.0.1", "b A 127.0.0.1"])
    health = {"interval": "100ms", "timeout": "90ms"}
    proxy = proxy_of(bench, names, {"servers": servers, "tls": trust, "health": health})
    wait_until(lambda: proxy.server("b")["status"] == "offline", "its check to fail")
    assert "b.test" in proxy.server("b")["detail"] or "mismatch" in proxy.server("b")["detail"]
    assert proxy.server("a")["status"] == "online"
    assert set(placement(proxy).values()) == {"a"}
