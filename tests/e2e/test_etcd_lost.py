"""Etcd that is slow, silent, lost, or asked elsewhere: nothing that is known is forgotten."""

import pytest

from support.clients import ask
from support.configuration import listener, pool_of
from support.links import Link
from support.ports import free_port
from support.waiting import wait_until

KEYS = [b"key-%d" % number for number in range(60)]


def link(bench, etcd, **options) -> Link:
    return bench.start(Link(etcd.endpoints[0], **options))


def source(*endpoints, **entries) -> dict:
    return {"etcd": {"endpoints": [*endpoints], "prefix": "/ringway/main/"}, **entries}


def fleet(*endpoints, name="proxy-0", **entries) -> dict:
    return {"name": name, "etcd": {"endpoints": [*endpoints]}, **entries}


def config_of(pool, **entries) -> dict:
    return {"listeners": [listener(free_port())], "pools": {"main": pool}, **entries}


def nobody() -> str:
    return f"127.0.0.1:{free_port()}"


def register(etcd, *backends):
    for backend in backends:
        etcd.put(f"/ringway/main/{backend.name}", {"address": backend.address})


def placement(proxy) -> dict:
    return {key: ask(proxy.address(), key) for key in KEYS}


def replicas(proxy) -> list[str]:
    return [each["name"] for each in proxy.admin("fleet")["fleet"]["replicas"]]


def test_a_start_waits_for_a_member_that_answers(bench, etcd):
    a, b = bench.backends("a", "b")
    register(etcd, a, b)
    slow = link(bench, etcd, delay=0.5)
    proxy = bench.ringway(config_of({"servers_from": source(nobody(), slow.address)}))
    assert set(placement(proxy).values()) == {"a", "b"}


def test_the_words_of_a_fleet_count_from_the_first_ring_on(bench, etcd):
    a, b = bench.backends("a", "b")
    etcd.put("/ringway/fleet/words/main/b", {"by_hand": "drain"})
    slow = link(bench, etcd, delay=0.5)
    proxy = bench.ringway(config_of(pool_of([a, b]), fleet=fleet(nobody(), slow.address)))
    assert set(placement(proxy).values()) == {"a"}


@pytest.mark.parametrize("change", ["endpoints", "max_connections"])
def test_a_reload_while_etcd_is_lost_empties_nothing(bench, etcd, change):
    a, b = bench.backends("a", "b")
    register(etcd, a, b)
    config = config_of({"servers_from": source(*etcd.endpoints)})
    proxy = bench.ringway(config)
    before = placement(proxy)
    if change == "max_connections":
        etcd.kill(0)
        config["pools"]["main"]["servers_from"] = source(*etcd.endpoints, max_connections=9)
    else:
        config["pools"]["main"]["servers_from"] = source(nobody())
    proxy.reload_well(config)
    assert set(proxy.servers()) == {"a", "b"}
    assert placement(proxy) == before


@pytest.mark.parametrize("change", ["endpoints", "health"])
def test_a_reload_while_etcd_is_lost_takes_back_no_word(bench, etcd, change):
    a, b = bench.backends("a", "b")
    config = config_of(pool_of([a, b]), fleet=fleet(*etcd.endpoints))
    proxy = bench.ringway(config)
    wait_until(lambda: replicas(proxy) == ["proxy-0"], "it to be told")
    proxy.admin("drain main b --fleet")
    if change == "health":
        etcd.kill(0)
        config["fleet"] = fleet(*etcd.endpoints, health="own")
    else:
        config["fleet"] = fleet(nobody())
    proxy.reload_well(config)
    assert proxy.server("b")["status"] == "offline"
    assert set(placement(proxy).values()) == {"a"}


def test_a_replica_outlives_its_double(bench, etcd):
    a, b = bench.backends("a", "b")
    one = bench.ringway(config_of(pool_of([a, b]), fleet=fleet(*etcd.endpoints)))
    wait_until(lambda: replicas(one) == ["proxy-0"], "it to be told")
    double = bench.ringway(config_of(pool_of([a, b]), fleet=fleet(*etcd.endpoints)))
    wait_until(lambda: one.admin("fleet")["fleet"]["name_is_taken"], "the double")
    double.stop()
    wait_until(lambda: not one.admin("fleet")["fleet"]["name_is_taken"], "its end")
    wait_until(lambda: replicas(one) == ["proxy-0"], "the one that is left")
    assert "/ringway/fleet/checks/proxy-0/main" in etcd.keys("/ringway/fleet/checks/")


def test_a_member_that_hangs_is_left(bench, etcd):
    a, b = bench.backends("a", "b")
    register(etcd, a)
    hangs = link(bench, etcd)
    proxy = bench.ringway(config_of({"servers_from": source(hangs.address, *etcd.endpoints)}))
    hangs.silence()
    register(etcd, b)
    wait_until(lambda: "b" in proxy.servers(), "the change by another member", 60)


def test_words_arrive_where_a_member_hangs(bench, etcd):
    a, b = bench.backends("a", "b")
    hangs = link(bench, etcd)
    proxy = bench.ringway(config_of(pool_of([a, b]), fleet=fleet(hangs.address, *etcd.endpoints)))
    wait_until(lambda: replicas(proxy) == ["proxy-0"], "it to be told")
    hangs.silence()
    etcd.put("/ringway/fleet/words/main/b", {"by_hand": "drain"})
    wait_until(lambda: proxy.server("b")["status"] == "offline", "the word", 60)
