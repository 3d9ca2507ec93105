"""One door, many pools: real servers chosen by name, protocol, network and port."""

import json
import signal
import ssl

import pytest

from support.clients import RESET, dial, read_line, read_to_end
from support.configuration import FAST_CHECKS, listener, pool_of
from support.ports import free_port
from support.programs import find, run
from support.ringctl import ringctl
from support.tls_programs import HttpsNginx
from support.waiting import DEADLINE, wait_until
from support.web import with_web

NAMES = ("red.example", "blue.example")


def door(port: int, routes: list, **entries) -> dict:
    """A listener `door` with routes."""
    return {"name": "door", "bind": f"127.0.0.1:{port}", "routes": routes, **entries}


def get(authority, name: str, port: int, path: str = "/name", scheme: str = "https") -> str:
    words = ("-sS", "--fail", "--noproxy", "*", "--max-time", str(DEADLINE), "--cacert",
             str(authority.ca), "--resolve", f"{name}:{port}:127.0.0.1")  # fmt: skip
    return run(find("curl"), *words, f"{scheme}://{name}:{port}{path}").stdout


def say(proxy, line: str, source: str | None = None, port: int | None = None) -> str:
    """The server that a line reaches, or how the connection ended without one."""
    address = proxy.address("door") if port is None else ("127.0.0.1", port)
    with dial(address, source) as sock:
        sock.sendall(line.encode() + b"\n")
        data, ending = read_to_end(sock)
    return data.decode().strip() if data else ending


def tell_name(peer, backend):
    """Answers a line by the server's own name, and ends."""
    peer.receive_line()
    peer.sock.sendall(backend.name.encode() + b"\n")


def tell_name_and_stay(peer, backend):
    tell_name(peer, backend)
    peer.receive_to_end()


def explain(proxy, *options: str) -> dict:
    answer = ringctl(proxy, "--json", "explain", "--listener", "door", *options)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


@pytest.mark.parametrize("is_terminated", [False, True], ids=["passed", "terminated"])
def test_curl_reaches_two_sites_by_name_on_one_port(bench, authority, is_terminated):
    files = {name: authority.issue(name) for name in NAMES}
    webs = {name: bench.start(HttpsNginx(bench.folder, name, files[name])) for name in NAMES}
    port = free_port()
    routes = [{"sni": name, "pool": name.split(".")[0], "key": "sni"} for name in NAMES]
    entries = {}
    pools = {name.split(".")[0]: pool_of([web]) for name, web in webs.items()}
    if is_terminated:
        entries = {"tls": {"certificates": list(files.values()), "truncation": "allow"}}
        trust = {"ca": str(authority.ca), "truncation": "allow"}
        pools = {
            name.split(".")[0]: pool_of([web], tls={**trust, "name": name})
            for name, web in webs.items()
        }
    proxy = bench.ringway({"listeners": [door(port, routes, **entries)], "pools": pools})
    for name in NAMES:
        assert get(authority, name, port) == f"{name}\n"
        wait_until(
            lambda name=name: [
                line for line in proxy.access_log()
                if line.key == name and line.pool == name.split(".")[0] and line.end == "done"
            ],
            "its line",
        )  # fmt: skip
        explained = explain(proxy, "--sni", name)
        assert (explained["pool"], explained["owner"]) == (name.split(".")[0], name)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with dial(("127.0.0.1", port)) as sock, pytest.raises((ssl.SSLError, ConnectionResetError)):
        with context.wrap_socket(sock, server_hostname="green.example") as stream:
            stream.recv(1)
            raise ConnectionResetError  # it was ended after the handshake
    proxy.wait_access(end="no_route")
    assert proxy.listener_status("door")["ends"]["no_route"] == 1
    assert explain(proxy, "--sni", "green.example")["route"] is None


def test_networks_and_ports_choose_the_pool(bench):
    servers = {name: bench.backend(name, tell_name) for name in ("near", "odd", "rest")}
    ports = _neighbours()
    routes = [
        {"source": ["127.0.0.2/31"], "pool": "near", "key": "source_ip"},
        {"destination_port": ports[1], "pool": "odd", "key": "first_line"},
        {"pool": "rest", "key": "first_line"},
    ]
    entry = {"name": "door", "bind": f"127.0.0.1:{ports[0]}-{ports[1]}", "routes": routes}
    pools = {name: pool_of([server]) for name, server in servers.items()}
    proxy = bench.ringway({"listeners": [entry], "pools": pools})
    assert say(proxy, "a", "127.0.0.3", ports[1]) == "near"
    assert say(proxy, "a", "127.0.0.9", ports[1]) == "odd"
    assert say(proxy, "a", "127.0.0.9", ports[0]) == "rest"
    proxy.wait_access(key="127.0.0.3", pool="near")
    assert proxy.listener_status("door")["bind"] == entry["bind"]
    told = explain(proxy, "--source", "127.0.0.9", "--port", str(ports[1]), "--first-line", "a")
    assert (told["pool"], told["owner"]) == ("odd", "odd")
    assert [each["misfit"] for each in told["passed"]] == ["source"]
    # A range that grows and shrinks while connections go on.
    with dial(("127.0.0.1", ports[1]), "127.0.0.9") as kept:
        narrow = {**entry, "bind": f"127.0.0.1:{ports[0]}", "routes": [routes[0], routes[2]]}
        proxy.reload_well({"listeners": [narrow], "pools": pools})
        assert say(proxy, "a", "127.0.0.9", ports[0]) == "rest"
        with pytest.raises(ConnectionRefusedError):
            dial(("127.0.0.1", ports[1]))
        kept.sendall(b"a\n")
        assert read_line(kept) == b"odd"
    proxy.reload_well({"listeners": [entry], "pools": pools})
    assert say(proxy, "a", "127.0.0.9", ports[1]) == "odd"


def _neighbours() -> tuple[int, int]:
    """Two ports beside each other."""
    before = free_port()
    while (port := free_port()) != before + 1:
        before = port
    return before, port


def test_the_plan_counts_what_a_changed_route_moves(bench):
    port = free_port()
    pools = {name: pool_of([bench.nobody(name)]) for name in ("a", "b")}
    routes = [{"sni": "db.example", "pool": "a", "key": "sni"}, {"pool": "b"}]
    config = {"listeners": [door(port, routes)], "pools": pools}
    proxy = bench.ringway(config)
    changed = bench.folder / "changed.yaml"
    moved = [{**routes[0], "pool": "b"}, {"sni": "*.example", "pool": "a"}, routes[1]]
    changed.write_text(json.dumps({"version": 1, **config, "listeners": [door(port, moved)]}))
    planned = proxy.admin(f"plan {changed}")["listeners"]
    assert [(each["route"], each["moved"], each["why"]) for each in planned] == [
        ("sni db.example", 1, "its pool is b in place of a"),
        ("sni *.example", 1, "its pool is a in place of b"),
    ]
    text = ringctl(proxy, "plan", str(changed)).stdout
    assert "listener door, sni db.example: 100.00 % of its keys move" in text, text


def test_a_fallback_takes_over_where_a_pool_has_no_server_and_gives_back(bench):
    own = bench.backend("own", tell_name)
    spare = bench.backend("spare", tell_name)
    pools = {
        "main": pool_of([own], health={**FAST_CHECKS}, fallback="spare"),
        "spare": pool_of([spare]),
    }
    entry = listener(free_port(), "first_line", "main", "door")
    proxy = bench.ringway({"listeners": [entry], "pools": pools})
    assert say(proxy, "a") == "own"
    own.stop()
    proxy.wait_server("own", "offline")
    assert say(proxy, "a") == "spare"
    line = proxy.wait_access(fallback="yes")
    assert (line.pool, line.server, line.attempts, line.end) == ("spare", "spare", 1, "done")
    told = ringctl(proxy, "explain", "main", "a").stdout
    assert "goes on to the fallback" in told and "pool spare" in told, told
    pool = {each["name"]: each for each in proxy.status()["pools"]}
    assert (pool["main"]["spills"], pool["main"]["fallback"]) == (1, "spare")
    assert pool["spare"]["fallback"] is None
    own.start()
    proxy.wait_server("own", "online")
    assert say(proxy, "a") == "own"


def test_a_full_pool_spills_into_its_fallback(bench):
    own, spare = bench.backend("own", tell_name_and_stay), bench.backend("spare", tell_name)
    full = {"id": "own", "address": own.address, "max_connections": 1}
    pools = {"main": {"servers": [full], "fallback": "spare"}, "spare": pool_of([spare])}
    entry = listener(free_port(), "first_line", "main", "door")
    config, web = with_web(bench, {"listeners": [entry], "pools": pools})
    proxy = bench.ringway(config)
    with dial(proxy.address("door")) as kept:
        kept.sendall(b"a\n")
        assert read_line(kept) == b"own"
        assert say(proxy, "a") == "spare"
    metrics = web.metrics()
    spilled = {
        reason: metrics.value("ringway_pool_spills_total", pool="main", reason=reason)
        for reason in ("full", "pool_full", "pool_down")
    }
    assert spilled == {"full": 0, "pool_full": 1, "pool_down": 0}


def test_without_a_server_in_the_chain_clients_are_reset(bench):
    pools = {"main": {"fallback": "next"}, "next": {"fallback": "last"}, "last": {}}
    entry = listener(free_port(), "first_line", "main", "door")
    proxy = bench.ringway({"listeners": [entry], "pools": pools})
    assert say(proxy, "a") == RESET
    line = proxy.wait_access(end="no_server")
    assert (line.pool, line.fallback) == ("last", "yes")


def test_a_silent_client_of_named_routes_is_ended_by_the_key_timeout(bench):
    server = bench.backend("own", tell_name)
    routes = [{"sni": "db.example", "pool": "main", "key": "sni"}, {"pool": "main"}]
    entry = door(free_port(), routes, timeouts={"key": "3s"})
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool_of([server])}})
    with dial(proxy.address("door")) as sock:
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(end="key_timeout")
    assert say(proxy, "hello") == "own"  # no TLS: the rest
    proxy.signal(signal.SIGHUP)
    assert say(proxy, "hello") == "own"
