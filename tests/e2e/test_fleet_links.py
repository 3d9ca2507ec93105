"""One proxy of a fleet loses its link to most of the servers: no key moves, on it or elsewhere."""

from support.fleet import CONFIG, KEYS, PORT, Fleet, nobody_failed_after, settle
from support.fleet_network import PROXIES, SERVERS
from support.programs import find
from support.waiting import wait_until

ETCD = "10.231.81.200"
BROKEN = 2  # the proxy
LOST = ["server-1", "server-2", "server-3"]  # of five


class Meeting(Fleet):
    """Its proxies meet in etcd, which is on the servers' network."""

    def _start_servers(self):
        super()._start_servers()
        self.network.add_server_address(ETCD)
        urls = {"client": f"http://{ETCD}:2379", "peer": f"http://{ETCD}:2380"}
        command = [
            find("etcd"), "--name", "etcd", "--data-dir", self.bench.folder / "etcd-data",
            "--listen-client-urls", urls["client"], "--advertise-client-urls", urls["client"],
            "--listen-peer-urls", urls["peer"], "--initial-advertise-peer-urls", urls["peer"],
            "--initial-cluster", f"etcd={urls['peer']}", "--unsafe-no-fsync", "--logger", "zap",
        ]  # fmt: skip
        self.start_server("etcd", command, "serving client traffic")

    def _config(self, number: int) -> dict:
        # Every walk meets a server that is there, before a client gives up.
        connect = {"timeout": "500ms", "attempts": len(LOST) + 1}
        pool = {**CONFIG["pools"]["main"], "connect": connect}
        fleet = {"name": f"proxy-{number}", "etcd": {"endpoints": [f"{ETCD}:2379"]}}
        return {**CONFIG, "pools": {"main": pool}, "fleet": fleet}

    def _check_that_all_agree(self):
        wait_until(lambda: all(len(self.replicas(n)) == 3 for n in PROXIES), "all to meet")
        assert self.agree()

    def replicas(self, number: int) -> list:
        return self.proxies[number].admin("fleet")["fleet"]["replicas"]

    def agree(self) -> bool:
        """Whether every proxy has every key where it was."""
        return all(proxy.owners(KEYS[:50]) == self.few for proxy in self.proxies.values())

    @property
    def few(self) -> dict:
        return {key: self.owners[key] for key in KEYS[:50]}

    def doubts(self, number: int) -> set[str]:
        """The servers that this proxy finds down, and the others do not."""
        sign = "2 of 3 replicas find it up"
        servers = self.proxies[number].servers()
        return {id for id, each in servers.items() if sign in each["detail"]}


def test_a_proxy_that_loses_most_of_the_servers_moves_no_key(bench):
    fleet = Meeting(bench)
    loads = {number: fleet.load(f"192.0.2.{10 + number}", rate=100) for number in PROXIES}
    settle(loads[BROKEN], 0)
    fleet.network.lose(BROKEN, *(SERVERS[id] for id in LOST))

    def sees_the_loss():
        assert fleet.agree()
        return fleet.doubts(BROKEN) == set(LOST)

    wait_until(sees_the_loss, "the broken link to be seen", every=0.1)
    seen = max(attempt.begun for attempt in loads[BROKEN].answers())
    settle(loads[BROKEN], seen)
    settle(loads[1], seen)
    assert fleet.agree()
    # Clients of the broken proxy are served by the next server of the walk.
    for attempt in loads[BROKEN].answers(seen):
        owner = fleet.owners[attempt.key]
        assert (attempt.server == owner) != (owner in LOST), attempt
        assert attempt.server not in LOST
    assert not fleet.doubts(1) and not fleet.doubts(3)

    fleet.network.find(BROKEN, *(SERVERS[id] for id in LOST))
    wait_until(lambda: not fleet.doubts(BROKEN), "the link to be seen again", every=0.1)
    found = max(attempt.begun for attempt in loads[BROKEN].answers())
    settle(loads[BROKEN], found)
    for number, load in loads.items():
        nobody_failed_after(load, 0)
        moved = [each for each in fleet.moved(load) if number != BROKEN or each.begun > found]
        assert not moved, moved[:3]
    assert fleet.agree()
    for load in loads.values():
        load.stop()
    fleet.finish()
