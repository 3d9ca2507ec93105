"""Three proxies behind one address that keepalived moves, by the packaged configuration."""

import time

import pytest

from support.clients import EOF, RESET
from support.fleet import (
    DELAY,
    PACKAGING,
    Contained,
    Fleet,
    adapted,
    nobody_failed_after,
    report,
    seconds,
    served_since,
    settle,
)
from support.fleet_network import PROXIES
from support.programs import find
from support.waiting import DEADLINE, wait_until

ADDRESS = "192.0.2.7"
ADDRESS_V6 = "2001:db8:1::7"
PRIORITIES = {1: 200, 2: 150, 3: 100}


class Group:
    """keepalived on the three machines of a fleet."""

    def __init__(self, bench, fleet: Fleet):
        self._bench, self._fleet = bench, fleet
        self.programs = {}
        for number in PROXIES:
            machine = fleet.network.machine(number)
            fleet.network.apply(machine, PACKAGING / "keepalived/sysctl.conf")
            self.start(number)
        self.wait_master(1)

    def start(self, number: int):
        name = f"keepalived-{number}"
        changes = {"priority 150 ": f"priority {PRIORITIES[number]} "}
        packaged = PACKAGING / "keepalived/keepalived.conf"
        config = adapted(self._bench, packaged, f"{name}.conf", changes)
        # A folder of its own: each numbers its processes anew, and finds its own in an old file.
        folder = self._bench.folder / f"{name}-{time.monotonic_ns()}"
        folder.mkdir()
        command = [
            find("keepalived"), "--dont-fork", "--log-console", "--log-detail", "--no-syslog",
            "--vrrp", "--use-file", config,
            "--pid", folder / "pid", "--vrrp_pid", folder / "vrrp.pid",
        ]  # fmt: skip
        prefix = self._fleet.network.inside(self._fleet.network.machine(number))
        program = Contained(prefix, command, folder / "log")
        self.programs[number] = self._bench.start(program)

    def masters(self, address: str = ADDRESS) -> list[int]:
        return [number for number in PROXIES if self._fleet.network.has(number, address, "eth0")]

    def wait_master(self, number: int):
        for address in (ADDRESS, ADDRESS_V6):
            wait_until(lambda: self.masters(address) == [number], f"{address} at {number}")

    def wait_moved(self, old: int) -> int:
        """The next master, and that there is no other. By priority it is the next machine, unless
        that one's health check has just been too slow."""
        (new,) = wait_until(lambda: self._single(old), "another machine to have the address")
        return new

    def _single(self, old: int) -> list[int]:
        masters = self.masters()
        return masters if len(masters) == 1 and masters != [old] else []

    def wait_state(self, number: int, state: str):
        """What keepalived says last of its state."""

        def last() -> bool:
            lines = self.programs[number].log().splitlines()
            entered = [line for line in lines if "(ringway_v4) Entering" in line]
            return any(f"Entering {state}" in line for line in entered[-1:])

        wait_until(last, f"{number} to be {state}")


@pytest.fixture
def fleet(bench):
    return Fleet(bench)


@pytest.fixture
def group(bench, fleet):
    return Group(bench, fleet)


def test_a_proxy_that_is_killed_loses_its_connections_and_moves_no_key(fleet, group):
    held = fleet.hold(ADDRESS, 12)
    load = fleet.load(ADDRESS)
    settle(load, 0)
    killed_at = time.monotonic()
    fleet.kill(1)
    new = group.wait_moved(1)
    moved_at = time.monotonic()
    served_at = served_since(load, moved_at)
    load.stop()
    report("VRRP, a proxy killed", load, killed_at)
    assert {connection.ending() for connection in held} <= {EOF, RESET}
    assert not fleet.moved(load)
    nobody_failed_after(load, served_at)
    # It comes back, waits for its turn, and gets it.
    fleet.start(1)
    group.wait_state(1, "BACKUP")
    assert group.masters() == [new]
    fleet.kill(new)
    group.wait_moved(new)
    again = fleet.load(ADDRESS)
    settle(again, 0)
    again.stop()
    assert not again.failures() and not fleet.moved(again)
    fleet.finish()


def test_a_machine_that_dies_is_replaced(fleet, group):
    load = fleet.load(ADDRESS)
    settle(load, 0)
    died_at = time.monotonic()
    fleet.kill_machine(1, group.programs[1])
    (new,) = wait_until(lambda: {*group.masters()} - {1}, "another machine to have the address")
    served_at = served_since(load, time.monotonic())
    load.stop()
    report("VRRP, a machine dead", load, died_at)
    assert not fleet.moved(load)
    nobody_failed_after(load, served_at)
    # A machine that had a loss of power has no address when it is back.
    fleet.network.clear(1, ADDRESS, ADDRESS_V6)
    fleet.network.mend(1)
    fleet.start(1)
    group.start(1)
    group.wait_state(1, "BACKUP")
    assert group.masters() == [new]
    fleet.finish()


def test_a_proxy_that_drains_gives_the_address_up_before_it_stops_accepting(fleet, group):
    held = fleet.hold(ADDRESS, 4)
    load = fleet.load(ADDRESS)
    settle(load, 0)
    begun_at = time.monotonic()
    fleet.drain(1)
    new = group.wait_moved(1)
    moved_at = time.monotonic()
    assert fleet.proxies[1].status()["not_ready"] == "about to drain"
    served_at = served_since(load, moved_at)
    assert not any(connection.answers() for connection in held), "the new master resets them"
    wait_until(lambda: time.monotonic() > begun_at + DELAY + 0.5, "the delay to end")
    load.stop()
    report(f"VRRP, a proxy drained, moved after {seconds(moved_at - begun_at)}", load, begun_at)
    assert not fleet.moved(load)
    # Everybody could connect. Only those on their way when the address moved were cut.
    assert all(attempt.connected for attempt in load.failures()), load.failures()[:3]
    nobody_failed_after(load, served_at)
    # It comes back, and the address does so when the other drains in turn.
    assert fleet.proxies[1].wait_exit(2 * DEADLINE) == 0
    fleet.start(1)
    group.wait_state(1, "BACKUP")
    fleet.drain(new)
    group.wait_moved(new)
    fleet.finish()


def test_a_proxy_that_reaches_no_server_gives_the_address_up(fleet, group):
    load = fleet.load(ADDRESS)
    settle(load, 0)
    cut_at = time.monotonic()
    fleet.network.cut_back(1)
    new = group.wait_moved(1)
    served_at = served_since(load, time.monotonic())
    load.stop()
    report("VRRP, a proxy without servers", load, cut_at)
    nobody_failed_after(load, served_at)
    assert not fleet.moved(load)
    fleet.network.mend_back(1)
    wait_until(lambda: fleet.proxies[1].status()["not_ready"] is None, "it to be ready")
    group.wait_state(1, "BACKUP")
    assert group.masters() == [new]
    fleet.finish()


def test_the_address_of_ipv6_moves_as_well(fleet, group):
    group.wait_master(1)
    for number, next_one in ((1, 2), (2, 3)):
        fleet.kill(number)
        group.wait_master(next_one)
        load = fleet.load(ADDRESS_V6)
        settle(load, 0)
        load.stop()
        assert not load.failures() and not fleet.moved(load)
    fleet.finish()


def test_no_machine_has_the_address_while_no_proxy_is_ready(fleet, group):
    for number in PROXIES:
        fleet.kill(number)
    wait_until(lambda: not group.masters() and not group.masters(ADDRESS_V6), "no master")
    fleet.start(3)
    group.wait_master(3)
    fleet.finish()


def test_keepalived_objects_to_nothing_in_the_configuration(fleet, group):
    for program in group.programs.values():
        log = program.log()
        assert not any(word in log for word in ("SECURITY", "WARNING", "Unknown", "unknown")), log
    # What is still sent to a machine that has given the address up is accepted there.
    for number in PROXIES:
        for address in (ADDRESS, ADDRESS_V6):
            assert fleet.network.has(number, address, "lo")
    fleet.finish()
