"""The HTTP endpoint: its answers, readiness, and metrics that count exactly."""

import json
import re
import signal
import socket
import time

import pytest

from support.clients import ask, dial, read_line, read_to_end
from support.configuration import FAST_CHECKS, listener, pool_of
from support.ports import free_port, taken_port
from support.processes import Process
from support.programs import RealPrometheus, run
from support.waiting import BIN_DIR, ROOT, scaled, wait_until
from support.web import promtool, with_web


@pytest.fixture
def served(bench):
    """Starts a proxy with an endpoint: its listener and its pool are named `main`."""

    def start(backends, key="first_line", top=None, **pool):
        config = {
            **(top or {}),
            "listeners": [listener(free_port(), key)],
            "pools": {"main": pool_of(backends, **pool)},
        }
        config, web = with_web(bench, config)
        return bench.ringway(config), web

    return start


def test_the_answers_are_those_of_the_admin_socket(bench, served):
    proxy, web = served(bench.backends("a", "b"))
    volatile = {"uptime_s", "since_s", "ago_ms", "log_lines_dropped"}

    def steady(value):
        if isinstance(value, dict):
            return {k: steady(v) for k, v in value.items() if k not in volatile}
        return [steady(v) for v in value] if isinstance(value, list) else value

    for path, line in (
        ("/v1/status", "status"),
        ("/v1/pools/main/servers", "servers main"),
        ("/v1/pools/main/servers/a", "server main a"),
        ("/v1/pools/main/explain?key=%00k%20%c3%bc%25", r'explain main "\x00k \xc3\xbc%"'),
        ("/v1/pools/main/ring", "ring main"),
        ("/v1/events", "events"),
    ):
        assert steady(web.json(path)) == steady(proxy.admin(line)), path
    for path in ("/", "/page.css", "/page.js"):
        answer = web.get(path)
        assert answer.status == 200 and answer.body and "default-src" in str(answer.headers)
    for path, status, error in (
        ("/v1/pools/none/ring", 404, "no pool none"),
        ("/v1/pools/main/servers/z", 404, "pool main has no server z"),
        ("/v1/pools/%1b%ff/servers", 404, r"no pool \x1b\xff"),
        ("/nothing", 404, "no such path: /nothing"),
        ("/v1/pools/main/explain", 400, "explain needs a key: explain?key=KEY"),
    ):
        answer = web.get(path)
        assert (answer.status, answer.json()) == (status, {"ok": False, "error": error})
    assert web.get("/v1/status", "POST").status == 405
    head = web.get("/metrics", "HEAD")
    assert head.status == 200 and int(head.headers["Content-Length"]) > 1000 and not head.body


def test_the_ring_is_told_in_slices_that_match_the_shares(bench, served):
    proxy, web = served(bench.backends("a", "b", "c"))
    ring = web.json("/v1/pools/main/ring")
    assert ring["servers"] == ["a", "b", "c"] and ring["points"] == [704] * 3
    assert sum(ring["shares"]) == pytest.approx(1, abs=1e-12)
    assert len(ring["slices"]) == 1440
    for index, share in enumerate(ring["shares"]):
        assert ring["slices"].count(index) / 1440 == pytest.approx(share, abs=0.05)
        name = ring["servers"][index]
        assert proxy.server(name)["share"] == share
    (pool,) = proxy.status()["pools"]
    assert pool["peak_to_average"] == pytest.approx(3 * max(ring["shares"]))
    # Exactly the keys of the server that goes move.
    share = proxy.server("b")["share"]
    proxy.admin("offline main b")
    assert proxy.status()["pools"][0]["moved_last_change"] == pytest.approx(share, abs=1e-12)
    assert proxy.server("b")["share"] is None
    ring = web.json("/v1/pools/main/ring")
    assert 1 not in ring["slices"] and ring["shares"][1] == 0 and ring["points"][1] == 0
    for name in ("a", "c"):
        proxy.admin(f"offline main {name}")
    assert set(web.json("/v1/pools/main/ring")["slices"]) == {-1}


def test_events_tell_what_happened_in_order(bench, served):
    backends = bench.backends("a", "b")
    proxy, web = served(backends, health=FAST_CHECKS, panic=0.9)
    wait_until(lambda: proxy.server("a")["last_check"], "the first check")
    backends[0].stop()
    # In the panic it stays online: what is waited for is that it is known to be down.
    wait_until(lambda: proxy.status()["pools"][0]["panic"], "panic")
    backends[0].start()
    wait_until(lambda: not proxy.status()["pools"][0]["panic"], "the end of the panic")
    proxy.admin(f"register main c {backends[1].address}")
    proxy.admin("drain main c")
    proxy.admin("unregister main c")
    proxy.reload_well()
    assert proxy.reload("version: 2\n")["failed_reloads"] == 1
    events = web.json("/v1/events")["events"]
    assert [(e["kind"], e.get("pool"), e.get("server")) for e in events] == [
        ("server_down", "main", "a"), ("panic", "main", None),
        ("server_up", "main", "a"), ("panic_over", "main", None),
        ("registered", "main", "c"), ("override", "main", "c"), ("unregistered", "main", "c"),
        ("reload", None, None), ("reload_refused", None, None),
    ]  # fmt: skip
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    assert "refused" in events[0]["text"] and events[5]["text"] == "drain"
    assert "ringway.yaml:1:1: " in events[-1]["text"]
    assert proxy.admin("events 2")["events"] == events[-2:] == web.json("/v1/events?n=2")["events"]
    assert events[0]["time"] <= events[-1]["time"] and events[0]["time"].endswith("Z")


def test_ready_means_that_clients_are_served(bench, served):
    proxy, web = served(bench.backends("a"))
    assert web.get("/healthz").status == web.get("/readyz").status == 200
    proxy.admin("offline main a")
    answer = web.get("/readyz")
    assert answer.status == 503
    assert answer.json() == {"ok": False, "error": "pool main has no server online"}
    assert web.metrics().value("ringway_ready") == 0
    proxy.admin("auto main a")
    assert web.get("/readyz").status == 200
    with dial(proxy.address()) as client:
        client.sendall(b"key\n")
        read_line(client)
        proxy.signal(signal.SIGTERM)
        wait_until(lambda: web.get("/readyz").status == 503, "the proxy to drain")
        assert web.get("/readyz").json()["error"] == "draining"
        assert web.get("/healthz").status == 200
        assert web.json("/v1/events")["events"][-1]["kind"] == "draining"
    assert proxy.wait_exit() == 0


def test_a_proxy_that_is_about_to_drain_is_not_ready_and_serves(bench, served):
    proxy, web = served(bench.backends("a"), top={"drain_delay": "1h"})
    assert web.metrics().value("ringway_draining") == 0
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: web.get("/readyz").status == 503, "the proxy to be about to drain")
    assert web.get("/readyz").json()["error"] == "about to drain"
    metrics = web.metrics()
    assert metrics.value("ringway_ready") == 0 and metrics.value("ringway_draining") == 1
    for _ in range(5):
        assert ask(proxy.address(), b"key") == "a"
    event = web.json("/v1/events")["events"][-1]
    assert (event["kind"], event["text"]) == ("draining", "in 3600000 ms")
    proxy.signal(signal.SIGTERM)
    assert bench.forget(proxy).wait_exit() == 0


def test_one_pool_of_many_need_not_make_a_proxy_unready(bench, served):
    main, other = listener(free_port()), listener(free_port(), pool="other", name="other")
    pools = {"main": pool_of(bench.backends("a")), "other": {"servers": []}}
    config, web = with_web(bench, {"listeners": [main, other], "pools": pools})
    proxy = bench.ringway(config)
    assert web.get("/readyz").json()["error"] == "pool other has no server online"
    config["admin"]["ready"] = ["main"]
    proxy.reload_well(config)
    assert web.get("/readyz").status == 200
    proxy.admin("offline main a")
    assert web.get("/readyz").json()["error"] == "pool main has no server online"
    proxy.admin("auto main a")
    assert web.get("/readyz").status == 200



def test_a_taken_port_is_named_and_a_wildcard_is_warned_of(bench):
    backends = bench.backends("a")
    config = {"listeners": [listener(free_port())], "pools": {"main": pool_of(backends)}}
    with taken_port() as taken:
        where = "127.0.0.1:%d" % taken.getsockname()[1]
        admin = {"socket": str(bench.folder / "a.sock"), "http": where}
        proxy = bench.forget(bench.ringway({**config, "admin": admin}, wait_ready=False))
        assert proxy.wait_exit() == 1
        assert f"http: cannot listen on {where}: Address already in use" in proxy.log()
    port = free_port()
    proxy = bench.ringway({**config, "admin": {**admin, "http": f"0.0.0.0:{port}"}})
    assert f"every host that reaches 0.0.0.0:{port} can read" in proxy.wait_log(" warning ")
    proxy.write({**proxy.config, "admin": {**admin, "http": where}})
    assert "restart" in proxy.reload()["result"]


def test_promtool_finds_nothing_to_say_whatever_ids_hold(bench, served):
    odd = ['a "b" \\c', "d{e}=f,\u00fc\u202e", "g h"]
    servers = [{"id": id, "address": bench.backend("x").address} for id in odd]
    proxy, web = served(servers, health=FAST_CHECKS, hash={"balance_factor": 1.25})
    ask(proxy.address(), b"any")
    proxy.wait_idle()
    wait_until(lambda: all(s["last_check"] for s in proxy.servers().values()), "the first checks")
    answer = web.get("/metrics")
    assert promtool(answer.body) == ""
    metrics = web.metrics()
    assert metrics.total("ringway_server_connections_total") == 1
    assert metrics.value("ringway_server_up", pool="main", server="g h") == 1
    assert metrics.value("ringway_server_up", pool="main", server=r"a \"b\" \\c") == 1
    checks = metrics.value(
        "ringway_server_checks_total", pool="main", server="g h", result="passed"
    )
    assert checks >= 1
    assert metrics.value("process_open_fds") == pytest.approx(proxy.descriptors(), abs=8)
    assert abs(metrics.value("process_start_time_seconds") - time.time()) < 600
    assert promtool(b"what_total{a=} 1\n")  # the judge judges


def test_failed_dials_spills_and_ends_are_counted_by_reason(bench, served):
    full = {**bench.nobody("full"), "address": bench.backend("full").address}
    servers = [{**full, "max_connections": 1}, bench.nobody("gone"), bench.backend("other")]
    proxy, web = served(servers)
    keys = {name: next(k for n in range(1000) if proxy.owner(k := b"%d" % n) == name)
            for name in ("full", "gone", "other")}  # fmt: skip
    with dial(proxy.address()) as first:
        first.sendall(keys["full"] + b"\n")
        assert read_line(first) == b"full"
        second = ask(proxy.address(), keys["full"])
        assert second != "full"
        assert ask(proxy.address(), keys["gone"]) in ("other", "full")
        assert ask(proxy.address(), keys["other"]) == "other"
    with dial(proxy.address()) as silent:
        silent.shutdown(socket.SHUT_WR)
        assert read_to_end(silent) == (b"", "reset")
    proxy.wait_idle()
    metrics = web.metrics()

    def value(name, **labels):
        return metrics.value(f"ringway_{name}", **labels)

    gone = {"pool": "main", "server": "gone"}
    walk_of_full = proxy.walk(keys["full"])
    dials_of_gone = 2 if walk_of_full.index("gone") == 1 else 1
    assert value("server_connect_failures_total", reason="refused", **gone) == dials_of_gone
    assert value("server_connect_failures_total", reason="timeout", **gone) == 0
    assert proxy.server("gone")["connect_failures"] == dials_of_gone
    assert value("pool_picks_total", pool="main") == 4
    assert value("pool_spills_total", pool="main", reason="full") == 1
    assert value("pool_spills_total", pool="main", reason="connect_failed") == 1
    assert proxy.status()["pools"][0]["spills"] == 2
    assert value("listener_connections_total", listener="main") == 5
    assert value("listener_active_connections", listener="main") == 0
    assert value("listener_connections_refused_total", listener="main") == 1
    assert value("listener_connections_ended_total", listener="main", reason="client_left") == 1
    ends = metrics.total("ringway_listener_connections_ended_total")
    assert ends == 5
    for histogram in ("connect", "session"):
        assert value(f"pool_{histogram}_duration_seconds_count", pool="main") == 4
        assert value(f"pool_{histogram}_duration_seconds_bucket", pool="main", le="+Inf") == 4
    assert value("pool_session_duration_seconds_sum", pool="main") > 0


def test_reloads_are_counted_by_their_result(bench, served):
    proxy, web = served(bench.backends("a"))
    before = web.metrics()
    assert before.value("ringway_config_generation") == 1
    assert before.value("ringway_config_last_reload_successful") == 1
    proxy.reload("version: 1\nlisteners: 3\n")
    after = web.metrics()
    assert after.value("ringway_config_reloads_total", result="refused") == 1
    assert after.value("ringway_config_last_reload_successful") == 0
    assert after.value("ringway_config_generation") == 1
    loaded = "ringway_config_last_reload_success_timestamp_seconds"
    assert after.value(loaded) == before.value(loaded)
    proxy.reload_well(proxy.config)
    now = web.metrics()
    assert now.value("ringway_config_reloads_total", result="ok") == 1
    assert now.value("ringway_config_last_reload_successful") == 1
    assert now.value("ringway_config_generation") == 2
    assert now.value(loaded) > before.value(loaded)
    delays = "ringway_loop_delay_seconds_count"
    for loop in ("control", "worker-0", "worker-1"):
        wait_until(lambda: web.metrics().value(delays, loop=loop) >= 1, "a look at the loop")


def test_prometheus_knows_exactly_what_the_load_generator_counted(bench):
    ports = [free_port() for _ in range(3)]
    shape = ("--bytes", 300, "--request", 70)
    of_server = ("--mode", "answer", *shape)
    serve = [word for port in ports for word in ("--listen", f"127.0.0.1:{port}", *of_server)]
    loadgen = BIN_DIR / "loadgen"
    bench.start(Process([loadgen, "serve", *serve], bench.folder / "serve.log"))
    servers = [{"id": f"s{port}", "address": f"127.0.0.1:{port}"} for port in ports]
    config, web = with_web(
        bench,
        {
            "listeners": [listener(free_port(), "source", name="front")],
            "pools": {"main": pool_of(servers, connect={"attempts": 1})},
        },
    )
    proxy = bench.ringway(config)
    for port in ports:
        wait_until(lambda: _accepts(port), "the servers to listen")
    prometheus = bench.start(RealPrometheus(bench.folder, "prometheus", [web.address]))
    operations = scaled(5000, least=500)
    report = bench.folder / "run.json"
    host, port = proxy.address("front")
    run(
        loadgen, "run", "--connect", f"{host}:{port}", "--mode", "connect", *shape,
        "--operations", operations, "--connections", 16, "--threads", 2, "--seconds", 60, "--json", report,
    )  # fmt: skip
    counted = json.loads(report.read_text())
    assert counted["operations"] == operations and counted["failures"]["total"] == 0, counted
    query = prometheus.query
    done = 'ringway_listener_connections_ended_total{listener="front",reason="done"}'
    active = "sum(ringway_server_active_connections)"
    wait_until(
        lambda: query(done) == [operations] and query(active) == [0],
        "Prometheus to have seen the end",
    )
    assert query('ringway_listener_connections_total{listener="front"}') == [operations]
    assert query("sum(ringway_server_connections_total)") == [operations]
    assert query('sum(ringway_server_bytes_total{direction="up"})') == [operations * 70]
    assert query('sum(ringway_server_bytes_total{direction="down"})') == [operations * 300]
    assert query("ringway_pool_picks_total") == [operations]
    assert query("ringway_pool_connect_duration_seconds_count") == [operations]
    assert query("ringway_pool_session_duration_seconds_count") == [operations]
    assert query("sum(ringway_server_connect_failures_total)") == [0]
    assert query("sum(ringway_server_share_ratio)") == [pytest.approx(1)]
    assert query("up") == [1]
    servers = proxy.servers()
    for id, server in servers.items():
        assert query(f'ringway_server_connections_total{{server="{id}"}}') == [server["total"]]


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_every_reason_for_which_connections_end_is_described(bench, served):
    _, web = served(bench.backends("a"))
    metrics = web.get("/metrics").body.decode()
    reasons = set(re.findall(r'connections_ended_total{.*reason="([a-z_]+)"', metrics))
    assert len(reasons) > 20
    described = re.findall(r"`([a-z_]+)`", (ROOT / "docs/logs.md").read_text())
    assert sorted(reasons - set(described)) == []
