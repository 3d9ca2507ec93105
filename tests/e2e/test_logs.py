"""The log as an operator has it: files, logrotate, JSON, full disks, readers that stand still."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.clients import ask, dial, read_line, read_to_end
from support.configuration import listener, pool_of
from support.ports import free_port
from support.programs import find
from support.ringway import command
from support.waiting import wait_until


def config_of(backends, **log):
    return {
        "listeners": [listener(free_port())],
        "pools": {"main": pool_of(backends)},
        "log": log,
    }


def start(bench, config, **options):
    """A proxy whose log is not where `Ringway` looks for the word `ready`."""
    proxy = bench.ringway(config, wait_ready=False, **options)
    wait_until(lambda: proxy.socket_path.exists() and proxy.status(), "an answer")
    return proxy


def wait_text(path: Path, text: str):
    wait_until(lambda: path.exists() and text in path.read_text(), f"{text!r} in {path.name}")


def test_a_log_file_is_opened_again_on_sigusr1_and_loses_no_line(bench):
    path, moved = bench.folder / "ringway.log", bench.folder / "ringway.log.1"
    proxy = start(bench, config_of(bench.backends("a"), target=str(path)))
    wait_text(path, " ready: ")
    assert path.stat().st_mode & 0o777 & ~0o640 == 0
    assert ask(proxy.address(), b"before") == "a"
    wait_text(path, 'key="before"')
    path.rename(moved)
    assert ask(proxy.address(), b"between") == "a"
    wait_text(moved, 'key="between"')
    proxy.signal(signal.SIGUSR1)
    wait_text(path, "log: reopened")
    assert ask(proxy.address(), b"after") == "a"
    wait_text(path, 'key="after"')
    assert moved.read_text().count(" access ") == 2 and path.read_text().count(" access ") == 1
    assert proxy.log() == "", "something went to stderr"


def test_a_log_that_cannot_be_opened_again_goes_on_where_it_was(bench):
    folder = bench.folder / "logs"
    folder.mkdir()
    path = folder / "ringway.log"
    proxy = start(bench, config_of(bench.backends("a"), target=str(path)))
    wait_text(path, " ready: ")
    moved = bench.folder / "moved"
    folder.rename(moved)
    proxy.signal(signal.SIGUSR1)
    wait_text(moved / "ringway.log", "not reopened, the old target stays in use")
    assert f"{path}: No such file or directory" in (moved / "ringway.log").read_text()
    assert ask(proxy.address(), b"still") == "a"
    wait_text(moved / "ringway.log", 'key="still"')


def test_sigusr1_does_nothing_to_a_log_on_stderr(bench):
    proxy = bench.simple(bench.backends("a"))
    proxy.signal(signal.SIGUSR1)
    proxy.wait_log("log: stderr is not a file")
    assert ask(proxy.address(), b"key") == "a"


@pytest.mark.parametrize("target", ["{}/nowhere/log", "{}"])
def test_a_log_that_cannot_be_opened_at_the_start_is_refused(bench, target):
    target = target.format(bench.folder)
    proxy = bench.ringway(config_of([], target=target), wait_ready=False)
    bench.forget(proxy)
    assert proxy.wait_exit() == 1
    assert f"log.target {target}: " in proxy.log()


def test_why_a_start_failed_is_said_on_stderr_too(bench):
    path = bench.folder / "ringway.log"
    config = config_of([], target=str(path))
    config["admin"] = {"socket": str(bench.folder / "nowhere" / "admin.sock")}
    proxy = bench.ringway(config, wait_ready=False)
    bench.forget(proxy)
    assert proxy.wait_exit() == 1
    assert "nowhere/admin.sock" in proxy.log() and "nowhere/admin.sock" in path.read_text()


def test_a_reload_moves_the_log_and_changes_its_format(bench):
    path = bench.folder / "ringway.log"
    proxy = bench.simple(bench.backends("a"))
    config = {**proxy.config, "log": {"target": str(path), "format": "json"}}
    proxy.reload_well(config)
    wait_text(path, "reload: ok")
    assert ask(proxy.address(), b"key") == "a"
    wait_text(path, '"key":"key"')
    assert all(json.loads(line) for line in path.read_text().splitlines())
    # What cannot be had changes nothing.
    nowhere = str(bench.folder / "nowhere" / "log")
    state = proxy.reload({**config, "log": {"target": nowhere}})
    assert nowhere in state["result"]
    assert ask(proxy.address(), b"again") == "a"
    wait_text(path, '"key":"again"')
    proxy.reload_well({**config, "log": {}})
    assert ask(proxy.address(), b"back") == "a"
    proxy.wait_log('key="back"')


def test_json_lines_are_objects_whatever_clients_send(bench):
    path = bench.folder / "ringway.log"
    config = config_of(bench.backends("a"), target=str(path), format="json")
    proxy = start(bench, config)
    keys = [bytes([byte]) * 3 for byte in range(256) if byte != 0x0A]
    for key in keys:
        assert ask(proxy.address(), key) == "a"
    client = dial(proxy.address())
    client.shutdown(1)
    read_to_end(client)  # without a key

    def lines():
        return [json.loads(line) for line in path.read_bytes().decode().splitlines()]

    def access():
        return [line for line in lines() if line["level"] == "access"]

    wait_until(lambda: len(access()) == len(keys) + 1, "a line each")
    fields = ["time", "level", "listener", "client", "key", "server", "attempts"]
    fields += ["bytes_up", "bytes_down", "open_ms", "total_ms", "end"]
    for line in access():
        assert list(line) == fields
        assert line["listener"] == "main" and line["client"].startswith("127.0.0.1:")
    assert {line["key"] for line in access()} >= {"aaa", "\\x00\\x00\\x00", "\\xff\\xff\\xff"}
    (left,) = (line for line in access() if line["end"] == "client_left")
    assert left["server"] is None and left["attempts"] == 0
    messages = [line for line in lines() if line["level"] != "access"]
    assert any(line["message"].startswith("ready: ") for line in messages)
    assert all(list(line) == ["time", "level", "message"] for line in messages)


JOURNAL = """export JOURNAL_STREAM=$(stat --dereference --format=%d:%i /proc/self/fd/2)
exec "$@"
"""


def test_lines_to_the_journal_begin_with_their_priority(bench):
    prefix = ["sh", "-c", JOURNAL, "sh"]
    config = config_of(bench.backends("a"), level="debug")
    proxy = bench.ringway(config, prefix=prefix)
    assert ask(proxy.address(), b"key") == "a"
    proxy.wait_log(" access ")
    assert proxy.reload({**config, "workers": 200})["result"] != "ok"
    proxy.wait_log("reload: refused")
    priorities = {"error": "<3>", "warning": "<4>", "info": "<6>", "access": "<6>", "debug": "<7>"}
    seen = set()
    for line in proxy.log().splitlines():
        priority, level = re.match(r"(<\d>)[-0-9T:.]+Z (\w+) ", line).groups()
        assert priorities[level] == priority
        seen.add(level)
    assert seen >= {"error", "info", "access", "debug"}
    # What is refused before there is a log is an error there too.
    proxy.write({**config, "nonsense": 1})
    arguments = command("--config", proxy.config_path, "--check")
    done = subprocess.run([*prefix, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and done.stderr.startswith("<3>")


RSYSLOG = """
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{socket}" CreatePath="off" RateLimit.Interval="0")
template(name="all" type="string" string="%pri-text%|%programname%|%procid%|%msg%\\n")
action(type="omfile" file="{output}" template="all")
"""


class Rsyslog:
    """A syslog daemon with a socket of its own."""

    def __init__(self, folder):
        self.socket, self.output = folder / "syslog.sock", folder / "syslog.out"
        self.config, self.pid_file = folder / "rsyslog.conf", folder / "rsyslog.pid"
        self.config.write_text(RSYSLOG.format(socket=self.socket, output=self.output))

    def __enter__(self):
        arguments = [find("rsyslogd"), "-n", "-f", self.config, "-i", self.pid_file]
        self.process = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
        wait_until(self.pid_file.exists, "rsyslogd to start")
        wait_until(self.socket.exists, "the socket of rsyslogd")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(60)


def test_a_syslog_daemon_gets_every_line_with_its_priority_and_may_be_started_again(bench):
    syslog = Rsyslog(bench.folder)
    with syslog:
        config = config_of(bench.backends("a"), target=f"syslog:{syslog.socket}")
        proxy = start(bench, config)
        assert ask(proxy.address(), b"first") == "a"
        wait_text(syslog.output, 'key="first"')
        wait_text(syslog.output, f"daemon.info|ringway|{proxy.pid}| ")
        proxy.reload({**config, "workers": 200})
        wait_text(syslog.output, "daemon.err|")
    proxy.write(config)
    assert ask(proxy.address(), b"nobody listens") == "a"
    wait_until(lambda: dropped(proxy) > 0, "lost lines to be counted")
    with syslog:
        wait_text(syslog.output, "daemon.warning|")  # that lines were lost
        assert ask(proxy.address(), b"again") == "a"
        wait_text(syslog.output, 'key="again"')
        proxy.signal(signal.SIGUSR1)
        wait_text(syslog.output, "log: reopened")
        assert proxy.log() == "", "something went to stderr"


def dropped(proxy) -> int:
    return proxy.status()["log_lines_dropped"]


def test_a_full_disk_costs_log_lines_and_nothing_else(bench):
    proxy = start(bench, config_of(bench.backends("a"), target="/dev/full"))
    with dial(proxy.address()) as live:
        live.sendall(b"key\n")
        assert read_line(live) == b"a"
        for number in range(100):
            assert ask(proxy.address(), b"key-%d" % number) == "a"
        wait_until(lambda: dropped(proxy) >= 100, "lost lines to be counted")
        spent, begin = proxy.cpu_seconds(), time.monotonic()
        while time.monotonic() - begin < 1.0:
            time.sleep(0.05)  # nothing is logged, during which the proxy must not spin
        assert proxy.cpu_seconds() - spent < 0.15 * (time.monotonic() - begin)
        # The disk has room again: a reload to another file stands for it.
        path, lost = bench.folder / "ringway.log", dropped(proxy)
        proxy.reload_well({**proxy.config, "log": {"target": str(path)}})
        wait_text(path, "lost: the target was too slow")
        assert f"log: {lost} lines were lost" in path.read_text()
        assert ask(proxy.address(), b"after") == "a"
        wait_text(path, 'key="after"')


def test_a_disk_that_fills_up_and_is_emptied_again_has_whole_lines(bench):
    disk = bench.folder / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=64k none {disk}"
    alone = ["unshare", "--mount", "sh", "-c"]
    probe = subprocess.run([*alone, mount], capture_output=True, text=True)
    if probe.returncode != 0:
        pytest.skip(f"no file systems of our own here: {probe.stderr.strip()}")
    prefix = [*alone, f'{mount} && exec "$@"', "sh"]
    path = disk / "ringway.log"
    proxy = start(bench, config_of(bench.backends("a"), target=str(path)), prefix=prefix)
    seen = Path(f"/proc/{proxy.pid}/root") / path.relative_to("/")
    number = 0
    while dropped(proxy) == 0:
        assert ask(proxy.address(), b"key-%d" % number + b"x" * 100) == "a"
        number += 1
        assert number < 5000
    assert seen.stat().st_size == 64 << 10
    os.truncate(seen, 0)
    for _ in range(10):
        assert ask(proxy.address(), b"key-%d" % number + b"x" * 100) == "a"
        number += 1
    wait_text(seen, "lost: the target was too slow")
    wait_text(seen, f'key="key-{number - 1}x')
    lines = seen.read_text().splitlines()
    assert all(" access " in line or " warning log: " in line for line in lines if line)
    assert not [x for x in lines if " access " in x and not re.search(r" end=\w+$", x)]


def test_debug_lines_come_and_go_at_run_time_and_tell_of_picks_dials_checks_and_reloads(bench):
    health = {"interval": "1s", "timeout": "1s"}
    pool = pool_of(bench.backends("a"), health=health)
    proxy = bench.ringway({"listeners": [listener(free_port())], "pools": {"main": pool}})
    assert ask(proxy.address(), b"before") == "a"
    proxy.wait_log('key="before"')
    assert " debug " not in proxy.log()
    assert proxy.ask("log level debug for 1h")["left_s"] == 3600
    assert ask(proxy.address(), b"during") == "a"
    proxy.wait_log('key="during" ended: ')
    for piece in ("placed by its key: hash 0x", "dial 1 of 3: server a at 127.0.0.1:"):
        proxy.wait_log(f'key="during" {piece}')
    proxy.wait_log('key="during" dial of server a: connected after ')
    proxy.wait_log("debug check of main/a at 127.0.0.1:")
    proxy.reload_well(proxy.config)
    proxy.wait_log("debug reload: the file is read, ")
    assert proxy.status()["log"]["level"] == "debug"
    # The time ends, and the file's level is back without a word from anybody.
    proxy.ask("log level debug for 50ms")
    proxy.wait_log("info log: level info again: the time is over")
    assert proxy.status()["log"] == {"level": "info", "file_level": "info", "left_s": None}
    lines = proxy.log().count(" debug ")
    assert ask(proxy.address(), b"after") == "a"
    proxy.wait_log('key="after"')
    assert proxy.log().count(" debug ") == lines


def test_debug_lines_that_nobody_reads_are_counted_and_hold_up_nobody(bench):
    proxy = start(bench, config_of(bench.backends("a"), target="/dev/full", level="debug"))
    begin = dropped(proxy)
    for number in range(20):
        assert ask(proxy.address(), b"key-%d" % number) == "a"
    # accepted, placed, dial, connected, ended, and the line of every connection
    wait_until(lambda: dropped(proxy) >= begin + 20 * 6, "lost lines to be counted")
