"""Three proxies that announce one address by BGP, and a router that spreads connections over
them, by the packaged configurations of BIRD."""

import re
import signal
import subprocess
import time

import pytest

from support.clients import EOF, RESET
from support.fleet import (
    DELAY,
    PACKAGING,
    Fleet,
    adapted,
    nobody_failed_after,
    report,
    seconds,
    served_since,
    settle,
)
from support.fleet_network import PROXIES
from support.processes import Process
from support.programs import find
from support.waiting import DEADLINE, wait_until

ADDRESS = "203.0.113.7"
ADDRESS_V6 = "2001:db8:7::7"
SERVICES = (f"{ADDRESS}/32", f"{ADDRESS_V6}/128")
EVERY = set(PROXIES)
LOG = {"log syslog all;": "log stderr all;"}
# A busy machine keeps those of the packaged configuration from being heard in time.
PATIENT = {"interval 300 ms;": "interval 500 ms;", "multiplier 3;": "multiplier 12;"}
LIFETIME = 5  # seconds, of addresses that nobody renews


class Anycast:
    """BIRD on the router and on the machines of a fleet, and their watchers."""

    def __init__(self, bench, fleet: Fleet, bfd: dict[str, str]):
        self._bench, self._fleet, self._bfd = bench, fleet, bfd
        self.birds, self.watchers = {}, {}
        network = fleet.network
        network.apply(network.router, PACKAGING / "bird/router-sysctl.conf")
        self._start_bird("router", network.router, "router.conf", {})
        for number in PROXIES:
            self.boot(number)
        self.wait_hops(EVERY)

    def boot(self, number: int):
        """BIRD and the watcher on a machine."""
        changes = {f"{net}11 ": f"{net}{10 + number} " for net in ("192.0.2.", "2001:db8:1::")}
        changes["router id 192.0.2.11;"] = f"router id 192.0.2.{10 + number};"
        machine = self._fleet.network.machine(number)
        self.birds[number] = self._start_bird(f"{number}", machine, "proxy.conf", changes)
        self.watch(number)

    def wait_bfd(self):
        """Until the sessions of every machine would show its death."""
        control = self._bench.folder / "bird-router.ctl"
        command = ["birdc", "-s", control, "show", "bfd", "sessions"]

        def up() -> int:
            return subprocess.run(command, capture_output=True, text=True).stdout.count(" Up ")

        wait_until(lambda: up() == len(SERVICES) * len(PROXIES), "BFD to be up")

    def _start_bird(self, name: str, namespace: str, packaged: str, changes) -> Process:
        folder = self._bench.folder
        changes = {**LOG, **self._bfd, **changes}
        config = adapted(self._bench, PACKAGING / "bird" / packaged, f"bird-{name}.conf", changes)
        command = [find("bird"), "-f", "-c", config, "-s", folder / f"bird-{name}.ctl"]
        prefix = self._fleet.network.inside(namespace)
        return self._bench.start(Process([*prefix, *command], folder / f"bird-{name}.log"))

    def watch(self, number: int):
        prefix = self._fleet.network.inside(self._fleet.network.machine(number))
        script = PACKAGING / "bird/ringway-anycast"
        command = [script, "ringway", "http://127.0.0.1:9090/readyz", *SERVICES]
        log = self._bench.folder / f"watcher-{number}.log"
        self.watchers[number] = self._bench.start(Process([*prefix, *command], log))

    def hops(self) -> list[set[int]]:
        """The machines that connections go to, by IPv4 and by IPv6."""
        return [self._fleet.network.next_hops(service) for service in SERVICES]

    def wait_hops(self, machines: set[int], deadline: float = 2 * DEADLINE):
        wait_until(lambda: self.hops() == [machines, machines], f"hops {machines}", deadline)


@pytest.fixture
def fleet(bench):
    return Fleet(bench)


@pytest.fixture
def anycast(bench, fleet):
    return Anycast(bench, fleet, PATIENT)


def test_a_proxy_that_is_killed_loses_its_connections_and_moves_no_key(fleet, anycast):
    held = fleet.hold(ADDRESS, 24)
    lost = [connection for connection in held if connection.proxy == 1]
    others = [connection for connection in held if connection.proxy != 1]
    load = fleet.load(ADDRESS)
    settle(load, 0)
    killed_at = time.monotonic()
    fleet.kill(1)
    anycast.wait_hops({2, 3})
    moved_at = time.monotonic()
    served_at = served_since(load, moved_at)
    load.stop()
    report("ECMP, a proxy killed", load, killed_at)
    assert {connection.ending() for connection in lost} <= {EOF, RESET}
    kept = sum(connection.answers() for connection in others)
    print(f"ECMP: of {len(others)} connections of the others {kept} went on")
    assert not fleet.moved(load)
    nobody_failed_after(load, served_at)
    # It comes back and takes part.
    fleet.start(1)
    anycast.wait_hops(EVERY)
    again = fleet.load(ADDRESS)
    settle(again, 0)
    wait_until(lambda: fleet.accepted(1) > 0, "connections at the one that is back")
    again.stop()
    assert not again.failures() and not fleet.moved(again)
    fleet.finish()


def test_a_machine_that_dies_gets_no_more_connections(bench, fleet):
    anycast = Anycast(bench, fleet, {})
    anycast.wait_bfd()
    load = fleet.load(ADDRESS)
    settle(load, 0)
    died_at = time.monotonic()
    fleet.kill_machine(1, anycast.watchers[1], anycast.birds[1])
    wait_until(lambda: all(1 not in hops for hops in anycast.hops()), "the route to be gone")
    gone_at = time.monotonic()
    settle(load, gone_at)
    load.stop()
    report(f"ECMP, a machine dead, out after {seconds(gone_at - died_at)}", load, died_at)
    assert not fleet.moved(load)
    fleet.network.mend(1)
    fleet.start(1)
    anycast.boot(1)
    anycast.wait_hops(EVERY)
    fleet.finish()


def test_a_proxy_that_drains_gets_no_more_connections_before_it_stops_accepting(fleet, anycast):
    load = fleet.load(ADDRESS)
    settle(load, 0)
    begun_at = time.monotonic()
    fleet.drain(1)
    anycast.wait_hops({2, 3})
    moved_at = time.monotonic()
    assert fleet.proxies[1].status()["not_ready"] == "about to drain"
    served_at = served_since(load, moved_at)
    wait_until(lambda: time.monotonic() > begun_at + DELAY + 0.5, "the delay to end")
    load.stop()
    report(f"ECMP, a proxy drained, out after {seconds(moved_at - begun_at)}", load, begun_at)
    assert not fleet.moved(load)
    # Everybody could connect. Only those on their way when the route changed were cut.
    assert all(attempt.connected for attempt in load.failures()), load.failures()[:3]
    nobody_failed_after(load, served_at)
    assert fleet.proxies[1].wait_exit(2 * DEADLINE) == 0
    fleet.start(1)
    anycast.wait_hops(EVERY)
    fleet.finish()


def test_a_proxy_that_reaches_no_server_gets_no_more_connections(fleet, anycast):
    load = fleet.load(ADDRESS)
    settle(load, 0)
    cut_at = time.monotonic()
    fleet.network.cut_back(1)
    anycast.wait_hops({2, 3})
    served_at = served_since(load, time.monotonic())
    load.stop()
    report("ECMP, a proxy without servers", load, cut_at)
    assert not fleet.moved(load)
    nobody_failed_after(load, served_at)
    fleet.network.mend_back(1)
    anycast.wait_hops(EVERY)
    fleet.finish()


def test_connections_by_ipv6_are_spread_as_well(fleet, anycast):
    before = {number: fleet.accepted(number) for number in PROXIES}
    load = fleet.load(ADDRESS_V6)
    settle(load, 0)
    load.stop()
    assert not load.failures() and not fleet.moved(load)
    assert all(fleet.accepted(number) > before[number] for number in PROXIES)
    fleet.finish()


def test_nobody_ready_is_no_route_and_no_answer(fleet, anycast):
    for number in PROXIES:
        fleet.kill(number)
    anycast.wait_hops(set())
    routes = fleet.network.ip_router("route show")
    assert "blackhole 203.0.113.0/24" in routes
    fleet.start(2)
    anycast.wait_hops({2})
    fleet.finish()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_a_watcher_that_ends_or_hangs_takes_the_route_with_it(fleet, anycast, end):
    begun_at = time.monotonic()
    anycast.watchers[1].signal(end)
    anycast.wait_hops({2, 3})
    print(f"ECMP, a watcher with {end.name}: out after {seconds(time.monotonic() - begun_at)}")
    # The address remains for what is on its way.
    assert fleet.network.has(1, ADDRESS, "lo") and fleet.network.has(1, ADDRESS_V6, "lo")
    if end == signal.SIGSTOP:
        anycast.watchers[1].signal(signal.SIGCONT)
    else:
        anycast.watchers[1].wait()
        anycast.watch(1)
    anycast.wait_hops(EVERY)
    fleet.finish()


def test_a_proxy_that_hangs_loses_the_route_when_the_lifetime_ends(fleet, anycast):
    begun_at = time.monotonic()
    with fleet.proxies[1].paused():
        anycast.wait_hops({2, 3})
        took = time.monotonic() - begun_at
        print(f"ECMP, a proxy hangs: out after {seconds(took)}")
        assert took > LIFETIME - 2, "a check that is not answered in time withdraws nothing"
    anycast.wait_hops(EVERY)
    fleet.finish()


def test_a_resilient_group_moves_only_the_connections_of_the_next_hop_that_leaves(fleet):
    """Without BIRD: the router's routes are those of ip-nexthop(8)."""
    network = fleet.network
    network.apply(network.router, PACKAGING / "bird/router-sysctl.conf")
    for number in PROXIES:
        network.add_service(number, ADDRESS)
        network.ip_router(f"nexthop add id {number} via 192.0.2.{10 + number} dev eth1")
    group = "id 10 group 1/2/3 type resilient buckets 256 idle_timer 120"
    network.ip_router(f"nexthop add {group}")
    network.ip_router(f"route add {ADDRESS}/32 nhid 10")
    held = fleet.hold(ADDRESS, 24)
    others = [connection for connection in held if connection.proxy != 1]
    assert others and len(others) < len(held)
    fleet.kill(1)
    network.ip_router("nexthop del id 1")
    assert all(connection.answers() for connection in others)
    fleet.start(1)
    network.ip_router("nexthop add id 1 via 192.0.2.11 dev eth1")
    network.ip_router(f"nexthop replace {group}")
    assert all(connection.answers() for connection in others)
    load = fleet.load(ADDRESS)
    settle(load, 0)
    wait_until(lambda: fleet.accepted(1) > 0, "connections at the one that is back")
    load.stop()
    assert not load.failures() and not fleet.moved(load)
    for connection in held:
        connection.stop()
    fleet.finish()


def test_the_watchers_unit_is_one_that_systemd_understands(bench):
    text = (PACKAGING / "bird/ringway-anycast.service").read_text()
    script = PACKAGING / "bird/ringway-anycast"
    path = bench.folder / "ringway-anycast.service"
    path.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={script}", text, flags=re.M))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
