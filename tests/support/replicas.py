"""Proxies that are replicas of one fleet, with the pool `main` each."""

from support.clients import ask
from support.configuration import listener
from support.ports import free_port
from support.waiting import wait_until

KEYS = [b"key-%d" % number for number in range(60)]


def replica(bench, etcd, name, pool, **fleet):
    fleet = {"name": name, "etcd": {"endpoints": etcd.endpoints}, **fleet}
    return bench.ringway(
        {"listeners": [listener(free_port())], "pools": {"main": pool}, "fleet": fleet}
    )


def met(proxies) -> list:
    """These replicas, once each knows all of them."""
    count = len(proxies)
    wait_until(lambda: all(len(members(each)) == count for each in proxies), "all to meet")
    return proxies


def replicas(bench, etcd, pool, count=3, **fleet) -> list:
    return met([replica(bench, etcd, f"proxy-{n}", pool, **fleet) for n in range(count)])


def view(proxy) -> dict:
    return proxy.admin("fleet")["fleet"]


def members(proxy) -> list[str]:
    return [each["name"] for each in view(proxy)["replicas"]]


def placement(proxy) -> dict:
    return {key: ask(proxy.address(), key) for key in KEYS}
