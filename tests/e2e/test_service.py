"""The proxy under a service manager: readiness, reloads, its end, the watchdog, the unit."""

import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from support.clients import ask, dial, read_line
from support.configuration import FAST_CHECKS, listener, pool_of
from support.manager import Manager
from support.ports import free_port
from support.ringway import command, environment
from support.waiting import BIN_DIR, sanitizer, wait_until

UNIT = BIN_DIR.parent / "packaging" / "ringway.service"


def start(bench, manager, **entries):
    backends = bench.backends("a", "b")
    config = {"listeners": [listener(free_port())], "pools": {"main": pool_of(backends)}, **entries}
    bench.start(manager)
    return bench.ringway(config, environ=manager.environ)


@pytest.mark.parametrize("abstract", [False, True])
def test_start_reloads_and_stop_are_told_in_order(bench, abstract):
    manager = Manager(bench.folder, abstract)
    before = time.monotonic_ns() // 1000
    proxy = start(bench, manager)
    serving = "serving: generation {}, 1 listeners, 2 of 2 servers online"
    assert manager.hear() == {"READY": "1", "STATUS": serving.format(1)}
    assert ask(proxy.address(), b"key") in ("a", "b")

    proxy.reload_well()
    reloading = manager.hear()
    assert list(reloading) == ["RELOADING", "MONOTONIC_USEC"] and reloading["RELOADING"] == "1"
    assert before < int(reloading["MONOTONIC_USEC"]) < time.monotonic_ns() // 1000
    assert manager.hear() == {"READY": "1", "STATUS": serving.format(2)}

    good = proxy.config_path.read_text()
    assert proxy.reload("nonsense: true\n")["result"] != "ok"
    assert list(manager.hear()) == ["RELOADING", "MONOTONIC_USEC"]
    refused = serving.format(2) + "; the last reload was refused"
    assert manager.hear() == {"READY": "1", "STATUS": refused}
    proxy.write(good)
    assert proxy.ask("reload")["ok"] is True
    assert list(manager.hear()) == ["RELOADING", "MONOTONIC_USEC"]
    assert manager.hear() == {"READY": "1", "STATUS": serving.format(3)}

    with dial(proxy.address()) as live:
        live.sendall(b"key\n")
        read_line(live)
        proxy.signal(signal.SIGTERM)
        stopping = manager.hear()
    assert list(stopping) == ["STOPPING", "EXTEND_TIMEOUT_USEC", "STATUS"]
    assert stopping["STOPPING"] == "1" and stopping["STATUS"].startswith("draining: ")
    assert int(stopping["EXTEND_TIMEOUT_USEC"]) == 35_000_000, "drain_timeout and a little"
    assert proxy.wait_exit() == 0
    assert not manager.has_more()


def test_a_reload_that_a_stop_overtakes_does_not_say_that_it_is_ready(bench):
    manager = Manager(bench.folder)
    proxy = start(bench, manager)
    assert manager.hear()["READY"] == "1"
    many = [{"id": f"s{number}", "address": "192.0.2.1:9"} for number in range(40)]
    large = {"main": {"hash": {"vnodes": 60000}, "servers": many}}
    proxy.write({**proxy.config, "pools": large})
    with dial(proxy.address()) as live:
        live.sendall(b"key\n")
        read_line(live)
        proxy.signal(signal.SIGHUP)
        assert "RELOADING" in manager.hear()
        proxy.signal(signal.SIGTERM)
        stopping = manager.hear()
        if "READY" in stopping:  # the reload was faster
            stopping = manager.hear()
        assert stopping["STOPPING"] == "1"
        wait_until(lambda: " reload: " in proxy.log(), "the reload to end")
    assert proxy.wait_exit() == 0
    while manager.has_more():
        assert "READY" not in manager.hear()


def test_the_service_manager_waits_for_delay_and_drain(bench):
    manager = Manager(bench.folder)
    proxy = start(bench, manager)
    assert manager.hear()["READY"] == "1"
    proxy.write({**proxy.config, "drain_delay": "1h", "drain_timeout": "10s"})
    assert proxy.ask("reload")["ok"] is True
    assert list(manager.hear()) == ["RELOADING", "MONOTONIC_USEC"]
    assert manager.hear()["READY"] == "1"
    with dial(proxy.address()) as live:
        live.sendall(b"key\n")
        read_line(live)
        proxy.signal(signal.SIGTERM)
        leaving = manager.hear()
        assert leaving["STOPPING"] == "1" and leaving["STATUS"].startswith("about to drain: ")
        assert int(leaving["EXTEND_TIMEOUT_USEC"]) == (3600 + 10 + 5) * 1_000_000
        proxy.signal(signal.SIGTERM)
        draining = manager.hear()
        assert draining["STOPPING"] == "1" and draining["STATUS"].startswith("draining: ")
        assert int(draining["EXTEND_TIMEOUT_USEC"]) == (10 + 5) * 1_000_000
    assert proxy.wait_exit() == 0


def test_ready_is_said_when_clients_are_served_and_not_before(bench):
    manager = Manager(bench.folder)
    proxy = start(bench, manager)
    assert manager.hear()["READY"] == "1"
    dial(proxy.address()).close()  # at once, without a retry


def test_a_start_that_fails_is_never_ready(bench):
    manager = Manager(bench.folder)
    bench.start(manager)
    config = {"pools": {"main": {"servers": []}}, "admin": {"socket": "/nowhere/admin.sock"}}
    proxy = bench.ringway(config, environ=manager.environ, wait_ready=False)
    bench.forget(proxy)
    assert proxy.wait_exit() == 1
    assert not manager.has_more()


def test_the_status_follows_the_servers(bench):
    manager = Manager(bench.folder)
    backends = bench.backends("a", "b")
    pools = {"main": pool_of(backends, health=FAST_CHECKS)}
    bench.start(manager)
    proxy = bench.ringway({"pools": pools}, environ=manager.environ)
    assert manager.hear()["READY"] == "1"
    backends[0].stop()
    proxy.wait_server("a", "offline")
    assert manager.hear_status("1 of 2").startswith("serving: generation 1, ")


def test_the_watchdog_is_pinged_while_the_proxy_runs_and_not_while_it_is_stopped(bench):
    manager = Manager(bench.folder, watchdog=0.4)
    begin = time.monotonic()
    proxy = start(bench, manager)
    assert manager.hear()["READY"] == "1"
    for _ in range(5):
        assert manager.hear() == {"WATCHDOG": "1"}
    assert time.monotonic() - begin > 0.75, "pings come at half the time, not faster"
    proxy.signal(signal.SIGSTOP)
    wait_until(lambda: _state(proxy.pid) == "T", "the stop")
    while manager.has_more():
        manager.hear()
    time.sleep(0.5)  # in which a watchdog would have bitten
    assert not manager.has_more()
    proxy.signal(signal.SIGCONT)
    assert manager.hear() == {"WATCHDOG": "1"}


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def unit(bench):
    """The unit file as it is installed, but for where this build's programs are."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    text = re.sub(r"^(Exec\w+)=\S*/(\w+) ", rf"\1={BIN_DIR}/\2 ", UNIT.read_text(), flags=re.M)
    path = bench.folder / "ringway.service"
    path.write_text(text)
    return path


def test_the_unit_is_one_that_systemd_understands(unit):
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_the_unit_leaves_little_to_an_attacker(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--threshold=17", str(unit)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr


@pytest.mark.skipif(bool(sanitizer()), reason="a sanitizer makes calls of its own")
@pytest.mark.skipif(not shutil.which("strace"), reason="no strace here")
def test_the_units_filter_lets_every_system_call_of_the_proxy_pass(bench, unit):
    probe = subprocess.run(["strace", "-qq", "-o", "/dev/null", "true"], capture_output=True)
    if probe.returncode != 0:
        pytest.skip("nothing may be traced here")
    filters = re.findall(r"^SystemCallFilter=(~?)(.+)$", unit.read_text(), flags=re.M)
    assert filters
    allowed = set()
    for negated, groups in filters:
        calls = set().union(*map(_calls, groups.split()))
        allowed = allowed - calls if negated else allowed | calls
    trace, log = bench.folder / "trace", bench.folder / "ringway.log"
    backends = bench.backends("a")
    plain = bench.ringway(
        {
            "listeners": [listener(free_port()), listener(free_port(), "source_ip", name="other")],
            "pools": {"main": pool_of(backends, health=FAST_CHECKS)},
            "log": {"target": str(log)},
            "workers": 2,
        },
        wait_ready=False,
    )
    wait_until(lambda: log.exists() and " ready: " in log.read_text(), "the start")
    plain.stop()
    log.unlink()
    tracer = subprocess.Popen(
        ["strace", "-f", "-qq", "-o", trace, *command("--config", plain.config_path)],
        env=environment(bench.folder),
    )
    bench.start(_Ended(tracer))
    wait_until(lambda: log.exists() and " ready: " in log.read_text(), "the traced start")
    assert ask(plain.address(), b"key") == "a"
    with dial(plain.address("other")) as client:
        read_line(client)
        for _ in range(40):  # enough for splice
            client.sendall(b"x" * 65536)
            received = 0
            while received < 65536:
                received += len(client.recv(65536))
    log.rename(log.with_suffix(".1"))
    (pid,) = Path(f"/proc/{tracer.pid}/task/{tracer.pid}/children").read_text().split()
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGTERM):
        subprocess.run(["kill", f"-{int(number)}", pid], check=True)
    assert tracer.wait(30) == 0
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(errors="replace"), flags=re.M))
    assert {"splice", "accept4", "openat"} <= made
    assert made <= allowed, made - allowed


class _Ended:
    def __init__(self, process):
        self._process = process

    def stop(self):
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()


def _calls(group: str) -> set[str]:
    """The system calls of a group, and of those within it; a call is itself."""
    if not group.startswith("@"):
        return {group}
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True
    )
    names = [line.strip() for line in done.stdout.splitlines()[1:]]
    names = [name for name in names if name and not name.startswith("#")]
    calls = {name for name in names if not name.startswith("@")}
    return calls.union(*(_calls(name) for name in names if name.startswith("@")))
