"""Run-time overrides survive reloads, `kill -9` and restarts."""

import json

from support.clients import ask
from support.configuration import listener, pool_of
from support.ports import free_port
from support.waiting import wait_until


def configuration(bench, backends, **entries):
    admin = {"socket": f"{bench.folder}/admin.sock", "state": f"{bench.folder}/state.json"}
    pools = {"main": pool_of(backends)}
    return {"listeners": [listener(free_port())], "pools": pools, "admin": admin, **entries}


def killed(bench, proxy):
    """SIGKILL, and a new process with the same file."""
    bench.forget(proxy).kill()
    return bench.ringway(proxy.config)


def sources(proxy) -> dict:
    return {id: server["source"] for id, server in proxy.servers().items()}


def test_registrations_are_there_after_kill_9_and_a_restart(bench):
    a, b, r = bench.backends("a", "b", "r")
    proxy = bench.ringway(configuration(bench, [a, b]))
    assert proxy.admin(f"register main r {r.address} --weight 3")["kept"]
    assert proxy.admin("unregister main a")["kept"]
    assert proxy.admin("drain main b")["kept"]
    keys = [b"key-%d" % number for number in range(20)]
    for _ in range(2):
        proxy = killed(bench, proxy)
        assert sources(proxy) == {"b": "file", "r": "runtime"}
        assert proxy.server("b")["override"] == "drain"
        assert proxy.server("r")["weight"] == 3
        assert {ask(proxy.address(), key) for key in keys} == {"r"}
        proxy.reload_well()
        assert sources(proxy) == {"b": "file", "r": "runtime"}
    for id in "abr":
        assert proxy.admin(f"forget main {id}")["kept"]
    assert sources(proxy) == {"a": "file", "b": "file"}
    proxy = killed(bench, proxy)
    assert sources(proxy) == {"a": "file", "b": "file"}
    assert {ask(proxy.address(), key) for key in keys} == {"a", "b"}


def test_a_kill_in_the_middle_of_many_registrations_keeps_all_that_were_answered(bench):
    (a,) = bench.backends("a")
    proxy = bench.ringway(configuration(bench, [a]))
    answered = []
    with proxy.admin_client() as client, client.makefile("rb") as answers:
        lines = (f"register main r-{n} {a.address}\n" for n in range(400))
        client.sendall("".join(lines).encode())
        while len(answered) < 25:
            answered.append(json.loads(answers.readline())["server"]["id"])
        bench.forget(proxy).kill()  # with hundreds still to come
    proxy = bench.ringway(proxy.config)
    assert set(answered) <= set(proxy.servers())


def test_the_file_wins_for_a_server_that_it_names_after_a_restart(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.ringway(configuration(bench, [a]))
    proxy.admin(f"register main b {a.address}")
    proxy.write({**proxy.config, "pools": {"main": pool_of([a, b])}})
    proxy = killed(bench, proxy)
    assert sources(proxy) == {"a": "file", "b": "file"}
    assert proxy.server("b")["address"] == b.address
    assert proxy.admin("overrides")["overrides"] == []


def test_overrides_of_a_removed_pool_wait_for_its_return(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.ringway(configuration(bench, [a, b]))
    proxy.admin("unregister main a")
    before = proxy.config
    gone = {"other": pool_of([a])}
    proxy.write({**before, "pools": gone, "listeners": [listener(free_port(), pool="other")]})
    proxy = killed(bench, proxy)
    assert [entry["active"] for entry in proxy.admin("overrides")["overrides"]] == [False]
    proxy.reload_well(before)
    assert list(proxy.servers()) == ["b"]


def test_a_damaged_state_file_stops_the_start_by_its_place_and_is_left_alone(bench):
    a, r = bench.backends("a", "r")
    proxy = bench.ringway(configuration(bench, [a]))
    proxy.admin(f"register main r {r.address}")
    bench.forget(proxy).kill()
    path = bench.folder / "state.json"
    whole = path.read_text()
    half = whole[: len(whole) // 2]
    path.write_text(half)
    refused = bench.forget(bench.ringway(proxy.config, wait_ready=False))
    assert refused.wait_exit() == 1
    assert f"{path}:" in refused.log() and "not valid JSON" in refused.log()
    assert path.read_text() == half
    path.write_text(whole)
    assert sources(bench.ringway(proxy.config)) == {"a": "file", "r": "runtime"}


def test_overrides_that_cannot_be_saved_are_reported_and_still_apply(bench):
    a, r = bench.backends("a", "r")
    proxy = bench.ringway(configuration(bench, [a]))
    blocked = bench.folder / "state.json.new"
    blocked.mkdir()
    answer = proxy.admin(f"register main r {r.address}")
    assert answer["kept"] is False and str(blocked) in answer["not_kept"]
    assert str(blocked) in proxy.status()["state"]["problem"]
    proxy.wait_log("are not kept")
    assert list(proxy.servers()) == ["a", "r"]
    blocked.rmdir()
    assert proxy.admin("drain main a")["kept"] is True
    wait_until(lambda: proxy.status()["state"]["problem"] is None, "no problem")
    proxy = killed(bench, proxy)
    assert list(proxy.servers()) == ["a", "r"]


def test_a_second_instance_with_the_same_state_file_does_not_start(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.ringway(configuration(bench, [a]))
    other = configuration(bench, [a])
    other["admin"]["socket"] = f"{bench.folder}/other.sock"
    second = bench.forget(bench.ringway(other, wait_ready=False))
    assert second.wait_exit() == 1
    assert f"state.json.lock is locked by process {proxy.pid}" in second.log()
    assert not (bench.folder / "other.sock").exists()
    # The first continues, with its own state file.
    assert proxy.admin(f"register main b {b.address}")["kept"] is True
    proxy.kill()
    bench.forget(proxy)
    # The lock of a process that was killed is none.
    again = bench.ringway(other)
    assert again.server("b")["source"] == "runtime"
