"""Signals at any moment from the start of main() to the exit of the process."""

import random
import re
import signal
import time
from pathlib import Path

import pytest

from support.clients import ask
from support.configuration import listener, pool_of
from support.ports import free_port
from support.waiting import scaled, wait_until

BLOCKED = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


def blocks_signals(proxy) -> bool:
    """Whether main() has begun; before it, no program can take a signal."""
    status = Path(f"/proc/{proxy.pid}/status").read_text()
    mask = int(re.search(r"SigBlk:\s*([0-9a-f]+)", status)[1], 16)
    return all(mask >> (number - 1) & 1 for number in BLOCKED)


def many_servers(count: int) -> dict:
    servers = [{"id": f"s{n}", "address": f"127.0.0.1:{1 + n % 60000}"} for n in range(count)]
    return {"hash": {"vnodes": 64}, "servers": servers}


@pytest.fixture
def slow_start(bench):
    """Starts a proxy whose start takes long, and returns in the middle of it."""

    def start(stdout_log: Path | None = None):
        port = free_port()
        config = {
            "listeners": [listener(port, "source_ip")],
            "pools": {
                "main": pool_of(bench.backends("a")),
                "large": many_servers(scaled(10_000, least=2_000)),
            },
        }
        if stdout_log:
            config["log"] = {"target": str(stdout_log)}
        proxy = bench.ringway(config, wait_ready=False)
        wait_until(lambda: blocks_signals(proxy), "main() to begin", every=0)
        return proxy

    return start


# Seconds after main() has begun; where they are, of a start, depends on the machine.
MOMENTS = [0.0, *sorted(random.Random(12).uniform(0, 1) for _ in range(3))]


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_hangup_during_the_start_is_a_reload_after_it(slow_start, moment):
    proxy = slow_start()
    time.sleep(moment)
    proxy.signal(signal.SIGHUP)
    proxy.wait_ready()
    wait_until(lambda: proxy.status()["config"]["reloads"] == 1, "the reload")
    assert proxy.status()["config"]["result"] == "ok"
    assert ask(proxy.address(), b"PING\n") == "a"


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_log_is_opened_again_whenever_it_is_asked_for(bench, slow_start, moment):
    log = bench.folder / "ringway.log"
    proxy = slow_start(log)
    time.sleep(moment)
    wait_until(log.exists, "the log file", every=0)
    log.rename(log.with_suffix(".1"))
    proxy.signal(signal.SIGUSR1)
    wait_until(lambda: log.exists() and "log: reopened" in log.read_text(), "the new log")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stop_during_the_start_ends_it_cleanly(bench, slow_start, moment, number):
    proxy = slow_start()
    time.sleep(moment)
    proxy.signal(number)
    assert bench.forget(proxy).wait_exit() == 0
    assert not proxy.socket_path.exists()


def test_signals_during_the_end_change_nothing(bench):
    for seed in range(scaled(10, least=3)):
        delay = random.Random(seed).uniform(0, 0.02)
        proxy = bench.forget(bench.simple(bench.backends("a"), key="source_ip"))
        proxy.signal(signal.SIGTERM)
        time.sleep(delay)
        # Its pid stays its own until wait_exit() has been called.
        for number in BLOCKED:
            proxy.signal(number)
        assert proxy.wait_exit() == 0, proxy.log()
