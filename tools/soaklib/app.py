"""The command line of tools/soak, and its rounds."""

import argparse
import random
import shutil
import signal
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from support.ports import free_port
from support.programs import RealRedis
from support.waiting import PATIENCE, wait_until

from soaklib.actors import Stage
from soaklib.books import Books, Scraper
from soaklib.changes import Flapper, Operator
from soaklib.clients import KEYS, Clients
from soaklib.history import History
from soaklib.hostile import Hostile, flood_admin, flood_http
from soaklib.laws import Judge, Verdicts
from soaklib.loads import Loads, serve
from soaklib.proxy import Proxy
from soaklib.servers import Server
from soaklib.table import Table
from soaklib.watch import Watch
from soaklib.world import ASKS, CONNECTS, Pool, World

ROUND_S = 60.0
RESTARTS = 0.2  # of the rounds end with one, and the middle one always
SETTLED_WITHIN_S = 120.0


def _arguments(words: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="soak",
        description="Mixes everything against one proxy on loopback: steady load, reloads, "
        "commands, servers that die, scrapes, slow and hostile clients, rotated logs, restarts. "
        "Counts, bytes, servers, memory and descriptors are checked throughout. The programs are "
        "those of build/release, or of $RINGWAY_BIN_DIR. Exit status 1 where a law is broken.",
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="default: %(default)s")
    parser.add_argument("--seed", type=int, help="of all that is random; by default a new one")
    parser.add_argument("--rate", type=float, default=200.0,
                        help="connections a second of the steady load (default: %(default)s)")  # fmt: skip
    given = parser.parse_args(words)
    if not 0.1 <= given.minutes <= 100_000 or not 1 <= given.rate <= 100_000:
        parser.error("--minutes must be from 0.1 to 100000, --rate from 1 to 100000")
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(1 << 32)
    return given


def _pools(folder: Path, kept) -> dict[str, Pool]:
    """The pools with all of their servers, which `kept` stops at the end."""

    def pool(servers: dict, settings: dict, file) -> Pool:
        for server in servers.values():
            kept.callback(server.stop)
        return Pool(servers, settings, dict.fromkeys(file, 1))

    def own(*names: str) -> dict:
        return {name: Server(folder, name) for name in names}

    def loadgen(mode: str, count: int, *options) -> dict:
        names = [f"{mode}-{number}" for number in range(count)]
        return {name: serve(folder, name, mode, *options) for name in names}

    answer = loadgen("answer", 5, "--request=64", "--bytes=64")
    echo, verify = loadgen("echo", 4, "--bytes=64"), loadgen("verify", 4)
    checked = {"health": CONNECTS}
    found = {
        "flappy": pool(own("f1", "f2", "f3", "f4", "f5", "f6", "r1", "r2"), {"health": ASKS},
                       ("f1", "f2", "f3", "f4", "f5")),
        "steady": pool(answer, checked, list(answer)[:4]),
        "kept": pool(echo, checked, list(echo)[:3]),
        "bulk": pool(verify, checked, list(verify)[:3]),
        "extra": pool(own("x1", "x2"), {}, ("x1", "x2")),
    }  # fmt: skip
    if shutil.which("redis-server"):
        redis = {name: RealRedis(folder, name) for name in ("redis-1", "redis-2", "redis-3")}
        found["redis"] = pool(redis, checked, ("redis-1", "redis-2"))
    return found


class Soak:
    def __init__(self, folder: Path, given: argparse.Namespace, kept: ExitStack):
        pools = _pools(folder, kept)
        twin = Server(folder, "f1")
        kept.callback(twin.stop)
        ports = {name: free_port() for name in (*pools, "main", "proxied", "http")}
        self._source = random.Random(given.seed)
        self._given = given
        self._world = World(folder, ports, pools, twin)
        addresses = self._world.addresses()
        self.verdicts = Verdicts(given.seed)
        self._history = History()
        self._proxy = Proxy(folder, self._world)
        kept.callback(lambda: self._proxy.ringway.kill())
        recorded = {"main", "proxied", "redis", "extra"}
        self._judge = Judge(self.verdicts, self._history, recorded)
        self._clients = Clients(addresses, self._judge)
        self._hostile = Hostile(addresses, self._judge)
        self._loads = Loads(folder, addresses, self.verdicts, given.rate)
        self._watch = Watch(self._proxy, self._history, self._judge, self.verdicts)
        self._operator = Operator(self._proxy, self._world, self._history, self._watch,
                                  self._clients, self.verdicts)  # fmt: skip
        self._flapper = Flapper(self._world, self._history, self._watch)
        self._books = Books(self._proxy, self._world, self._judge, self._loads, self.verdicts)
        self._scraper = Scraper(self._proxy, self._world, self.verdicts)
        self._stage = Stage(self.verdicts, given.seed)
        self._cast()

    def _cast(self):
        add, clients, hostile = self._stage.add, self._clients, self._hostile
        for number in range(4):
            add(f"ask {number}", clients.ask, 0.03)
        for number in range(6):
            add(f"hold {number}", clients.hold, 0.2)
        add("upload", clients.upload, 0.5)
        if "redis" in self._world.pools:
            add("redis", clients.redis, 0.05)
        add("bulk", self._loads.bulk, 1.0)
        for number in range(2):
            add(f"hostile {number}", hostile.act, 0.1)
            add(f"slow writer {number}", hostile.slow_writer, 0.5)
            add(f"slow reader {number}", hostile.slow_reader, 0.5)
        socket = self._proxy.ringway.socket_path
        web = self._world.addresses()["http"]
        add("admin flood", lambda source: flood_admin(socket, source), 0.5)
        add("http flood", lambda source: flood_http(web, source), 0.5)
        add("scraper", self._scraper.act, 0.5)
        add("operator", self._operator.act, 1.0)
        for number in range(2):
            add(f"flapper {number}", self._flapper.act, 2.0)
        add("watch", self._watch.step, 0.2, pausing=False)
        add("readiness", lambda _: self._proxy.watch_ready(self.verdicts), 0.3, pausing=False)

    def run(self):
        rounds = max(2, round(self._given.minutes * 60 / ROUND_S))
        length = self._given.minutes * 60 / rounds
        table = Table()
        table.head()
        for number in range(rounds):
            begin = time.monotonic()
            self._loads.begin(length * 0.85)
            self._stage.resume()
            self._stage.stopped.wait(length * 0.85)
            self._stage.pause()
            results = self._loads.finish()
            self._settle()
            table.row(begin, results, self._counts())
            last = number == rounds - 1
            if not last and (self._source.random() < RESTARTS or number == (rounds - 1) // 2):
                self._restart()
        self._stage.stop()
        self._finish()
        print(f"{self._judge.judged} connections judged one by one, {self._judge.interrupted} of "
              f"them cut by a server that was down; {self._watch.unexpected} servers were found "
              f"down that were not; {self._proxy.lives - 1} restarts")  # fmt: skip

    def _settle(self):
        """Nothing acts: everything ends, and the books are equal."""
        wait = SETTLED_WITHIN_S * PATIENCE
        wait_until(lambda: self._watch.open_doubts() == 0, "every server to be back", wait, 0.1)
        self._proxy.ringway.wait_idle()
        total = lambda: self._books.accepted() + self._books.lines_of_gone()  # noqa: E731
        if not self._watch.read_all(total):
            lines = {name: c.lines for name, c in self._judge.by_listener.items()}
            words = f"{total()} accepted, lines {lines}"
            self.verdicts.violated("a line for every connection", words)
        self._books.compare()
        self._operator.compare()

    def _restart(self):
        """With the state file nothing has changed."""
        ringway = self._proxy.ringway
        keys = [key.encode() for key in KEYS[:100]]
        owners, overrides = ringway.owners(keys, "flappy"), ringway.admin("overrides")
        number = self._source.choice((signal.SIGTERM, signal.SIGKILL))
        with self._watch.held():
            self._proxy.restart(number)
            for part in (self._judge, self._books, self._loads):
                part.begin_life()
        ringway = self._proxy.ringway
        same = ringway.owners(keys, "flappy") == owners
        self.verdicts.check(same, "a restart moves no key", signal.Signals(number).name)
        later = ringway.admin("overrides")
        self.verdicts.check(later == overrides, "a restart keeps changes", f"{overrides} {later}")

    def _finish(self):
        self._proxy.away.set()
        try:
            self._proxy.ringway.stop()
        except AssertionError as error:
            self.verdicts.violated("a clean end", str(error))

    def _counts(self) -> dict:
        return {
            "clients": sum(self._clients.counts.values()),
            "hostile": self._hostile.count,
            "reloads": self._operator.reloads,
            "commands": self._operator.commands,
            "flaps": self._flapper.flaps,
            "scrapes": self._scraper.count,
            "rss_mib": self._books.resident / (1 << 20),
            "fds": self._books.descriptors,
            "broken": self.verdicts.count,
        }


def main(words: list[str]) -> int:
    given = _arguments(words)
    print(f"seed {given.seed}, {given.minutes:g} minutes", flush=True)
    with tempfile.TemporaryDirectory(prefix="ringway-soak-") as folder, ExitStack() as kept:
        soak = Soak(Path(folder), given, kept)
        soak.run()
    broken = soak.verdicts.by_law
    for law, times in broken.items():
        print(f"violated {times} times: {law}")
    print(f"seed {given.seed}: " + ("NOT as promised" if broken else "every law kept"))
    return 1 if broken else 0
