"""Servers that keys of etcd name: followed by a watch, and kept whatever happens to etcd."""

import pytest

from support.clients import ask
from support.configuration import listener, pool_of
from support.etcd import Etcd
from support.ports import free_port
from support.waiting import wait_until

KEYS = [b"key-%d" % number for number in range(60)]


def source(etcd, prefix="/ringway/main/") -> dict:
    return {"etcd": {"endpoints": etcd.endpoints, "prefix": prefix}}


def proxy_of(bench, pool, **entries):
    return bench.ringway(
        {"listeners": [listener(free_port())], "pools": {"main": pool}, **entries}
    )


def placement(proxy) -> dict:
    return {key: ask(proxy.address(), key) for key in KEYS}


def register(etcd, backend, lease=0, **entries):
    etcd.put(f"/ringway/main/{backend.name}", {"address": backend.address, **entries}, lease)


def view(proxy) -> dict:
    (pool,) = proxy.admin("status")["pools"]
    (found,) = [each for each in pool["sources"] if each["source"] == "etcd"]
    return found


def wait_for(proxy, *ids):
    wait_until(lambda: set(proxy.servers()) == set(ids), f"the servers {ids}")


@pytest.mark.parametrize("prefix", ["/ringway/main/", "/ringway/main"])
def test_keys_of_a_prefix_are_servers(bench, etcd, prefix):
    a, b, c = bench.backends("a", "b", "c")
    register(etcd, a)
    register(etcd, b, weight=2, max_connections=9)
    etcd.put("/ringway/mainly/x", {"address": c.address})  # of another prefix
    proxy = proxy_of(bench, {"servers_from": source(etcd, prefix)})
    assert set(placement(proxy).values()) == {"a", "b"}
    server = proxy.server("b")
    assert (server["weight"], server["max_connections"], server["source"]) == (2, 9, "etcd")
    before = placement(proxy)
    register(etcd, c)
    wait_for(proxy, "a", "b", "c")
    after = placement(proxy)
    assert {after[key] for key in KEYS if before[key] != after[key]} == {"c"}
    etcd.delete("/ringway/main/c")
    wait_for(proxy, "a", "b")
    assert placement(proxy) == before


def test_a_lease_that_ends_takes_its_server_away(bench, etcd):
    a, b = bench.backends("a", "b")
    register(etcd, a)
    lease = etcd.lease(60)
    register(etcd, b, lease)
    proxy = proxy_of(bench, {"servers_from": source(etcd)})
    wait_for(proxy, "a", "b")
    etcd.revoke(lease)
    wait_for(proxy, "a")


def test_a_bad_value_costs_its_server_and_no_other(bench, etcd):
    a, b = bench.backends("a", "b")
    register(etcd, a)
    register(etcd, b)
    bad = ["", "x", "[]", "{}", '{"address": 1}', '{"address": "10.0.0.1"}']
    bad += ['{"address": "10.0.0.1:1", "weight": -1}', '{"address": "10.0.0.1:1", "wieght": 1}']
    for number, value in enumerate(bad):
        etcd.put(f"/ringway/main/bad-{number}", value)
    proxy = proxy_of(bench, {"servers_from": source(etcd)})
    assert set(proxy.servers()) == {"a", "b"}
    assert len(view(proxy)["warnings"]) == len(bad)
    etcd.put("/ringway/main/b", "no more")
    wait_for(proxy, "a")
    register(etcd, b)
    wait_for(proxy, "a", "b")


def test_etcd_that_is_lost_empties_nothing(bench, etcd):
    a, b, c = bench.backends("a", "b", "c")
    register(etcd, a)
    register(etcd, b)
    proxy = proxy_of(bench, {"servers_from": source(etcd)})
    before = placement(proxy)
    etcd.kill(0)
    wait_until(lambda: view(proxy)["problem"], "the loss to be told")
    assert placement(proxy) == before
    proxy.reload_well()
    assert placement(proxy) == before
    assert set(proxy.servers()) == {"a", "b"}
    etcd.restart(0)
    register(etcd, c)
    wait_for(proxy, "a", "b", "c")
    assert view(proxy)["problem"] is None


def test_a_watch_goes_on_after_a_compaction_and_with_another_member(bench):
    etcd = bench.start(Etcd(bench.folder / "etcd", 3))
    backends = bench.backends("a", "b", "c", "d")
    a, b, c, d = backends
    register(etcd, a)
    proxy = proxy_of(bench, {"servers_from": source(etcd)})
    wait_for(proxy, "a")
    etcd.kill(0)
    register(etcd, b)
    wait_for(proxy, "a", "b")
    etcd.kill(1)  # the quorum is lost
    wait_until(lambda: view(proxy)["problem"], "the loss to be told")
    assert set(placement(proxy).values()) == {"a", "b"}
    etcd.restart(0)
    register(etcd, c)
    etcd.compact()
    wait_for(proxy, "a", "b", "c")
    etcd.restart(1)
    register(etcd, d)
    wait_for(proxy, "a", "b", "c", "d")


def test_layers_meet_as_the_rules_say(bench, etcd):
    a, b, other = bench.backends("a", "b", "other")
    register(etcd, b, weight=3)
    etcd.put("/ringway/main/a", {"address": other.address})
    proxy = proxy_of(bench, pool_of([a], servers_from=source(etcd)))
    server = proxy.server("a")
    assert (server["source"], server["address"]) == ("etcd", other.address)
    proxy.admin("set main b weight 5")
    proxy.admin("drain main b")
    assert proxy.server("b")["layers"] == {
        "address": "etcd", "weight": "runtime", "max_connections": "file", "override": "runtime"
    }  # fmt: skip
    etcd.delete("/ringway/main/b")
    wait_for(proxy, "a")
    register(etcd, b)  # it may be back: what was said of it still holds
    wait_for(proxy, "a", "b")
    assert proxy.server("b")["weight"] == 5
    assert proxy.server("b")["override"] == "drain"
    proxy.admin("unregister main b")
    wait_for(proxy, "a")
    proxy.reload_well()
    wait_for(proxy, "a")
    proxy.admin("forget main b")
    wait_for(proxy, "a", "b")
    assert proxy.server("b")["weight"] == 1
    etcd.delete("/ringway/main/a")
    wait_until(lambda: proxy.server("a")["source"] == "file", "the layer below")
    assert proxy.server("a")["address"] == a.address
