"""A fleet of three Ringways on three members of etcd, what is done to it at random, and the model
of what each proxy must be like afterwards."""

import random
import time

from support.clients import ask
from support.configuration import listener
from support.etcd import Etcd
from support.links import Link
from support.ports import free_port
from support.processes import Process
from support.steady_load import SteadyLoad
from support.waiting import BIN_DIR, DEADLINE, scaled, wait_until

SERVERS = scaled(3000, least=500)
BACKENDS = 5
PREFIX = "/ringway/main/"
KEYS = [b"key-%d" % number for number in range(500)]
WATCHED = KEYS[:25]
QUIET = DEADLINE * 3  # a member that hangs is left after about 12 s
WORDS = ("drain", "offline")
# The kernel answers; with so many servers the pauses are long.
HEALTH = {"interval": "30s", "timeout": "10s", "rise": 1, "fall": 3}


class Model:
    """What the servers are: their weights, and the words of the fleet, which stay."""

    def __init__(self):
        self.weights: dict[str, int] = {}
        self.words: dict[str, str] = {}

    def servers(self) -> dict[str, tuple]:
        return {id: (weight, self.words.get(id)) for id, weight in self.weights.items()}


class Replica:
    """One proxy, which is killed and started again, its own links to etcd, and its clients."""

    def __init__(self, bench, etcd, number: int):
        self._bench = bench
        self.number = number
        self.links = [bench.start(Link(endpoint)) for endpoint in etcd.endpoints]
        members = {"endpoints": [link.address for link in self.links]}
        self._config = {
            "listeners": [listener(free_port())],
            "pools": {
                "main": {
                    "hash": {"vnodes": 32},
                    "health": HEALTH,
                    "servers_from": {"etcd": {**members, "prefix": PREFIX}},
                }
            },
            "fleet": {"name": f"proxy-{number}", "etcd": members, "health": "majority"},
            "log": {"level": "info", "access": False},
        }
        self.proxy = self.load = None
        self.answered = 0
        self.start()

    def start(self):
        self.proxy = self._bench.ringway(self._config)
        wait_until(lambda: self.proxy.status()["not_ready"] is None, "it to be ready")
        self.load = SteadyLoad(self.proxy.address(), KEYS, rate=20, threads=2)

    def kill(self):
        killed_at = time.monotonic()
        self._bench.forget(self.proxy).kill()
        self.end_load(killed_at)

    def end_load(self, killed_at: float = float("inf")):
        """No client that ended before then may have failed."""
        self.load.stop()
        failed = [each for each in self.load.failures() if each.begun + each.took < killed_at]
        assert not failed, failed[:3]
        self.answered += len(self.load.answers)

    def cut(self):
        for link in self.links:
            link.cut()

    def silence(self):
        for link in self.links:
            link.silence()

    def mend(self):
        for link in self.links:
            link.mend()

    def fingerprint(self) -> str:
        return self.proxy.status()["pools"][0]["fingerprint"]

    def servers(self) -> dict[str, tuple]:
        return {
            id: (server["weight"], None if server["override"] == "auto" else server["override"])
            for id, server in self.proxy.servers().items()
        }


class Chaos:
    def __init__(self, bench, seed: int):
        self.random = random.Random(seed)
        self.done: list[str] = []  # for a reader of a failure
        self.model = Model()
        self.connected = []  # the replicas that reach etcd
        self._bench = bench
        self._next_id = 0
        self._faults = []  # to come, each about as often as every other
        self.etcd = bench.start(Etcd(bench.folder / "etcd", 3))
        self._ports = [self._start_backend(number) for number in range(BACKENDS)]
        self._burst(SERVERS, 0)
        self.replicas = [Replica(bench, self.etcd, number) for number in range(3)]

    def _start_backend(self, number: int) -> int:
        port = free_port()
        command = [BIN_DIR / "ringdemo", "serve", "--id", f"backend-{number}"]
        log = self._bench.folder / f"backend-{number}.log"
        backend = self._bench.start(Process([*command, "--listen", f"0.0.0.0:{port}"], log))
        wait_until(lambda: "listens" in backend.log(), "a backend to listen")
        return port

    @staticmethod
    def _number(id: str) -> int:
        return int(id.rsplit("-", 1)[1])

    def _backend(self, id: str) -> str:
        return f"backend-{self._number(id) % BACKENDS}"

    def _value(self, id: str) -> dict:
        number = self._number(id)
        address = f"127.0.{number // 250 % 250}.{number % 250 + 1}:{self._ports[number % BACKENDS]}"
        return {"address": address, "weight": self.model.weights[id]}

    # What happens.

    def _burst(self, come: int, leave: int):
        new = [f"server-{self._next_id + number}" for number in range(come)]
        self._next_id += come
        old = self.random.sample(sorted(self.model.weights), leave)
        for id in new:
            self.model.weights[id] = self.random.randint(1, 3)
        for id in old:
            del self.model.weights[id]
        self._write(new, old)

    def _write(self, put, deleted=()):
        puts = {PREFIX + id: self._value(id) for id in put}
        self._insist(lambda: self.etcd.change(puts, [PREFIX + id for id in deleted]) or True)

    @staticmethod
    def _insist(action):
        """Until it succeeds: while members elect a leader, nobody takes a change."""

        def succeeds():
            try:
                return action()
            except OSError:
                return False

        wait_until(succeeds, "etcd to take a change", QUIET, every=0.1)

    def _one_comes(self):
        self._burst(1, 0)

    def _one_leaves(self):
        self._burst(0, 1)

    def _many_come_and_leave(self):
        leave = self.random.randint(0, 100)
        self._burst(max(0, leave + self.random.randint(-20, 20)), leave)

    def _one_comes_back(self):
        """Its word still counts."""
        gone = sorted(id for id in self.model.words if id not in self.model.weights)
        if gone:
            id = self.random.choice(gone)
            self.model.weights[id] = self.random.randint(1, 3)
            self._write([id])

    def _weights_change(self):
        ids = self.random.sample(sorted(self.model.weights), self.random.randint(1, 20))
        for id in ids:
            self.model.weights[id] = self.random.randint(0, 4)
        self._write(ids)

    def _one_flaps(self):
        """Several changes of one server, as fast as etcd takes them."""
        id = self.random.choice(sorted(self.model.weights))
        for weight in (0, 3, 1, self.random.randint(1, 4)):
            self.model.weights[id] = weight
            self._write([], [id])
            self._write([id])

    def _a_word(self):
        drained = [id for id in self.model.words if id in self.model.weights]
        ids = drained if drained and self.random.random() < 0.3 else sorted(self.model.weights)
        id, word = self.random.choice(ids), self.random.choice(WORDS)
        self.model.words[id] = word
        self._say(f"{word} main {id} --fleet")

    def _a_word_is_taken_back(self):
        if self.model.words:
            id = self.random.choice(sorted(self.model.words))
            del self.model.words[id]
            self._say(f"{self.random.choice(['forget', 'auto'])} main {id} --fleet")

    def _say(self, command: str):
        """To a proxy that reaches etcd, as soon as it knows the server and a member."""
        proxy = self.random.choice(self.connected).proxy
        wait_until(lambda: proxy.ask(command)["ok"], command, QUIET, every=0.1)

    def _something(self):
        action = self.random.choice(
            [
                self._one_comes, self._one_leaves, self._many_come_and_leave,
                self._one_comes_back, self._weights_change, self._one_flaps,
                self._a_word, self._a_word, self._a_word_is_taken_back,
            ]
        )  # fmt: skip
        self.done.append(action.__name__)
        action()

    # A round: changes, with a fault or two in the midst of them; then all is well again.

    def round(self):
        self.done.clear()
        self.connected = list(self.replicas)
        for _ in range(self.random.randint(0, 2)):
            self._something()
        ends = [fault() for fault in self._next_faults()]
        for _ in range(self.random.randint(1, 5)):
            self._something()
            time.sleep(self.random.choice([0, 0, 0.05, 0.3]))
        self.random.shuffle(ends)
        for end in ends:
            end()
        self.check()

    def _next_faults(self) -> list:
        if len(self._faults) < 2:
            all_faults = [self._death, self._member, self._partition]
            self._faults = [*self.random.sample(all_faults, 3), None, *self._faults]
        count = 2 if self.random.random() < 0.3 else 1
        found = {self._faults.pop() for _ in range(count)} - {None}
        return sorted(found, key=lambda fault: fault.__name__)

    def _victim(self) -> Replica:
        victim = self.random.choice(self.connected)
        self.connected.remove(victim)
        return victim

    # Each begins, and gives what ends it.

    def _death(self):
        victim = self._victim()
        self.done.append(f"kill proxy-{victim.number}")
        victim.kill()
        return victim.start

    def _member(self):
        victim = self.random.randrange(3)
        self.done.append(f"kill etcd-{victim}")
        self.etcd.kill(victim)
        return lambda: self.etcd.restart(victim)

    def _partition(self):
        victim = self._victim()
        way = self.random.choice([victim.cut, victim.silence])
        self.done.append(f"{way.__name__} proxy-{victim.number}")
        way()
        return lambda: self._mend(victim)

    def _mend(self, victim: Replica):
        if self.random.random() < 0.3:
            # Longer than a lease, or than it takes to notice a silence.
            seconds = self.random.choice([6, 14])
            self.done.append(f"{seconds} s")
            time.sleep(seconds)
        if self.random.random() < 0.5:
            self.done.append("compact")
            self._insist(lambda: self.etcd.compact() or True)
        victim.mend()

    # What must be so when it is quiet.

    def check(self):
        expected = self.model.servers()
        for replica in self.replicas:
            wait_until(
                lambda replica=replica: replica.servers() == expected,
                f"proxy-{replica.number} to be as the model after {self.done}",
                QUIET,
                every=0.2,
            )
        wait_until(
            lambda: len({each.fingerprint() for each in self.replicas}) == 1,
            f"the rings to be equal after {self.done}",
            QUIET,
            every=0.1,
        )
        first, *others = [each.proxy.owners(WATCHED) for each in self.replicas]
        assert all(owners == first for owners in others), self.done
        for replica in self.replicas:
            for key in WATCHED[:5]:
                assert ask(replica.proxy.address(), key) == self._backend(first[key])
            assert not replica.load.failures(), (self.done, replica.load.failures()[:3])

    def finish(self) -> int:
        """The number of connections that were answered."""
        for replica in self.replicas:
            replica.end_load()
        return sum(replica.answered for replica in self.replicas)
