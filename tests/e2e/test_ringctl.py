"""ringctl as people have it: in terminals, in shells, repeated until Ctrl-C."""

import json
import os
import re
import shutil
import signal
import subprocess

import pytest

from support.clients import ask, dial, read_line
from support.configuration import listener, pool_of
from support.etcd import Etcd
from support.ports import free_port
from support.ringctl import RINGCTL, environ
from support.ringctl import ringctl as run
from support.terminals import Terminal
from support.waiting import BIN_DIR, DEADLINE, wait_until

@pytest.fixture
def proxy(bench):
    listeners = [listener(free_port(), pool="redis")]
    pools = {
        "redis": pool_of([*bench.backends("server-1", "server-2"), bench.nobody("a b:c")]),
        "web": pool_of([bench.nobody("alone")]),
    }
    return bench.ringway({"listeners": listeners, "pools": pools})


def test_exit_codes_tell_what_went_wrong(proxy):
    assert run(proxy, "status").returncode == 0
    refused = run(proxy, "servers", "nowhere")
    assert refused.returncode == 1 and "no pool nowhere" in refused.stderr
    assert run(proxy, "servers", "one", "two").returncode == 2
    assert run(proxy, "--color", "pink", "status").returncode == 2
    assert run(proxy, "--socket", "/nowhere.sock", "status").returncode == 3


def test_colours_are_for_terminals_unless_said_otherwise(bench, proxy):
    assert "\x1b[" not in run(proxy, "servers").stdout
    assert "\x1b[32m" in run(proxy, "--color=always", "servers").stdout
    assert "\x1b[" not in run(proxy, "--color=never", "servers").stdout
    coloured = bench.start(Terminal([RINGCTL, "servers"], environ(proxy), columns=160))
    coloured.wait("server-2")
    row = next(i for i, line in enumerate(coloured.lines()) if "server-2" in line)
    colours = {cell.fg for cell in coloured.screen.buffer[row].values()}
    assert "green" in colours
    plain = bench.start(Terminal([RINGCTL, "servers"], environ(proxy, NO_COLOR="1"), columns=160))
    plain.wait("server-2")
    assert {cell.fg for cell in plain.screen.buffer[row].values()} == {"default"}


def test_watching_goes_on_until_control_c_and_ends_well(bench, proxy):
    with subprocess.Popen(
        [str(RINGCTL), "--watch", "0.05", "servers", "redis"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ(proxy),
    ) as watching:
        seen = ""
        while seen.count("\nredis  server-2 ") < 3:
            seen += watching.stdout.readline()
        assert "\x1b" not in seen and "\n\nPOOL" in seen
        watching.send_signal(signal.SIGINT)
        assert watching.wait(DEADLINE) == 0
    terminal = bench.start(
        Terminal([RINGCTL, "--watch", "0.05", "servers"], environ(proxy), columns=160)
    )
    terminal.wait("server-2")
    proxy.admin("drain redis server-2")
    terminal.wait("draining")
    assert terminal.text().count("POOL") == 1, "drawn again in its place"
    terminal.press("\x03")
    assert terminal.wait_exit() == 0


def test_events_are_followed_as_they_come(proxy):
    with subprocess.Popen(
        [str(RINGCTL), "events", "--follow", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env=environ(proxy),
    ) as following:
        proxy.admin("drain redis server-1")
        seen = json.loads(following.stdout.readline())
        while seen.get("kind") != "override":
            seen = json.loads(following.stdout.readline())
        assert seen["pool"] == "redis" and seen["server"] == "server-1"
        following.send_signal(signal.SIGINT)
        assert following.wait(DEADLINE) == 0
    shown = run(proxy, "events")
    assert shown.returncode == 0 and "redis/server-1: " in shown.stdout


def test_a_ring_is_shown_with_bars(proxy):
    shown = run(proxy, "ring", "redis").stdout
    assert "ring of pool redis, 3 servers" in shown and "█" in shown
    shares = [float(share) for share in re.findall(r"([\d.]+) %", shown)]
    assert len(shares) == 3 and abs(sum(shares) - 100) < 0.1
    assert shares == sorted(shares, reverse=True)
    assert "#" in run(proxy, "ring", "redis", LC_ALL="C").stdout


# `ringctl top`.


def test_top_shows_what_goes_on_and_answers_keys(bench, proxy):
    top = bench.start(Terminal([RINGCTL, "top"], environ(proxy)))
    lines = top.wait(lambda lines: lines[-1].startswith("1-4 of 4  q quit"))
    assert lines[0].startswith("ringway ") and "generation 1" in lines[0]
    assert any(line.startswith("redis ") and "3/3" in line for line in lines)
    assert any(line.startswith("redis/server-1 ") for line in lines)
    live = dial(proxy.address())
    live.sendall(b"key\n")
    server = read_line(live).decode()
    # A server that is busy has a row of its own with one connection.
    top.wait(lambda lines: any(re.match(rf"redis/{server} +online +1 ", x) for x in lines))

    def rate(lines):
        return any(re.match(r"redis/server-\d +online +\d+ +[1-9]", line) for line in lines)

    wait_until(lambda: ask(proxy.address(), b"key") and _has(top, rate), "a rate")
    proxy.admin("drain redis server-2")
    drained = re.compile(r"redis/server-2 +offline .*draining")
    top.wait(lambda lines: any(map(drained.match, lines)))
    row = next(i for i, line in enumerate(top.lines()) if drained.match(line))
    assert top.screen.buffer[row][top.lines()[row].index("offline")].fg == "brown"  # yellow

    def names(lines):
        return [line.split()[0] for line in lines if re.match(r"\S+/.* (online|offline) ", line)]

    top.wait(lambda lines: any(" override " in line for line in lines[-8:-1]))
    rising = ["redis/a", "redis/server-1", "redis/server-2", "web/alone"]
    top.wait(lambda lines: names(lines) == rising)
    top.press("r")
    top.wait(lambda lines: names(lines) == rising[::-1])
    top.press("p")
    top.wait(lambda lines: "p pool: redis" in lines[-1] and "alone" not in "".join(lines))
    top.press(">")
    top.wait("STATUS▼")
    live.close()
    top.press("q")
    assert top.wait_exit() == 0


def _has(terminal, holds) -> bool:
    terminal.wait(lambda lines: True)
    terminal._read(0.05)
    return holds(terminal.lines())


@pytest.mark.parametrize("columns,rows", [(80, 24), (40, 10), (20, 5), (200, 60), (1, 1)])
def test_top_survives_any_size(bench, proxy, columns, rows):
    top = bench.start(Terminal([RINGCTL, "top"], environ(proxy), columns=100, rows=30))
    top.wait("redis/server-1")
    top.resize(columns, rows)
    if columns >= 20:
        top.wait(lambda lines: lines[-1].startswith("1-"))
    top.resize(90, 20)
    top.wait(
        lambda lines: lines[-1].startswith("1-4 of 4  q quit")
        and any(line.startswith("redis/server-1 ") for line in lines)
    )
    top.press("\x03")
    assert top.wait_exit() == 0


def test_top_waits_for_a_proxy_that_goes_and_comes_back(bench, proxy):
    top = bench.start(Terminal([RINGCTL, "top"], environ(proxy)))
    top.wait("redis/server-1")
    proxy.stop()
    top.wait(lambda lines: "no answer: " in lines[1] and "redis/server-1" in "\n".join(lines))
    again = bench.ringway(proxy.config)
    top.wait(lambda lines: "no answer" not in "\n".join(lines))
    assert again.running()
    top.press("q")
    assert top.wait_exit() == 0


def test_top_needs_a_terminal_that_it_knows(bench, proxy):
    done = run(proxy, "top")
    assert done.returncode == 2 and "needs a terminal" in done.stderr
    strange = bench.start(Terminal([RINGCTL, "top"], environ(proxy, TERM="nonsense")))
    strange.wait("cannot use this terminal")
    assert strange.wait_exit() == 2


def test_top_does_without_utf_8(bench, proxy):
    top = bench.start(Terminal([RINGCTL, "top"], environ(proxy, LC_ALL="C")))
    top.wait("SERVER^")
    assert top.text().isascii()
    top.press("q")
    assert top.wait_exit() == 0


# Completion.


def in_bash(proxy, line: str) -> list[str]:
    """What bash offers for `line`, by the function that the script defines."""
    script = f"""
        source <(ringctl completion bash)
        COMP_LINE=$1 COMP_POINT=${{#1}}
        _ringctl ringctl
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", line],
        capture_output=True,
        text=True,
        env=environ(proxy),
        timeout=DEADLINE,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split("\n")[:-1]


def test_bash_completes_commands_options_pools_and_servers(proxy):
    assert in_bash(proxy, "ringctl serv") == ["server", "servers"]
    assert in_bash(proxy, "ringctl servers ") == ["redis", "web"]
    assert in_bash(proxy, "ringctl drain redis s") == ["server-1", "server-2"]
    assert in_bash(proxy, "ringctl drain redis a") == ["a\\ b:c"]
    assert in_bash(proxy, "ringctl drain redis a\\ b:") == ["c"]
    assert in_bash(proxy, "ringctl reload --m") == ["--max-moved"]
    assert in_bash(proxy, f"ringctl --socket {proxy.socket_path} server w") == ["web"]
    assert in_bash(proxy, "ringctl --color=al") == ["always"]
    # Nobody to ask: no candidates, and no complaint in the middle of a line.
    assert in_bash(proxy, "ringctl --socket /nowhere server ") == [""]


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_tab_completes_in_a_shell_that_people_use(bench, proxy, shell):
    if not shutil.which(shell):
        pytest.skip(f"no {shell} here")
    start = {
        "bash": ["bash", "--norc", "--noprofile", "-i"],
        "zsh": ["zsh", "-f", "-i"],
    }[shell]
    setup = {
        "bash": "source <(ringctl completion bash)",
        "zsh": "autoload -Uz compinit; compinit -D -u; source <(ringctl completion zsh)",
    }[shell]
    terminal = bench.start(
        Terminal(start, environ(proxy, PS1="prompt> ", HOME=str(bench.folder)), columns=120)
    )
    terminal.wait("prompt>")
    terminal.press(setup + "; echo rea''dy\n")
    terminal.wait("\nready")
    terminal.press("ringctl serv\t")
    terminal.wait("prompt> ringctl server")
    terminal.press(" we\t")
    terminal.wait("prompt> ringctl server web")
    terminal.press("\t")
    terminal.wait(r"ringctl server web alone")
    terminal.press("\n")
    terminal.wait(lambda lines: any(re.match(r"id +alone", line) for line in lines))
    # One whose name needs quotes.
    terminal.press("ringctl server redis a\t\n")
    terminal.wait(lambda lines: any(re.match(r"id +a b:c", line) for line in lines))


# Fleets, and servers from elsewhere.


@pytest.fixture
def fleet(bench):
    """Two replicas that differ in their file, whose pool has servers from etcd too."""
    etcd = bench.start(Etcd(bench.folder / "etcd"))
    source = {"etcd": {"endpoints": etcd.endpoints, "prefix": "/ringway/main/"}}
    pool = pool_of(bench.backends("a", "b"), servers_from=source)

    def replica(name):
        config = {
            "listeners": [listener(free_port())],
            "pools": {"main": pool},
            "fleet": {"name": name, "etcd": {"endpoints": etcd.endpoints}},
        }
        return bench.ringway(config)

    proxies = [replica("proxy-0"), replica("proxy-1")]
    for proxy in proxies:
        proxy.etcd = etcd
        wait_until(lambda proxy=proxy: _replicas(proxy) == 2, "the replicas to meet")
    return proxies


def _replicas(proxy) -> int:
    return len(proxy.admin("fleet")["fleet"]["replicas"])


def test_a_fleet_is_shown_and_changed_from_any_replica(bench, fleet):
    one, other = fleet
    shown = run(one, "fleet").stdout
    assert re.search(r"^etcd +in sync for \d+s, member \S+$", shown, re.M), shown
    assert "checks    what most replicas find decides\n" in shown
    assert "replicas  disagree for" in shown  # in their files
    assert re.search(r"^proxy-0  \*  .* agrees +agree +- +2/2$", shown, re.M), shown
    assert re.search(r"^proxy-1     .* differs +agree +\d+s +2/2$", shown, re.M), shown
    drained = run(one, "drain", "main", "b", "--fleet")
    assert drained.returncode == 0 and "draining" in drained.stdout
    wait_until(lambda: other.server("b")["override"] == "drain", "the other to drain")
    assert re.search(r"^main  b +drain$", run(other, "fleet").stdout, re.M)
    assert "override fleet" in run(other, "server", "main", "b").stdout
    assert run(other, "auto", "--fleet", "main", "b").returncode == 0
    wait_until(lambda: one.server("b")["status"] == "online", "the end of it")
    other.admin("offline main a")
    wait_until(
        lambda: re.search(r"^proxy-1 .* differs +main +\d+s +1/2$", run(one, "fleet").stdout, re.M),
        "the rings to differ",
    )
    assert "\x1b[31m" in run(one, "--color=always", "fleet").stdout
    plan = run(one, "plan", str(one.config_path), "--fleet")
    assert plan.returncode == 0
    assert plan.stdout.endswith(
        "the plan holds for proxy-0\nnot for proxy-1: it differs in file, pool main\n"
    )
    one.etcd.kill(0)
    wait_until(lambda: "etcd      lost for" in run(one, "fleet").stdout, "the loss of etcd")


def test_a_replica_that_is_the_only_one_agrees(bench):
    etcd = bench.start(Etcd(bench.folder / "etcd"))
    settings = {"name": "alone", "etcd": {"endpoints": etcd.endpoints}}
    pools = {"main": pool_of(bench.backends("a"))}
    config = {"listeners": [listener(free_port())], "pools": pools, "fleet": settings}
    proxy = bench.ringway(config)
    wait_until(lambda: "alone    *" in run(proxy, "fleet").stdout, "it to be published")
    assert "replicas  all agree for" in run(proxy, "fleet").stdout


def test_servers_and_pools_show_where_they_come_from(bench, fleet):
    one, other = fleet
    address = bench.backend("c").address
    done = run(one, "register", "main", "c", address, "--fleet")
    assert (done.returncode, done.stdout) == (0, "1 server registered\n"), done.stderr
    wait_until(lambda: "c" in other.servers(), "the registration")
    shown = run(other, "servers").stdout
    assert re.search(r"^main  a +\S+ +file ", shown, re.M), shown
    assert re.search(r"^main  c +\S+ +etcd ", shown, re.M), shown
    full = run(other, "server", "main", "c").stdout
    assert "layers       address etcd, weight etcd, max_connections" in full
    other.etcd.put("/ringway/main/d", "nonsense")
    wait_until(lambda: "etcd /ringway/main/: d: " in run(other, "status").stdout, "the warning")
    assert re.search(r"^main  etcd /ringway/main/ +1 +0s  -$", run(other, "status").stdout, re.M)
    assert run(other, "unregister", "main", "c", "--fleet").returncode == 0
    wait_until(lambda: "c" not in one.servers(), "its end")


def test_a_proxy_alone_says_that_it_is_in_no_fleet(proxy):
    assert run(proxy, "fleet").stdout == "this proxy is in no fleet\n"
    refused = run(proxy, "drain", "redis", "server-1", "--fleet")
    assert refused.returncode == 1 and "in no fleet" in refused.stderr
    assert in_bash(proxy, "ringctl drain --f") == ["--fleet"]
