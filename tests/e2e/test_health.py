"""How servers are found to be down, what follows from it, and how they come back."""

import math
import time

import pytest

from support.backends import echo, reset_at_once, silent
from support.clients import RESET, ask, dial, read_line, read_to_end, reset
from support.configuration import ANSWERED_CHECKS, FAST_CHECKS, listener, pool_of
from support.demo import DemoServer
from support.failover import CHECKS, OFFLINE_WITHIN, kill_and_return
from support.ports import free_port
from support.waiting import scaled, wait_until, within
from support.web import with_web

KEYS = [b"key-%d" % number for number in range(400)]
SPOKEN = {**ANSWERED_CHECKS, "send": "PING\r\n", "expect": "+PONG"}


def keys_of(proxy, id: str) -> list[bytes]:
    return [key for key, owner in proxy.owners(KEYS).items() if owner == id]


def last_result(proxy, id: str) -> str:
    return proxy.server(id)["last_check"]["result"]


def speaks(peer, backend):
    """Redis, as far as a check knows."""
    while peer.receive():
        peer.sock.sendall(backend.mood)


def open_to(proxy, id: str, count: int = 1) -> list:
    """Connections that this server has answered."""
    clients = []
    for key in keys_of(proxy, id)[:count]:
        clients.append(dial(proxy.address()))
        clients[-1].sendall(key + b"\n")
        assert read_line(clients[-1]).decode() == id
    assert len(clients) == count
    return clients


def demo(bench, name: str) -> DemoServer:
    return bench.start(DemoServer(bench.folder, name))


def test_a_check_goes_by_what_the_server_answers(bench):
    backend = bench.backend("a", speaks)
    backend.mood = b"+PONG\r\n"
    proxy = bench.simple([backend, bench.nobody("b")], health=SPOKEN)
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    backend.mood = b"-LOADING Redis is loading the dataset in memory\r\n"
    proxy.wait_server("a", "offline")
    assert last_result(proxy, "a") == "mismatch"
    assert proxy.server("a")["detail"] == "down: mismatch"
    backend.mood = b"+PONG\r\n"
    proxy.wait_server("a", "online")
    assert bytes(backend.peers[0].received) == b"PING\r\n"


def test_a_check_by_http_goes_to_the_port_that_is_given(bench):
    def answers(peer, backend):
        peer.receive()
        peer.sock.sendall(b"HTTP/1.1 %d Whatever\r\n\r\n" % backend.status)

    backend, checked = bench.backend("a"), bench.backend("check", answers)
    checked.status = 200
    entry = {"id": "a", "address": backend.address, "health": {"port": checked.port}}
    proxy = bench.simple([entry], health={**ANSWERED_CHECKS, "http": {"path": "/up"}})
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    checked.status = 503
    proxy.wait_server("a", "offline")
    assert last_result(proxy, "a") == "status 503"
    checked.status = 204
    proxy.wait_server("a", "online")
    assert bytes(checked.peers[0].received).startswith(b"GET /up HTTP/1.1\r\n")
    assert not backend.peers


def test_a_server_that_accepts_and_says_nothing_is_seen_by_a_check_that_asks(bench):
    mute = bench.backend("a", silent)
    asked = bench.simple([mute], health=SPOKEN)
    connected = bench.simple([mute], health=FAST_CHECKS)
    asked.wait_server("a", "offline")
    assert last_result(asked, "a") == "timeout"
    # A connect alone cannot detect it; clients wait for the idle timeout.
    wait_until(lambda: connected.server("a")["detail"] == "checked ok", "the first check")


def test_a_stopped_server_is_seen_by_a_check_that_asks_and_comes_back(bench):
    servers = [demo(bench, name) for name in "ab"]
    checks = {**SPOKEN, "send": "who\n", "expect": "a\n"}
    pools = {"main": {"health": checks, "servers": [{"id": "a", "address": servers[0].address}]}}
    proxy = bench.ringway({"pools": pools})
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    proxy.admin(f"register main b {servers[1].address}")
    proxy.admin("online main b")  # it would answer the check with its own name
    owners = proxy.owners(KEYS)
    servers[0].pause()
    proxy.wait_server("a", "offline")
    assert last_result(proxy, "a") == "timeout"
    key = next(key for key in KEYS if owners[key] == "a")
    assert ask(proxy.address(), key) == "b"
    servers[0].resume()
    proxy.wait_server("a", "online")
    assert ask(proxy.address(), key) == "a"


def test_a_dead_server_is_offline_within_the_bound_though_nobody_connects(bench):
    server = demo(bench, "a")
    proxy = bench.simple([server], health={**CHECKS, "fast_interval": "500ms"})
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    begin = time.monotonic()
    server.kill()
    proxy.wait_server("a", "offline")
    assert time.monotonic() - begin < within(OFFLINE_WITHIN)


# tests/faults.md 13
def test_the_sessions_of_a_killed_server_end_at_once_and_keys_go_on(bench):
    servers = [demo(bench, name) for name in "ab"]
    proxy = bench.simple(servers, health=FAST_CHECKS)
    others = {key: owner for key, owner in proxy.owners(KEYS).items() if owner == "b"}
    sessions, kept = open_to(proxy, "a", 20), open_to(proxy, "b", 5)
    begin = time.monotonic()
    servers[0].kill()
    for session in sessions:
        # The kernel of a killed program sends a FIN where nothing was left unread.
        assert read_to_end(session)[0] == b""
    assert time.monotonic() - begin < within(0.1)
    assert all(ask(proxy.address(), key) == "b" for key in KEYS[:50])
    assert proxy.owners(others) == others
    for session in kept:
        session.sendall(b"still there?\n")
        assert read_line(session) == b"b"


# tests/faults.md 12
def test_with_no_server_left_clients_are_reset_at_once_and_counted(bench):
    backend = bench.backend("a")
    proxy = bench.simple([backend], health=FAST_CHECKS)
    backend.stop()
    proxy.wait_server("a", "offline")
    refused, cpu, times = proxy.listener_status()["refused"], proxy.cpu_seconds(), []
    for key in KEYS[:50]:
        with dial(proxy.address()) as client:
            begin = time.monotonic()
            client.sendall(key + b"\n")
            assert read_to_end(client) == (b"", RESET)
            times.append(time.monotonic() - begin)
    assert sorted(times)[25] < within(0.01)
    assert proxy.listener_status()["refused"] == refused + 50
    assert proxy.cpu_seconds() - cpu < within(0.5)
    backend.start()
    proxy.wait_server("a", "online")
    assert ask(proxy.address(), b"any") == "a"


def test_refused_clients_take_a_server_offline_ahead_of_its_next_check(bench):
    gone, live = bench.backends("a", "b")
    checks = {"interval": "60s", "timeout": "1s", "rise": 2, "fall": 3, "fast_interval": "100ms"}
    proxy = bench.simple([gone, live], health=checks, passive={"failures": 3})
    wait_until(lambda: proxy.server("a")["detail"] == "checked ok", "the first check")
    keys = keys_of(proxy, "a")
    gone.stop()
    for key in keys[:3]:
        assert ask(proxy.address(), key) == "b"
    proxy.wait_server("a", "offline")
    assert proxy.server("a")["detail"] in ("down: connections failed", "down: refused")
    assert proxy.server("a")["connect_failures"] == 3
    assert proxy.owners(keys) == {key: "b" for key in keys}
    gone.start()
    proxy.wait_server("a", "online")
    assert proxy.owners(keys) == {key: "a" for key in keys}


def test_a_server_that_resets_after_accept_goes_offline_and_is_tried_again(bench):
    bad, good = bench.backend("a", reset_at_once), bench.backend("b")
    proxy = bench.simple([bad, good], passive={"failures": 2, "retry": "2s"})
    keys = keys_of(proxy, "a")
    for _ in range(2):
        for key in keys:
            try:
                ask(proxy.address(), key)
            except (ConnectionResetError, EOFError):
                pass  # one of the two who find out
            if proxy.server("a")["status"] == "offline":
                break
        assert proxy.server("a")["detail"].startswith("down: ")
        assert ask(proxy.address(), keys[0]) == "b"
        proxy.wait_server("a", "online")
    assert "for 2000 ms" in proxy.log()  # and for longer, where it fails again soon


def test_a_time_out_outlives_checks_that_come_and_go_and_keeps_its_reason(bench):
    gone, live = bench.backends("a", "b")
    passive = {"failures": 1, "retry": "5m"}
    pools = {"main": pool_of([gone, live], passive=passive)}
    entries = {"listeners": [listener(free_port())], "pools": pools}
    config, web = with_web(bench, entries)
    proxy = bench.ringway(config)
    checked = {"main": pool_of([gone, live], passive=passive, health=FAST_CHECKS)}
    (key, *_) = keys_of(proxy, "a")

    def answers() -> set:
        """Why the server is down, by all that can be asked."""
        step = next(s for s in proxy.explain(key)["if_all_online"]["walk"] if s["id"] == "a")
        page = web.json("/v1/pools/main/servers")["servers"]
        path = f"/v1/pools/main/explain?key={key.decode()}"
        walked = web.json(path)["if_all_online"]["walk"]
        of_page = [each["detail"] for each in [*page, *walked] if each["id"] == "a"]
        assert web.get("/").status == 200 and proxy.owner(key) == "b"
        return {proxy.server("a")["detail"], step["detail"], *of_page}

    gone.stop()
    with dial(proxy.address()) as kept:
        kept.sendall(key + b"\n")
        assert read_line(kept) == b"b"
        assert answers() == {"down: connections failed"}
        proxy.reload_well({**proxy.config, "pools": checked})
        wait_until(
            lambda: (proxy.server("a")["last_check"] or {}).get("failures", 0) > 0, "a failed check"
        )
        assert all(each.startswith("down: ") and each != "down: ok" for each in answers())
        proxy.reload_well({**proxy.config, "pools": pools})
        assert answers() == {"down: connections failed"}
        kept.sendall(b"still there?\n")
        assert (read_line(kept), read_line(kept)) == (key, b"still there?")
    # A check that succeeds ends the time-out for good.
    gone.start()
    proxy.reload_well({**proxy.config, "pools": checked})
    proxy.wait_server("a", "online")
    proxy.reload_well({**proxy.config, "pools": pools})
    assert proxy.owner(key) == "a" and ask(proxy.address(), key) == "a"


def test_clients_who_break_off_do_not_take_a_server_offline(bench):
    proxy = bench.simple([bench.backend("a", silent)], passive={"failures": 1})
    for key in KEYS[:5]:
        client = dial(proxy.address())
        client.sendall(key + b"\n")
        me = client.getsockname()
        reset(client)
        assert proxy.wait_access(client=me).end in ("client_reset", "client_left")
        assert proxy.server("a")["status"] == "online"


def test_in_a_panic_states_are_ignored(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends, health=FAST_CHECKS, panic=0.6)
    owners = proxy.owners(KEYS)
    for backend in backends[:2]:
        backend.stop()
    wait_until(lambda: proxy.status()["pools"][0]["panic"], "the panic")
    assert proxy.owners(KEYS) == owners
    assert proxy.server("a")["detail"] == "down: refused, ignored in a panic"
    assert all(ask(proxy.address(), key) == "c" for key in KEYS[:20])
    for backend in backends[:2]:
        backend.start()
    wait_until(lambda: not proxy.status()["pools"][0]["panic"], "the end of the panic")


def test_a_server_that_comes_back_gets_its_own_keys_step_by_step(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"))
    begin = time.monotonic()
    before = proxy.owners(KEYS)
    # Long enough to be looked at several times.
    seconds = 2 + math.ceil(10 * (time.monotonic() - begin))
    pool = {**proxy.config["pools"]["main"], "slow_start": f"{seconds}s"}
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    mine = {key for key, owner in before.items() if owner == "a"}
    proxy.admin("drain main a")
    proxy.admin("auto main a")
    assert proxy.server("a")["ramp_percent"] < 100
    seen = [set()]
    while len(seen[-1]) < len(mine):
        now = proxy.owners(KEYS)
        seen.append({key for key, owner in now.items() if owner == "a"})
        assert seen[-2] <= seen[-1] <= mine
        assert all(now[key] == before[key] for key in KEYS if key not in mine)
        if proxy.server("a")["ramp_percent"] == 100:
            seen.append({key for key, owner in proxy.owners(KEYS).items() if owner == "a"})
            break
    assert seen[-1] == mine
    assert len({len(keys) for keys in seen}) > 3


@pytest.mark.parametrize("way", ["keep", "reset", "drain"])
def test_connections_of_a_server_that_goes_down_are_treated_as_asked(bench, way):
    leaving = {"drain": "500ms"} if way == "drain" else way
    proxy = bench.simple(bench.backends("a", "b"), on_down=leaving)
    mine, others = open_to(proxy, "a", 10), open_to(proxy, "b", 2)
    begin = time.monotonic()
    proxy.admin("offline main a")
    if way == "keep":
        others += mine
    else:
        ended = []
        for client in mine:
            assert read_to_end(client)[1] == RESET
            ended.append(time.monotonic() - begin)
        proxy.wait_access(server="a", end="server_down")
        if way == "drain":
            assert 0.2 < max(ended) < within(0.6)
    for client in others:
        client.sendall(b"there?\n")
    assert {read_line(client) for client in others}


@pytest.mark.parametrize("how", ["unregister", "reload"])
def test_connections_of_a_removed_server_are_treated_as_asked(bench, how):
    backends = bench.backends("a", "b")
    proxy = bench.simple(backends, on_removed="reset")
    (mine,), (other,) = open_to(proxy, "a"), open_to(proxy, "b")
    if how == "unregister":
        proxy.admin("unregister main a")
    else:
        pool = proxy.config["pools"]["main"]
        left = {**pool, "servers": pool["servers"][1:]}
        proxy.reload_well({**proxy.config, "pools": {"main": left}})
    assert read_to_end(mine)[1] == RESET
    assert proxy.wait_access(server="a").end == "server_removed"
    other.close()


def test_a_drained_server_keeps_its_connections_and_explain_says_why(bench):
    proxy = bench.simple(bench.backends("a", "b", serve=echo), on_down="reset")
    (client,) = open_to(proxy, "a")
    key = keys_of(proxy, "a")[1]
    proxy.admin("drain main a")
    explained = proxy.explain(key)
    assert [step["id"] for step in explained["walk"]] == ["b"]
    first = explained["if_all_online"]["walk"][0]
    assert (first["id"], first["status"], first["detail"]) == ("a", "offline", "draining")
    client.sendall(b"hello\n")
    read_line(client)  # its own key comes first
    assert read_line(client) == b"hello"


def test_servers_that_are_killed_and_come_back_cost_no_client_a_connection(bench):
    """`tools/healthbench failover` does the same longer and harder."""
    servers = [demo(bench, name) for name in "abcd"]
    proxy = bench.simple(servers, health=CHECKS)
    outcome = kill_and_return(proxy, servers, rate=scaled(400, 100), times=2, settle=0.3)
    assert not outcome.wrong, outcome.wrong[:3]
    assert outcome.sessions_lost < outcome.connections / 100  # those in progress at two moments
    assert max(outcome.offline_after) < within(OFFLINE_WITHIN)
