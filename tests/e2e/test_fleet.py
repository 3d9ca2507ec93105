"""Replicas that act as one: one verdict on each server, words that count on all, and who differs."""

from support.clients import ask
from support.configuration import pool_of
from support.ports import free_port
from support.replicas import members, placement, replica, replicas, view
from support.waiting import wait_until

HEALTH = {"interval": "100ms", "timeout": "90ms", "rise": 1, "fall": 2}


def fingerprint(proxy) -> str:
    return proxy.admin("status")["pools"][0]["fingerprint"]


def agree(proxies) -> bool:
    return len({fingerprint(each) for each in proxies}) == 1


def test_a_proxy_alone_is_in_no_fleet(bench):
    proxy = bench.simple(bench.backends("a"))
    assert view(proxy) is None
    assert "in no fleet" in proxy.ask("drain main a --fleet")["error"]
    assert "in no fleet" in proxy.ask(f"plan {proxy.config_path} --fleet")["error"]


def test_what_one_of_three_cannot_reach_stays_online(bench, etcd):
    a, b = bench.backends("a", "b")
    elsewhere = {"id": "b", "address": b.address, "health": {"port": free_port()}}
    pool = pool_of([a, b], health=HEALTH)
    broken = pool_of([a, elsewhere], health=HEALTH)  # finds b down, for its port is another
    good = [replica(bench, etcd, f"proxy-{n}", pool) for n in range(2)]
    lost = replica(bench, etcd, "proxy-2", broken)
    everyone = [*good, lost]
    wait_until(lambda: all(len(members(each)) == 3 for each in everyone), "all to meet")
    wait_until(
        lambda: "2 of 3 replicas find it up" in lost.server("b")["detail"], "the fleet's verdict"
    )
    assert lost.server("b")["status"] == "online"
    assert agree(everyone)
    assert set(placement(lost).values()) == {"a", "b"}
    b.stop()
    wait_until(
        lambda: all(each.server("b")["status"] == "offline" for each in everyone), "all to see it"
    )
    assert agree(everyone)


def test_two_of_three_take_a_server_offline(bench, etcd):
    a, b = bench.backends("a", "b")
    elsewhere = {"id": "b", "address": b.address, "health": {"port": free_port()}}
    broken = pool_of([a, elsewhere], health=HEALTH)
    proxies = [replica(bench, etcd, f"proxy-{n}", broken) for n in range(2)]
    good = replica(bench, etcd, "proxy-2", pool_of([a, b], health=HEALTH))
    wait_until(
        lambda: "2 of 3 replicas find it down" in good.server("b")["detail"],
        "the verdict of the others",
    )
    assert good.server("b")["status"] == "offline"
    # One that dies has no say any more, and one to one is no majority.
    bench.forget(proxies[0]).kill()
    wait_until(lambda: good.server("b")["status"] == "online", "the lease to end")


def test_own_checks_decide_where_the_file_says_so_and_while_etcd_is_lost(bench, etcd):
    a, b = bench.backends("a", "b")
    elsewhere = {"id": "b", "address": b.address, "health": {"port": free_port()}}
    pool = pool_of([a, b], health=HEALTH)
    broken = pool_of([a, elsewhere], health=HEALTH)
    own = replica(bench, etcd, "own", broken, health="own")
    lost = replica(bench, etcd, "lost", broken)
    good = [replica(bench, etcd, f"good-{n}", pool) for n in range(3)]
    wait_until(lambda: len(members(lost)) == 5, "all to meet")
    wait_until(lambda: own.server("b")["status"] == "offline", "its own verdict")
    wait_until(lambda: "replicas find it up" in lost.server("b")["detail"], "the verdict of most")
    etcd.kill(0)
    wait_until(lambda: lost.server("b")["status"] == "offline", "its own verdict")
    assert view(lost)["health_in_force"] == "own"
    assert view(lost)["state"] == "lost"
    assert good[0].server("b")["status"] == "online"
    etcd.restart(0)
    wait_until(lambda: lost.server("b")["status"] == "online", "the fleet again")


def test_words_for_the_fleet_count_everywhere_and_outlive_all(bench, etcd):
    a, b = bench.backends("a", "b")
    proxies = replicas(bench, etcd, pool_of([a, b]))
    assert proxies[0].admin("drain main b --fleet")["server"]["override"] == "drain"
    wait_until(lambda: all(p.server("b")["status"] == "offline" for p in proxies), "all to drain")
    assert proxies[1].server("b")["layers"]["override"] == "fleet"
    assert agree(proxies)
    for proxy in proxies:
        bench.forget(proxy).kill()
    again = bench.ringway(proxies[0].config)
    assert again.server("b")["override"] == "drain"
    assert set(placement(again).values()) == {"a"}
    again.admin("online main b")  # a word of its own stands above
    assert again.server("b")["status"] == "online"
    again.admin("auto main b")
    assert again.server("b")["status"] == "offline"
    assert again.admin("forget main b --fleet")["ok"]
    assert again.server("b")["status"] == "online"
    assert "no server" in again.ask("drain main nobody --fleet")["error"]


def test_servers_are_registered_with_the_whole_fleet(bench, etcd):
    a, b = bench.backends("a", "b")
    source = {"etcd": {"endpoints": etcd.endpoints, "prefix": "/ringway/main"}}
    proxies = replicas(bench, etcd, pool_of([a], servers_from=source), 2)
    assert proxies[0].admin(f"register main b {b.address} --weight 2 --fleet")["ok"]
    for proxy in proxies:
        wait_until(lambda proxy=proxy: "b" in proxy.servers(), "the registration")
        assert proxy.server("b")["source"] == "etcd"
        assert proxy.server("b")["weight"] == 2
    assert agree(proxies)
    assert "already" in proxies[1].ask(f"register main b {b.address} --fleet")["error"]
    assert proxies[1].admin("unregister main b --fleet")["ok"]
    for proxy in proxies:
        wait_until(lambda proxy=proxy: "b" not in proxy.servers(), "its end")
    assert "has no server" in proxies[1].ask("unregister main b --fleet")["error"]


def test_it_is_told_who_differs_and_in_what(bench, etcd):
    a, b = bench.backends("a", "b")
    proxies = replicas(bench, etcd, pool_of([a, b]), 2)
    one, other = proxies

    def differs(proxy) -> dict:
        return {each["name"]: each["differs_in"] for each in view(proxy)["replicas"]}

    wait_until(lambda: differs(one)["proxy-1"] == ["file"], "the files to be compared")
    other.admin("drain main b")
    wait_until(lambda: differs(one)["proxy-1"] == ["file", "pool main"], "the rings to differ")
    assert view(one)["agrees"] is False
    other.admin("auto main b")
    wait_until(lambda: differs(one)["proxy-1"] == ["file"], "the rings to agree")
    plan = one.admin(f"plan {one.config_path} --fleet")
    assert [each["name"] for each in plan["fleet"]["replicas"]] == ["proxy-0", "proxy-1"]
    other.stop()
    wait_until(lambda: members(one) == ["proxy-0"], "it to leave")
