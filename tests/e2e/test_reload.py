"""SIGHUP: all or nothing, nothing cut, nothing lost."""

import os
import shutil
import signal
import threading

import pytest

from support.churn import Churn
from support.clients import RESET, ask, dial, read_exactly, read_line, read_to_end
from support.configuration import FAST_CHECKS, listener, pool_of, to_yaml
from support.ports import free_port, taken_port
from support.programs import RealNginx, find, run
from support.waiting import sanitizer, scaled, wait_until

RELOADS = 20
CONNECTIONS_PER_RELOAD = scaled(150, least=20)


def test_a_reload_names_each_entry_that_it_changes(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.simple([a, b])

    def changes(**pool) -> list[str]:
        proxy.write({**proxy.config, "pools": {"main": pool_of([a, b], **pool)}})
        return proxy.admin("reload")["changes"]

    assert changes() == []
    sends = [f"pools.main.proxy_protocol.{entry}" for entry in ("authority", "send", "tls", "unique_id")]
    assert [line.split(": ")[0] for line in changes(proxy_protocol={"send": "v1"})] == [
        f"+ {entry}" for entry in sends
    ]
    assert ask(proxy.address(), b"key") in ("a", "b")
    wait_until(lambda: any(p.received for p in a.peers + b.peers), "the first bytes")
    assert any(p.received.startswith(b"PROXY TCP4 ") for p in a.peers + b.peers)
    assert changes(proxy_protocol={"send": "v2"}) == ["~ pools.main.proxy_protocol.send: v1 -> v2"]
    proxy.wait_log("reload: ~ pools.main.proxy_protocol.send: v1 -> v2")
    assert changes(proxy_protocol={"send": "v2", "authority": True}) == [
        "~ pools.main.proxy_protocol.authority: false -> true"
    ]
    assert changes(proxy_protocol={"send": "v2", "authority": True}) == []
    assert [line[0] for line in changes()] == ["-"] * len(sends)


def test_a_reload_is_counted_when_it_serves(bench):
    (a,) = bench.backends("a")
    proxy = bench.simple([a])
    for round_ in range(scaled(20, least=5)):
        ids = {f"{round_}-{number}" for number in range(200)}
        servers = [{"id": id, "address": a.address} for id in sorted(ids)]
        proxy.reload_well({**proxy.config, "pools": {"main": pool_of(servers)}})
        assert set(proxy.servers()) == ids


def test_reloads_under_load_fail_no_connection(bench):
    """Twenty of them, each with a different set of servers, listeners coming and going."""
    webs = [bench.start(RealNginx(bench.folder, f"web-{number}")) for number in range(4)]
    main, extra = listener(free_port(), {"from": "header", "name": "X-User"}), free_port()
    base = {"log": {"access": False}, "workers": 2}
    proxy = bench.ringway({**base, "listeners": [main], "pools": {"main": pool_of(webs)}})
    long_ones = []
    echo = bench.backend("echo")
    with Churn(proxy.address(), "X-User") as churn:
        for round_ in range(RELOADS):
            servers = [web for number, web in enumerate(webs) if number != round_ % 5]
            listeners = [main, listener(extra, "source_ip", "other", "extra")][: 1 + round_ % 2]
            pools = {"main": pool_of(servers), "other": pool_of([echo])}
            proxy.reload_well({**base, "listeners": listeners, "pools": pools})
            if len(listeners) == 2:
                long_ones.append(dial(proxy.address("extra")))
                assert read_line(long_ones[-1]) == b"echo"
            for number, session in enumerate(long_ones):
                session.sendall(b"session %d" % number)
                assert read_exactly(session, len(b"session %d" % number))
            churn.wait_more(CONNECTIONS_PER_RELOAD)
    assert not churn.errors, churn.errors[:5]
    assert churn.finished > RELOADS * CONNECTIONS_PER_RELOAD
    state = proxy.status()["config"]
    assert (state["reloads"], state["failed_reloads"], state["result"]) == (RELOADS, 0, "ok")
    for session in long_ones:
        session.close()


def test_wrk_on_fresh_connections_sees_no_error_through_reloads(bench):
    webs = [bench.start(RealNginx(bench.folder, f"web-{number}")) for number in range(3)]
    entry = listener(free_port(), {"from": "header", "name": "X-User"})
    config = {"listeners": [entry], "pools": {"main": pool_of(webs)}, "log": {"access": False}}
    proxy = bench.ringway(config)
    stop, reloads = threading.Event(), [0]

    def reload_on():
        while not stop.is_set():
            fewer = pool_of(webs[reloads[0] % 2 :])
            proxy.reload_well({**config, "pools": {"main": fewer}})
            reloads[0] += 1

    thread = threading.Thread(target=reload_on, daemon=True)
    thread.start()
    host, port = proxy.address()
    while reloads[0] <= 3:
        output = run(
            find("wrk"), "-t", 2, "-c", 16, "-d", f"{max(1, scaled(3))}s", "--timeout", "30s",
            "-H", "X-User: ann", "-H", "Connection: close", f"http://{host}:{port}/name",
        ).stdout  # fmt: skip
        assert "Socket errors" not in output and "Non-2xx" not in output, output
        assert thread.is_alive(), "a reload has failed"
    stop.set()
    thread.join()


def test_a_hundred_reloads_do_not_grow_memory_or_descriptors(bench):
    proxy = bench.simple(bench.backends("a", "b"), health={})
    for _ in range(20):
        proxy.reload_well()
    descriptors, memory = proxy.settled_descriptors(), proxy.resident_bytes()
    for _ in range(scaled(100, least=20)):
        proxy.reload_well()
    wait_until(lambda: proxy.settled_descriptors() <= descriptors, "no more descriptors")
    if not sanitizer():
        assert proxy.resident_bytes() - memory < 4 << 20


def test_signals_in_a_burst_end_in_the_newest_file(bench):
    proxy = bench.simple(bench.backends("a"))
    other = bench.backend("z")
    for _ in range(50):
        proxy.signal(signal.SIGHUP)
    proxy.write({**proxy.config, "pools": {"main": pool_of([other])}})
    for _ in range(50):
        proxy.signal(signal.SIGHUP)
    wait_until(lambda: set(proxy.servers()) == {"z"}, "the newest file")
    assert ask(proxy.address(), b"any") == "z"


def test_listeners_come_go_and_change_their_pool(bench):
    a, b = bench.backends("a", "b")
    one = listener(free_port(), "source_ip", "left", "one")
    two = listener(free_port(), "source_ip", "right", "two")
    pools = {"left": pool_of([a]), "right": pool_of([b])}
    proxy = bench.ringway({"listeners": [one], "pools": pools})
    kept = dial(proxy.address("one"))
    assert read_line(kept) == b"a"
    first = proxy.address("one")

    proxy.reload_well({"listeners": [one, two], "pools": pools})
    with dial(proxy.address("two")) as session:
        assert read_line(session) == b"b"

    proxy.reload_well({"listeners": [{**two, "pool": "left"}], "pools": pools})
    with dial(proxy.address("two")) as session:
        assert read_line(session) == b"a"
    with pytest.raises(ConnectionRefusedError):
        dial(first)
    assert [entry["name"] for entry in proxy.status()["listeners"]] == ["two"]
    kept.sendall(b"still here")  # its listener is removed, the connection is not
    assert read_exactly(kept, 10) == b"still here"
    kept.close()


def test_a_listener_that_moves_to_another_port_keeps_its_connections(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    kept, old = dial(proxy.address()), proxy.address()
    assert read_line(kept) == b"a"
    moved = listener(free_port(), "source_ip")
    proxy.reload_well({**proxy.config, "listeners": [moved]})
    with dial(proxy.address()) as session:
        assert read_line(session) == b"a"
    with pytest.raises(ConnectionRefusedError):
        dial(old)
    kept.sendall(b"x")
    assert kept.recv(1) == b"x"
    kept.close()


def test_a_changed_key_and_changed_timeouts_hold_for_new_connections(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"), key="source_ip")
    with dial(proxy.address()) as session:
        read_line(session)
    port = proxy.address()[1]
    patient = listener(port, "first_line", timeouts={"key": "1h"})
    proxy.reload_well({**proxy.config, "listeners": [patient]})
    for number in range(10):
        key = b"key-%d" % number
        assert ask(proxy.address(), key) == proxy.owner(key)
    hasty = listener(port, "first_line", timeouts={"key": "200ms"})
    proxy.reload_well({**proxy.config, "listeners": [hasty]})
    with dial(proxy.address()) as session:
        assert read_to_end(session) == (b"", RESET)


def test_counts_of_servers_and_listeners_that_stay_are_kept(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.simple([a, b])
    for number in range(20):
        ask(proxy.address(), b"key-%d" % number)
    proxy.wait_idle()
    before, accepted = proxy.servers(), proxy.listener_status()["accepted"]
    c = bench.backend("c")
    proxy.reload_well({**proxy.config, "pools": {"main": pool_of([b, c, a])}})
    after = proxy.servers()
    for id in ("a", "b"):
        for count in ("total", "bytes_up", "bytes_down", "connect_failures"):
            assert after[id][count] == before[id][count], (id, count)
    assert before["a"]["total"] + before["b"]["total"] == 20
    assert after["c"]["total"] == 0
    assert proxy.listener_status()["accepted"] == accepted == 20


def test_a_server_that_leaves_the_file_keeps_its_connections(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.simple([a, b])
    key = next(b"key-%d" % n for n in range(100) if proxy.owner(b"key-%d" % n) == "a")
    with dial(proxy.address()) as session:
        session.sendall(key + b"\n")
        assert read_line(session) == b"a"
        assert read_line(session) == key
        proxy.reload_well({**proxy.config, "pools": {"main": pool_of([b])}})
        assert ask(proxy.address(), key) == "b"
        session.sendall(b"still here")
        assert read_exactly(session, 10) == b"still here"


def broken(proxy, how: str) -> str:
    """A text that a reload must refuse, wrong at a known place."""
    text = proxy.config_path.read_text()
    return {
        "not YAML": text + "  - [\n",
        "unknown entry": "wrokers: 2\n" + text,
        "wrong type": text.replace("pools:", "pools: 5\nrest:"),
        "duplicate server": text + text[text.index("    servers:") :],
        "empty": "",
        "half written": text[: len(text) // 2],
    }[how]


@pytest.mark.parametrize(
    "how", ["not YAML", "unknown entry", "wrong type", "duplicate server", "empty", "half written"]
)
def test_a_bad_file_changes_nothing_and_says_where(bench, how):
    proxy = bench.simple(bench.backends("a", "b", "c"))
    keys = [b"key-%d" % number for number in range(40)]
    before, config = proxy.owners(keys), proxy.config
    state = proxy.reload(broken(proxy, how))
    assert state["failed_reloads"] == 1
    assert state["result"] != "ok"
    place = f"{proxy.config_path}:"
    line, column = proxy.wait_log(place).split(place, 1)[1].split(":")[:2]
    assert int(line) > 0 and int(column) > 0
    assert proxy.owners(keys) == before
    assert ask(("127.0.0.1", proxy_port(config)), b"any") in ("a", "b", "c")

    answer = proxy.ask("reload")
    assert answer["ok"] is False and answer["errors"]
    assert answer["errors"][0].startswith(place)

    assert proxy.reload(config)["result"] == "ok"


def proxy_port(config) -> int:
    return int(config["listeners"][0]["bind"].rsplit(":", 1)[1])


def test_the_place_of_an_error_is_exact(bench):
    proxy = bench.simple(bench.backends("a"))
    lines = to_yaml(proxy.config).splitlines()
    at = next(number for number, line in enumerate(lines) if "address:" in line)
    lines[at] = lines[at].replace("address: ", "adress: ")
    proxy.reload("\n".join(lines) + "\n")
    column = lines[at].index("adress") + 1
    proxy.wait_log(f"{proxy.config_path}:{at + 1}:{column}: ")


@pytest.mark.parametrize("instead", ["folder", "fifo", "dangling link", "nothing", "unreadable"])
def test_a_path_that_is_no_readable_file_changes_nothing(bench, instead):
    if instead == "unreadable" and os.getuid() == 0:
        pytest.skip("root reads everything")
    proxy = bench.simple(bench.backends("a", "b"))
    path, saved = proxy.config_path, proxy.config_path.read_text()
    path.unlink()
    if instead == "folder":
        path.mkdir()
    elif instead == "fifo":
        os.mkfifo(path)
    elif instead == "dangling link":
        path.symlink_to("nowhere")
    elif instead == "unreadable":
        path.write_text(saved)
        path.chmod(0)
    state = proxy.reload()
    assert state["failed_reloads"] == 1 and str(path) in state["result"]
    proxy.wait_log(state["result"])
    assert ask(proxy.address(), b"any") in ("a", "b")
    if instead == "folder":
        shutil.rmtree(path)
    elif instead != "nothing":
        path.unlink()
    path.write_text(saved)
    assert proxy.reload()["result"] == "ok"


def test_a_port_in_use_refuses_the_whole_reload(bench):
    a, z = bench.backends("a", "z")
    proxy = bench.simple([a])
    with taken_port() as taken:
        port = taken.getsockname()[1]
        good = listener(free_port(), "source_ip", name="good")
        bad = listener(port, "source_ip", name="bad")
        before = proxy.config
        config = {**before, "pools": {"main": pool_of([z])}}
        state = proxy.reload({**config, "listeners": [*before["listeners"], good, bad]})
        assert state["failed_reloads"] == 1
        proxy.wait_log(f"127.0.0.1:{port}")
        assert [entry["name"] for entry in proxy.status()["listeners"]] == ["main"]
        assert set(proxy.servers()) == {"a"}
        with pytest.raises(ConnectionRefusedError):
            dial(("127.0.0.1", proxy_port({"listeners": [good]})))
        assert ask(("127.0.0.1", proxy_port(before)), b"any") == "a"
    proxy.reload_well({**config, "listeners": [*before["listeners"], good, bad]})
    with dial(("127.0.0.1", port)) as session:
        assert read_line(session) == b"z"


def test_reload_by_the_admin_socket_is_the_same_as_by_signal(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.simple([a])
    generation = proxy.status()["generation"]
    proxy.write({**proxy.config, "pools": {"main": pool_of([a, b])}})
    answer = proxy.admin("reload")
    assert answer["generation"] > generation
    assert answer["changes"], "b has come"
    assert set(proxy.servers()) == {"a", "b"}


def test_a_reload_of_the_same_file_moves_no_key(bench):
    proxy = bench.simple(bench.backends("a", "b", "c"), health=FAST_CHECKS)
    keys = [b"key-%d" % number for number in range(50)]
    wait_until(lambda: all(s["last_check"] for s in proxy.servers().values()), "the first checks")
    before = proxy.owners(keys)
    proxy.reload_well()
    assert proxy.owners(keys) == before
    assert all(server["last_check"] for server in proxy.servers().values()), "checks forgot"


def test_an_address_of_another_instance_is_refused_beside_one_of_ours(bench):
    a, b = bench.backends("a", "b")
    port = free_port()
    ours = listener(port, "source_ip", name="ours")
    theirs = {**listener(port, "source_ip", name="theirs"), "bind": f"127.0.0.2:{port}"}
    both = {**theirs, "name": "all", "bind": f"0.0.0.0:{port}"}
    proxy = bench.ringway({"listeners": [ours], "pools": {"main": pool_of([a])}})
    other = bench.ringway({"listeners": [theirs], "pools": {"main": pool_of([b])}})
    for wanted in ([ours, theirs], [ours, both]):
        proxy.write({"listeners": wanted, "pools": {"main": pool_of([a])}})
        answer = proxy.ask("reload")
        assert answer["ok"] is False and "cannot listen on" in answer["errors"][0], answer
    for _ in range(scaled(20, least=8)):
        with dial(("127.0.0.2", port)) as client:
            assert read_line(client) == b"b"
    bench.forget(other).stop()
    proxy.reload_well({"listeners": [ours, theirs], "pools": {"main": pool_of([a])}})
    with dial(("127.0.0.2", port)) as client:
        assert read_line(client) == b"a"


def test_a_refused_reload_leaves_no_file_behind(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    before = sorted(bench.folder.rglob("*"))
    config = {name: proxy.config[name] for name in ("listeners", "pools")}
    sockets = [
        listener(1, "first_line", name=f"u{n}", bind=f"unix:{bench.folder}/u{n}.sock")
        for n in range(3)
    ]
    with taken_port() as taken:
        in_use = listener(taken.getsockname()[1], name="in_use")
        refused = [
            {"listeners": [*config["listeners"], *sockets, in_use]},
            {"listeners": [*config["listeners"], *sockets], "log": {"target": "/proc/none/log"}},
            {"listeners": [*config["listeners"], *sockets], "workers": 1},
            {"listeners": [*config["listeners"], *sockets], "admin": {"socket": "/run/other"}},
        ]
        for change in refused:
            # The client of the admin socket continues to use the old one.
            path = proxy.socket_path
            proxy.write({**config, **change})
            proxy.socket_path = path
            answer = proxy.ask("reload")
            assert answer["ok"] is False, (change, answer)
            assert sorted(bench.folder.rglob("*")) == before
