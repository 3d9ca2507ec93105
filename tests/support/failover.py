"""Kills one of some servers and lets it come back, again and again, under new connections.

What must hold: no client fails to get a server; the only clients that see an error are
those whose bytes the killed server already had (the log says server_reset, with its name);
only its keys are served elsewhere meanwhile, and all of them are back after it.
"""

import time
from dataclasses import dataclass, field

from support.demo import DemoServer
from support.steady_load import SteadyLoad
from support.waiting import wait_until

CHECKS = {"interval": "500ms", "timeout": "300ms", "rise": 2, "fall": 2, "fast_interval": "100ms"}
OFFLINE_WITHIN = 2 * 0.5 + 0.3 + 0.1  # fall x interval + timeout + 100 ms
KEYS = [b"key-%d" % number for number in range(100)]


@dataclass
class Outcome:
    connections: int = 0
    per_second: float = 0
    sessions_lost: int = 0  # in progress on the server that was killed
    offline_after: list[float] = field(default_factory=list)  # seconds, one a kill
    slowest: float = 0  # seconds, of any connection
    wrong: list[str] = field(default_factory=list)  # what must not be


def kill_and_return(proxy, servers: list[DemoServer], rate: float, times: int, settle: float):
    """`settle` seconds of load between the steps. The proxy listens with `first_line` keys."""
    outcome = Outcome()
    owners = proxy.owners(KEYS)
    load = SteadyLoad(proxy.address(), KEYS, rate)
    begin = time.monotonic()
    try:
        for number in range(times):
            _kill_once(proxy, servers[number % len(servers)], load, owners, settle, outcome)
    finally:
        load.stop()
    took = time.monotonic() - begin
    outcome.connections = len(load.answers)
    outcome.per_second = outcome.connections / took
    outcome.slowest = max(answer.took for answer in load.answers)
    killed = {server.name for server in servers}
    for failure in load.failures():
        line = None
        if failure.client:  # whose port may come again soon, but with another key
            line = proxy.wait_access(client=failure.client, key=failure.key.decode())
        if line is not None and line.end == "server_reset" and line.server in killed:
            outcome.sessions_lost += 1
        else:
            outcome.wrong.append(f"a client failed: {failure}, {line}")
    return outcome


def _kill_once(proxy, victim, load, owners, settle, outcome):
    time.sleep(settle)
    killed_at = time.monotonic()
    victim.kill()
    dead_at = time.monotonic()
    proxy.wait_server(victim.name, "offline")
    outcome.offline_after.append(time.monotonic() - killed_at)
    time.sleep(settle)
    returned_at = time.monotonic()
    victim.start()
    proxy.wait_server(victim.name, "online")
    back_at = time.monotonic()
    wait_until(lambda: len(load.since(back_at)) > 2 * len(KEYS), "every key to be asked again")
    for answer in load.since(killed_at):
        own = owners[answer.key]
        if answer.server is None or answer.server == own:
            continue
        if own != victim.name:
            outcome.wrong.append(f"a key of {own} was served elsewhere: {answer}")
        elif answer.begun > back_at:  # it was on the ring that serves
            outcome.wrong.append(f"a key did not come back to {own}: {answer}")
    for answer in load.since(killed_at):
        if answer.server == victim.name and dead_at < answer.begun < returned_at:
            outcome.wrong.append(f"a dead server answered: {answer}")
