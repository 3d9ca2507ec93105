"""Plans of a change, and changes that are refused because too many keys would move."""

import json
import subprocess

from support.clients import ask
from support.configuration import pool_of, to_yaml
from support.ringway import command, environment
from support.waiting import BIN_DIR, DEADLINE

KEYS = [b"key-%d" % number for number in range(400)]


def run(bench, *words, **options):
    return subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment(bench.folder),
        **options,
    )


def test_a_plan_says_what_then_happens(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends)
    (d,) = bench.backends("d")
    before = proxy.owners(KEYS)
    next_ = {**proxy.config, "pools": {"main": pool_of([*backends[1:], d])}}
    (bench.folder / "next.yaml").write_text(to_yaml(next_))
    plan = proxy.admin(f"plan {bench.folder}/next.yaml")
    assert plan["refused"] is None and plan["notes"] == []
    assert [change["path"] for change in plan["changes"]] == [
        "pools.main.servers.a",
        "pools.main.servers.d",
    ]
    (pool,) = plan["pools"]
    assert pool["comparable"] and pool["before"]["servers"] == pool["after"]["servers"] == 3
    assert proxy.owners(KEYS) == before
    proxy.reload_well(next_)
    after = proxy.owners(KEYS)
    moved = [(before[key], after[key]) for key in KEYS if before[key] != after[key]]
    # Every move was foretold, and as many as foretold, but for the chance in 400 keys.
    assert set(moved) <= {(move["from"], move["to"]) for move in pool["moves"]}
    assert abs(len(moved) / len(KEYS) - pool["moved"]) < 0.15
    assert all(ask(proxy.address(), key) == after[key] for key in KEYS[:10])


def test_a_file_that_is_not_valid_is_told_with_its_places(bench):
    proxy = bench.simple(bench.backends("a"))
    (bench.folder / "bad.yaml").write_text("version: 1\nnonsense: 1\n")
    answer = proxy.ask(f"plan {bench.folder}/bad.yaml")
    assert answer["ok"] is False
    assert any(error.startswith(f"{bench.folder}/bad.yaml:2:1: ") for error in answer["errors"])


def test_ringctl_and_ringway_tell_a_plan_in_words(bench):
    proxy = bench.simple(bench.backends("a", "b"))
    next_ = {**proxy.config, "pools": {"main": {**proxy.config["pools"]["main"], "panic": 0.5}}}
    (bench.folder / "next.yaml").write_text(to_yaml(next_))
    # A relative path is meant from where ringctl is.
    ringctl = [BIN_DIR / "ringctl", "--socket", proxy.socket_path]
    done = run(bench, *ringctl, "plan", "next.yaml", cwd=bench.folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("~ pools.main.panic: 0 -> 0.5\n\npool main: no key moves\n")
    offline = run(bench, *command("--plan", proxy.config_path, bench.folder / "next.yaml"))
    assert offline.returncode == 0, offline.stderr
    assert offline.stdout == done.stdout
    done = run(bench, *ringctl, "--json", "plan", "next.yaml", cwd=bench.folder)
    assert json.loads(done.stdout)["pools"][0]["moved"] == 0
    files = [proxy.config_path, bench.folder / "next.yaml"]
    assert json.loads(run(bench, *command("--json", "--plan", *files)).stdout)["pools"]
    assert run(bench, *command("--plan", proxy.config_path)).returncode == 2
    missing = run(bench, *command("--plan", proxy.config_path, bench.folder / "none.yaml"))
    assert missing.returncode == 1 and "none.yaml" in missing.stderr


def test_a_reload_beyond_max_moved_is_refused(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends)
    before = proxy.owners(KEYS)
    proxy.write({**proxy.config, "pools": {"main": pool_of(backends[:2])}})
    ringctl = [BIN_DIR / "ringctl", "--socket", proxy.socket_path]
    done = run(bench, *ringctl, "reload", "--max-moved", "10%")
    assert done.returncode == 1 and "pool main: " in done.stderr, done
    assert proxy.owners(KEYS) == before
    assert proxy.status()["config"]["failed_reloads"] == 1
    done = run(bench, *ringctl, "reload", "--max-moved", "50%")
    assert done.returncode == 0, done.stderr
    assert set(proxy.owners(KEYS).values()) == {"a", "b"}
