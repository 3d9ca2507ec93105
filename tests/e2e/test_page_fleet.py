"""The status page of a replica of a fleet, whose servers come from etcd and from DNS."""

import pytest

from support.configuration import listener
from support.names import NameServer
from support.page import NARROW, Page
from support.ports import free_port
from support.waiting import wait_until
from support.web import with_web


@pytest.fixture(scope="module")
def browser():
    page = Page()
    yield page
    page.quit()


@pytest.fixture
def page(browser):
    """The browser, which must have nothing to complain of in the end."""
    browser.leave()
    browser.complaints()
    yield browser
    assert browser.complaints() == []


@pytest.fixture
def names(bench):
    return bench.start(NameServer(bench.folder / "knot", ["b A 127.0.0.1"]))


def replica(bench, etcd, names, name="proxy-0"):
    """Its servers: a of the file, b and lost by name, and those that etcd has."""
    a, b = bench.backends("a", "b")
    port = b.address.rsplit(":", 1)[1]
    config, web = with_web(
        bench,
        {
            "listeners": [listener(free_port())],
            "pools": {
                "main": {
                    "servers": [
                        {"id": "a", "address": a.address},
                        {"id": "b", "address": f"b.test:{port}"},
                        {"id": "lost", "address": f"lost.test:{port}"},
                    ],
                    "servers_from": {
                        "etcd": {"endpoints": etcd.endpoints, "prefix": "/ringway/main/"}
                    },
                }
            },
            "dns": {"nameservers": [names.address], "min_ttl": "1s", "timeout": "500ms"},
            "fleet": {"name": name, "etcd": {"endpoints": etcd.endpoints}},
        },
    )
    proxy = bench.ringway(config)
    proxy.origin = "http://%s:%d" % web.address
    return proxy


def test_the_fleet_is_shown_and_who_differs(bench, page, etcd, names):
    proxy = replica(bench, etcd, names)
    page.open(proxy.origin)
    page.wait_text("#fleet-count", "1 replica")
    assert "all agree for" in page.text("#fleet")
    assert "in sync for" in page.text("#fleet")
    assert "of most replicas decide" in page.text("#fleet")
    assert page.text("#replicas h3") == "proxy-0 this one"
    assert page.text("#replicas .differs") == "agrees"
    assert page.script("return document.getElementById('fleet-card').checkVisibility()")
    other = replica(bench, etcd, names, "proxy-1")
    page.wait_text("#replicas", "proxy-1")
    page.wait_text("#replicas li:nth-child(2) .differs", "differs in file")
    page.wait_text("#fleet .bad", "disagree for")
    assert "2 of 3 servers online" in page.text("#replicas li:nth-child(1) p")
    proxy.admin("drain main a --fleet")
    page.wait_text("#fleet .warn", "a in main: drain")
    page.resize(320, NARROW[1])
    assert page.script("return document.documentElement.scrollWidth") <= 320
    bench.forget(other).kill()
    page.wait_text("#fleet-count", "1 replica")
    etcd.kill(0)
    page.wait_text("#fleet .bad", "lost for")
    page.wait_text("#fleet .warn", "this replica’s own decide")


def test_servers_and_their_pool_show_where_they_come_from(bench, page, etcd, names):
    proxy = replica(bench, etcd, names)
    etcd.put("/ringway/main/c", {"address": bench.backend("c").address})
    wait_until(lambda: "c" in proxy.servers(), "the server of etcd")
    page.open(proxy.origin)
    servers, rows = proxy.servers(), page.rows()
    assert {id: row["Source"][0] for id, row in rows.items()} == {
        "a": "file", "b": "file", "lost": "file", "c": "etcd",
    }  # fmt: skip
    assert rows["a"]["Server"][-1] == servers["a"]["address"]
    assert rows["b"]["Server"][-1] == f"b.test, {servers['b']['address']}"
    assert rows["lost"]["Server"][-1] == "lost.test, no address"
    assert "etcd /ringway/main/ · 1 server · 0 s old" in page.text("#facts")
    etcd.put("/ringway/main/d", "nonsense")
    page.wait_text("#facts .warn", "1 warning")
    etcd.kill(0)
    page.wait_text("#facts .bad", "Servers from")
    page.type("#filter", "lost.test")
    wait_until(lambda: set(page.rows()) == {"lost"}, "the filter")


def test_a_proxy_alone_shows_no_fleet(bench, page):
    config = {"listeners": [listener(free_port())], "pools": {"main": {"servers": []}}}
    config, web = with_web(bench, config)
    bench.ringway(config)
    page.open("http://%s:%d" % web.address)
    assert not page.script("return document.getElementById('fleet-card').checkVisibility()")
    assert "Servers from" not in page.text("#facts")
