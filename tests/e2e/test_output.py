"""Output that cannot be written: on a full disk, and where there is no standard output."""

import subprocess

import pytest

from support.configuration import to_yaml
from support.ringway import command, environment
from support.waiting import BIN_DIR, DEADLINE

UNWRITTEN = 4


def run_into(bench, target: str, arguments, cwd=None) -> subprocess.CompletedProcess:
    """Runs a command with its output to /dev/full, or with none at all."""
    shell = ["sh", "-c", f'exec "$@" {target}', "sh", *map(str, arguments)]
    env = environment(bench.folder)
    return subprocess.run(
        shell, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, env=env, cwd=cwd
    )


@pytest.mark.parametrize("target", [">/dev/full", ">&-"])
def test_an_answer_that_cannot_be_written_is_no_success(bench, target):
    proxy = bench.simple(bench.backends("a", "b"))
    path = proxy.config_path
    ringctl = [BIN_DIR / "ringctl", "--socket", proxy.socket_path]
    calls = [
        [*ringctl, *words]
        for words in (
            ["--help"],
            ["--version"],
            ["help", "plan"],
            ["completion", "bash"],
            ["status"],
            ["--json", "status"],
            ["servers"],
            ["server", "main", "a"],
            ["ring", "main"],
            ["explain", "main", "key"],
            ["events"],
            ["overrides"],
            ["plan", path],
            ["drain", "main", "a"],
            ["reload"],
            ["events", "--follow"],
            ["--watch", "1", "status"],
        )
    ]
    calls += [
        command("--help"),
        command("--version"),
        command("--config", path, "--check"),
        command("--plan", path, path),
        command("--json", "--plan", path, path),
    ]
    for call in calls:
        done = run_into(bench, target, call)
        assert done.returncode == UNWRITTEN, (call, done)
        assert "standard output: " in done.stderr, (call, done)
    # What was asked for was done all the same, and refusals keep their own code.
    assert proxy.server("a")["override"] == "drain"
    done = run_into(bench, target, [*ringctl, "server", "main", "nobody"])
    assert done.returncode == 1, done


def test_a_plan_that_a_reload_would_refuse_exits_with_1(bench):
    proxy = bench.simple(bench.backends("a", "b"))
    ringctl = [BIN_DIR / "ringctl", "--socket", proxy.socket_path, "plan", "next.yaml"]
    for change, code in (({"workers": 1}, 1), ({"drain_timeout": "1s"}, 0)):
        (bench.folder / "next.yaml").write_text(to_yaml({**proxy.config, **change}))
        done = subprocess.run(ringctl, capture_output=True, text=True, cwd=bench.folder)
        assert done.returncode == code, done
