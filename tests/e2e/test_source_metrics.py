"""Metrics of what names servers, and of the replicas of a fleet."""

from support.configuration import listener, pool_of
from support.etcd import Etcd
from support.names import NameServer
from support.ports import free_port
from support.waiting import wait_until
from support.web import promtool, with_web


def test_sources_of_servers_are_measured(bench):
    names = bench.start(NameServer(bench.folder / "knot", ["pool A 127.0.0.2", "one A 127.0.0.1"]))
    etcd = bench.start(Etcd(bench.folder / "etcd"))
    etcd.put("/ringway/b/x", {"address": "192.0.2.1:7"})
    named = {"etcd": {"endpoints": etcd.endpoints, "prefix": "/ringway/b/"}}
    config = {
        "listeners": [listener(free_port())],
        "pools": {
            "main": {
                "servers": [{"id": "one", "address": "one.test:7"}],
                "servers_from": {"dns": "pool.test", "port": 7},
            },
            "b": {"servers_from": named},
        },
        "dns": {"nameservers": [names.address], "min_ttl": "1s", "timeout": "500ms"},
    }
    config, web = with_web(bench, config)
    bench.ringway(config)
    dns, of_etcd = {"pool": "main", "source": "dns"}, {"pool": "b", "source": "etcd"}
    metrics = web.metrics()
    for labels in (dns, of_etcd):
        assert metrics.value("ringway_source_servers", **labels) == 1
        assert metrics.value("ringway_source_up", **labels) == 1
        assert 0 <= metrics.value("ringway_source_age_seconds", **labels) < 60
    assert metrics.value("ringway_dns_answers_total", result="records") >= 2
    assert metrics.value("ringway_dns_names", state="all") == 2
    assert metrics.value("ringway_dns_names", state="failing") == 0
    assert metrics.total("ringway_fleet_replicas") == 0
    assert promtool(web.get("/metrics").body) == ""
    names.set(["one A 127.0.0.1"])
    etcd.kill(0)

    def failing():
        metrics = web.metrics()
        return [metrics.value("ringway_source_up", **labels) for labels in (dns, of_etcd)]

    wait_until(lambda: failing() == [0, 0], "the sources to fail")
    metrics = web.metrics()
    assert metrics.value("ringway_dns_answers_total", result="no_such_name") >= 1
    assert metrics.value("ringway_dns_names", state="failing") == 1
    assert metrics.value("ringway_source_servers", **dns) == 1  # it serves on


def test_a_fleet_is_measured(bench):
    etcd = bench.start(Etcd(bench.folder / "etcd"))
    pool = pool_of(bench.backends("a", "b"))

    def replica(name):
        config = {
            "listeners": [listener(free_port())],
            "pools": {"main": pool},
            "fleet": {"name": name, "etcd": {"endpoints": etcd.endpoints}},
        }
        config, web = with_web(bench, config)
        return bench.ringway(config), web

    def fleet(web) -> list:
        metrics = web.metrics()
        names = ("agrees", "replicas", "etcd_up", "health_in_force")
        return [metrics.total(f"ringway_fleet_{name}") for name in names]

    _, web = replica("proxy-0")
    wait_until(lambda: fleet(web) == [1, 1, 1, 1], "it to be in etcd")
    replica("proxy-1")
    wait_until(lambda: fleet(web) == [0, 2, 1, 1], "the other, which has another file")
    assert promtool(web.get("/metrics").body) == ""
    etcd.kill(0)
    wait_until(lambda: fleet(web)[2:] == [0, 0], "the loss of etcd to count")
