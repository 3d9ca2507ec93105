"""Checks go the way of clients' connections; what fails on this machine shows, as this
machine's fault; new servers may have to pass a check first."""

import re
import subprocess
import sys

import pytest

from support.backends import echo
from support.clients import RESET, ask, dial, read_to_end
from support.configuration import ANSWERED_CHECKS, FAST_CHECKS, listener, pool_of
from support.namespaces import NEAR, Namespaces
from support.ports import free_port
from support.processes import Process
from support.programs import find, run
from support.waiting import wait_until
from support.web import Web

KEYS = [b"key-%d" % number for number in range(40)]
SOURCE = "127.0.0.5"
ASKING = {**ANSWERED_CHECKS, "send": "PING\r\n", "expect": "+PONG"}
GONE = "192.0.2.77"  # of no machine: RFC 5737


def detail(proxy, id: str) -> str:
    return proxy.server(id)["detail"]


def wait_detail(proxy, id: str, expected: str):
    wait_until(lambda: detail(proxy, id) == expected, f"{id} to be {expected!r}")


def admits_one_source(peer, backend):
    """As behind a firewall: who comes from elsewhere gets no answer."""
    if peer.sock.getpeername()[0] == SOURCE and peer.receive():
        peer.sock.sendall(b"+PONG\r\n")
    peer.receive_to_end()


# tests/faults.md 47
def test_a_check_comes_from_the_address_that_clients_connections_come_from(bench):
    backend = bench.backend("a", admits_one_source)
    proxy = bench.simple([backend], connect={"source_v4": SOURCE}, health=ASKING)
    wait_detail(proxy, "a", "checked ok")
    pool = pool_of([backend], health=ASKING)
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    proxy.wait_server("a", "offline")
    pool = pool_of([backend], health=ASKING, connect={"source_v4": SOURCE})
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    proxy.wait_server("a", "online")


# tests/faults.md 47
@pytest.mark.parametrize("health", [None, FAST_CHECKS], ids=["unchecked", "checked"])
def test_a_source_address_that_is_not_here_is_seen_as_this_machines_fault(bench, health):
    http = free_port()
    pool = pool_of(bench.backends("a", "b"), **({"health": health} if health else {}))
    config = {
        "listeners": [listener(free_port())],
        "pools": {"main": {**pool, "connect": {"source_v4": GONE}}},
        "admin": {"socket": str(bench.folder / "admin.sock"), "http": f"127.0.0.1:{http}"},
    }
    proxy = bench.ringway(config)
    web = Web(http)
    cause = f"no address {GONE} here"
    if health is None:  # then only clients detect it
        assert web.get("/readyz").status == 200
        with dial(proxy.address()) as client:
            client.sendall(KEYS[0] + b"\n")
            assert read_to_end(client) == (b"", RESET)
        assert proxy.wait_access().end == "local_error"
        failures = [server["local_dial_failures"] for server in proxy.servers().values()]
        assert sum(failures) == 2
        counts = web.metrics()
        name = "ringway_pool_local_dial_failures_total"
        assert counts.value(name, pool="main", reason="no_address") == 2
        assert counts.total("ringway_server_local_dial_failures_total") == 2
        assert counts.total("ringway_server_connect_failures_total") == 0
    wait_until(lambda: web.get("/readyz").status == 503, "readiness to fail")
    assert web.get("/readyz").json()["error"] == (
        f"pool main: no connection can leave this machine: {cause}"
    )
    assert web.metrics().value("ringway_pool_local_fault", pool="main") == 1
    assert proxy.status()["pools"][0]["local_fault"] == cause
    server = proxy.server("a")
    assert (server["status"], server["detail"]) == ("online", f"cannot be dialled: {cause}")
    assert server["check_problem"] == (cause if health else None)
    proxy.wait_log(f"pool main: no connection can leave this machine: {cause}")

    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    wait_until(lambda: web.get("/readyz").status == 200, "readiness to return")
    assert ask(proxy.address(), KEYS[0]) in ("a", "b")
    wait_detail(proxy, "a", "checked ok" if health else "not checked")
    proxy.wait_log("pool main: connections can leave this machine again")


# tests/faults.md 47
def test_a_source_address_that_goes_and_returns(bench):
    wire = bench.start(Namespaces())
    server, source = "10.231.77.11", "10.231.77.2"
    for address in (server, source):
        wire.add(address)
    wire._ip(wire.far, f"addr del {source}/32 dev far")
    wire._ip(wire.near, f"route del {source}/32 dev near")

    def own(word: str):
        wire._ip(wire.near, f"addr {word} {source}/32 dev near")

    own("add")
    wire._ip(wire.far, f"route replace {source}/32 dev far")
    listening = wire.far_socket()
    listening.bind((server, 7000))
    listening.listen()
    entry = {**listener(7000), "bind": f"{NEAR}:7000"}
    pool = {
        "connect": {"source_v4": source},
        "health": {"interval": "500ms", "timeout": "500ms"},
        "servers": [{"id": "a", "address": f"{server}:7000"}],
    }
    admin = {"socket": str(bench.folder / "admin.sock"), "http": "127.0.0.1:9090"}
    config = {"listeners": [entry], "pools": {"main": pool}, "admin": admin}
    wire._ip(wire.near, "link set lo up")
    proxy = bench.ringway(config, prefix=wire.prefix())

    def readiness() -> str:
        curl = [*wire.prefix(), find("curl"), "-s", "-o", "/dev/null", "-w", "%{http_code}"]
        return run(*curl, "http://127.0.0.1:9090/readyz").stdout

    wait_detail(proxy, "a", "checked ok")
    assert readiness() == "200"
    own("del")
    wait_until(lambda: readiness() == "503", "readiness to fail without a client")
    assert detail(proxy, "a") == f"cannot be dialled: no address {source} here"
    assert proxy.server("a")["last_check"]["failures"] == 0
    own("add")
    wait_until(lambda: readiness() == "200", "readiness to return without a client")
    wait_detail(proxy, "a", "checked ok")


# tests/faults.md 47
def test_a_check_that_is_connected_to_itself_does_not_pass(bench):
    wire = bench.start(Namespaces())
    port = 40_001
    # The kernel has one port for its own end, the very one without a listener.
    ports = f"echo {port} {port} > /proc/sys/net/ipv4/ip_local_port_range"
    subprocess.run([*wire.prefix(), "sh", "-c", ports], check=True)
    entry = {**listener(7000), "bind": f"{NEAR}:7000"}
    pool = {"health": FAST_CHECKS, "servers": [{"id": "a", "address": f"127.0.0.1:{port}"}]}
    proxy = bench.ringway(
        {"listeners": [entry], "pools": {"main": pool}}, prefix=wire.prefix()
    )
    proxy.wait_server("a", "offline")
    wait_detail(proxy, "a", "down: refused")


# Python's own server writes a traceback for every connection that is reset.
def test_http_checks_leave_no_error_in_a_servers_log(bench):
    (bench.folder / "up").write_bytes(b"x" * 200_000)
    port = free_port()
    command = [sys.executable, "-u", "-m", "http.server", port, "--bind", "127.0.0.1"]
    server = Process([*command, "--directory", bench.folder], bench.folder / "server.log")
    bench.start(server)
    health = {**ANSWERED_CHECKS, "http": {"path": "/up"}}
    entries = [{"id": f"s{number}", "address": f"127.0.0.1:{port}"} for number in range(10)]
    proxy = bench.simple(entries, health=health)
    for entry in entries:
        wait_detail(proxy, entry["id"], "checked ok")
    assert "Traceback" not in server.log() and "Error" not in server.log(), server.log()[-2000:]


def test_a_100_continue_before_the_answer_is_no_answer(bench):
    def answers(peer, backend):
        peer.receive()
        peer.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")

    backend = bench.backend("a", answers)
    proxy = bench.simple([backend], health={**ANSWERED_CHECKS, "http": {}})
    wait_detail(proxy, "a", "checked ok")
    assert proxy.server("a")["status"] == "online"


def test_an_empty_line_before_a_request_is_no_malformed_key(bench):
    proxy = bench.simple(bench.backends("a", "b"), key={"from": "header", "name": "X-User"})
    request = b"\r\nGET / HTTP/1.1\r\nX-User: ann\r\n\r\n"
    for pieces in ([request], [bytes([byte]) for byte in request]):
        with dial(proxy.address()) as client:
            for piece in pieces:
                client.sendall(piece)
            expected = proxy.owner("ann").encode() + b"\n" + request
            got = b""
            while len(got) < len(expected):
                got += client.recv(len(expected) - len(got))
            assert got == expected


WAITING = {**FAST_CHECKS, "initial": "down"}


def test_a_new_server_may_have_to_pass_a_check_before_it_gets_a_key(bench):
    old, new = bench.backends("a", "b")
    slow = {**ASKING, **WAITING, "interval": "1h", "timeout": "1h"}

    def answers_when_told(peer, backend):
        request = peer.receive()
        if request.startswith(b"PING"):
            wait_until(lambda: backend.told, "the test to let the check pass")
            peer.sock.sendall(b"+PONG\r\n")
            return peer.receive_to_end()
        return echo(peer, backend)

    new._serve = answers_when_told
    new.told = False
    old._serve = answers_when_told
    old.told = True
    proxy = bench.simple([old], health=slow)
    proxy.wait_server("a", "online")
    before = proxy.owners(KEYS)
    proxy.admin(f"register main b {new.address}")
    server = proxy.server("b")
    assert (server["status"], server["detail"]) == ("offline", "down: not checked yet")
    assert proxy.owners(KEYS) == before
    new.told = True
    proxy.wait_server("b", "online")
    assert set(proxy.owners(KEYS).values()) == {"a", "b"}
    # The same for one whose address has changed, by the file or at run time.
    proxy.admin("unregister main b")
    moved = bench.nobody("b")
    pool = pool_of([old, moved], health=slow)
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    assert proxy.server("b")["status"] == "offline"
    wait_detail(proxy, "b", "down: refused")
    assert proxy.owners(KEYS) == before
    pool = pool_of([old, new], health=slow)
    new.told = False
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    assert detail(proxy, "b") == "down: not checked yet"
    # A reload that no longer asks for it lets it serve.
    pool = pool_of([old, new], health={**slow, "initial": "up"})
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    assert (proxy.server("b")["status"], detail(proxy, "b")) == ("online", "not checked yet")
    new.told = True


def test_servers_that_are_not_checked_yet_are_no_panic_and_no_slow_start_of_a_whole_pool(bench):
    http = free_port()
    pool = pool_of(bench.backends("a", "b"), health=WAITING, panic=0.5, slow_start="1h")
    config = {
        "listeners": [listener(free_port())],
        "pools": {"main": pool},
        "admin": {"socket": str(bench.folder / "admin.sock"), "http": f"127.0.0.1:{http}"},
    }
    proxy = bench.ringway(config)
    web = Web(http)
    for id in "ab":
        proxy.wait_server(id, "online")
        assert proxy.server(id)["ramp_percent"] == 100
    wait_until(lambda: web.get("/readyz").status == 200, "readiness")
    assert not re.search("panic|states are ignored", proxy.log())


def test_checks_that_a_reload_adds_take_no_serving_server_down(bench):
    backends = bench.backends("a", "b")
    proxy = bench.simple(backends)
    pool = pool_of(backends, health={**WAITING, "interval": "1h", "timeout": "1s"})
    proxy.reload_well({**proxy.config, "pools": {"main": pool}})
    assert {server["status"] for server in proxy.servers().values()} == {"online"}
