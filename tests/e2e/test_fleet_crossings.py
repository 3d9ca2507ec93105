"""Where two features of names, etcd and fleets meet in time."""

import socket
import time

import pytest

from support.configuration import listener, pool_of
from support.etcd import Etcd
from support.links import Link
from support.names import NameServer
from support.ports import free_port
from support.replicas import members, met, placement, replica, replicas
from support.waiting import DEADLINE, wait_until

HEALTH = {"interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 2}
PREFIX = "/ringway/main/"


def config_of(pool: dict, **entries) -> dict:
    return {"listeners": [listener(free_port())], "pools": {"main": pool}, **entries}


def test_who_does_not_have_a_server_has_no_vote_on_it(bench, etcd):
    a, b, c = bench.backends("a", "b", "c")
    one, *others = replicas(bench, etcd, pool_of([a, b], health=HEALTH))
    one.admin(f"register main c {c.address}")
    one.wait_server("c", "online")
    c.stop()
    one.wait_server("c", "offline")
    # Who has it later votes, too.
    for other in others:
        other.admin(f"register main c {c.address}")
        other.wait_server("c", "offline")
    assert "find it down" in one.server("c")["detail"]
    one.admin("unregister main c")
    assert {name for name in one.servers()} == {"a", "b"}


def test_too_many_servers_in_etcd_leave_those_that_were_known_over_reloads(bench, etcd):
    a, b = bench.backends("a", "b")
    for server in (a, b):
        etcd.put(PREFIX + server.name, {"address": server.address})
    source = {"etcd": {"endpoints": etcd.endpoints, "prefix": PREFIX}}
    config = config_of({"servers_from": source, "hash": {"vnodes": 1000}})
    proxy = bench.ringway(config)
    before = placement(proxy)
    flood = {f"{PREFIX}x{n}": {"address": a.address, "weight": 1000} for n in range(20)}
    etcd.change(flood)
    proxy.wait_log("its servers stay as they are")
    for timeout in ("7s", "8s"):
        proxy.reload_well({**config, "drain_timeout": timeout})
        assert set(proxy.servers()) == {"a", "b"}
        assert placement(proxy) == before
    etcd.change({}, [*flood])
    wait_until(
        lambda: not proxy.status()["pools"][0]["sources"][0].get("problem"), "it to fit again"
    )
    assert placement(proxy) == before


def test_a_word_said_during_a_reload_outlives_it(bench, etcd):
    a, b = bench.backends("a", "b")
    fleet = {"name": "proxy", "etcd": {"endpoints": etcd.endpoints}}
    config = config_of(pool_of([a, b]), fleet=fleet)
    proxy = bench.ringway(config)
    wait_until(lambda: members(proxy) == ["proxy"], "it to be told")
    hangs = bench.start(Link(etcd.endpoints[0]))
    hangs.silence()
    config["fleet"] = {"name": "proxy", "etcd": {"endpoints": [hangs.address]}}
    proxy.write(config)
    proxy.signal(1)
    wait_until(lambda: hangs.accepted > 0, "the reload to ask the member")
    assert proxy.ask("drain main b --fleet")["ok"]
    assert proxy.server("b")["status"] == "offline"
    wait_until(lambda: proxy.status()["config"]["reloads"] == 1, "the reload")
    assert proxy.server("b")["status"] == "offline"
    assert not proxy.admin("fleet")["fleet"]["name_is_taken"]


def test_votes_count_while_a_reload_sets_up_the_fleet_anew(bench, etcd):
    a, b = bench.backends("a", "b")
    elsewhere = {"id": "b", "address": b.address, "health": {"port": free_port()}}
    good = replica(bench, etcd, "proxy-0", pool_of([a, b], health=HEALTH))
    bad = replica(bench, etcd, "proxy-1", pool_of([a, elsewhere], health=HEALTH))
    met([good, bad])
    wait_until(lambda: "1 of 2" in bad.server("b")["detail"], "the verdict")
    before = good.admin("fleet")["fleet"]["replicas"]
    config = {**good.config, "fleet": {**good.config["fleet"], "prefix": "/ringway/fleet/"}}
    config["fleet"]["etcd"] = {"endpoints": [*etcd.endpoints, *etcd.endpoints]}
    good.write(config)
    good.signal(1)
    seen = set()

    def is_new() -> bool:
        seen.update((bad.server("b")["status"], good.server("b")["status"]))
        return good.status()["config"]["reloads"] == 1

    wait_until(is_new, "the reload")
    until = time.monotonic() + 6  # a lease and a bit
    while time.monotonic() < until:
        is_new()
    assert seen == {"online"}
    assert len(good.admin("fleet")["fleet"]["replicas"]) == len(before)


def test_a_change_during_a_reload_does_not_end_the_wait_for_names(bench, etcd):
    names = bench.start(NameServer(bench.folder / "knot"))
    names.set(["b A 127.0.0.1"])
    a, b, c = bench.backends("a", "b", "c")
    etcd.put(PREFIX + "a", {"address": a.address})
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    dns = {
        "nameservers": [f"127.0.0.1:{silent.getsockname()[1]}", names.address],
        "min_ttl": "1s", "timeout": "2s", "attempts": 1,
    }  # fmt: skip
    source = {"etcd": {"endpoints": etcd.endpoints, "prefix": PREFIX}}
    pool = {"servers": [{"id": "b", "address": b.address}], "servers_from": source}
    config = config_of(pool, dns=dns)
    proxy = bench.ringway(config)
    pool["servers"][0]["address"] = "b.test:" + b.address.rsplit(":")[1]
    proxy.write(config)
    proxy.signal(1)
    silent.settimeout(DEADLINE)
    silent.recv(1)  # the question to the nameserver that is silent for two seconds
    etcd.put(PREFIX + "c", {"address": c.address})
    seen = set()

    def has_reloaded() -> bool:
        seen.add(proxy.server("b")["status"])
        return proxy.status()["config"]["reloads"] == 1

    wait_until(has_reloaded, "the reload")
    has_reloaded()
    assert seen == {"online"}
    silent.close()


def test_words_are_taken_back_only_where_they_are(bench, etcd):
    (proxy,) = replicas(bench, etcd, pool_of(bench.backends("a", "b")), 1)
    proxy.admin("drain main b --fleet")
    for line in ("auto main bb", "auto mian b", "forget main bb", "forget mian b"):
        assert not proxy.ask(f"{line} --fleet")["ok"], line
    assert proxy.ask("auto main b --fleet")["ok"]


def test_names_that_are_no_text_are_shown_to_nobody(bench, etcd):
    report = {"instance": "i", "version": "v", "started": 1, "generation": 1, "file": "f",
              "settings": "s", "health": "majority", "pools": {}}  # fmt: skip
    for name in ("\x1b[31m", ""):
        etcd.put(f"/ringway/fleet/replicas/{name}", report)
    (proxy,) = replicas(bench, etcd, pool_of(bench.backends("a")), 1)
    answer = proxy.admin("fleet")["fleet"]
    assert members(proxy) == ["proxy-0"]
    assert len(answer["problems"]) == 2, answer


@pytest.mark.parametrize("line", ["drain main b", "auto main b", "register main c 127.0.0.1:9"])
def test_a_word_without_a_quorum_is_refused_with_the_reason(bench, line):
    etcd = bench.start(Etcd(bench.folder / "etcd", 3))
    source = {"etcd": {"endpoints": etcd.endpoints, "prefix": PREFIX}}
    (proxy,) = replicas(bench, etcd, pool_of(bench.backends("a", "b"), servers_from=source), 1)
    for number in (1, 2):
        etcd.kill(number)
    for _ in range(3):
        refused = proxy.ask(f"{line} --fleet")
        assert not refused["ok"] and "etcd: " in refused["error"], refused
    assert proxy.server("b")["status"] == "online"
