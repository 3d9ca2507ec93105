"""Three proxies with the same file, five servers behind them, and what is in front of them."""

import os
import signal
import subprocess
from pathlib import Path

from support.clients import EOF, RESET, read_line
from support.configuration import to_yaml
from support.fleet_network import CLIENT_V6, CLIENTS, PROXIES, SERVERS, FleetNetwork
from support.front_load import FrontLoad
from support.processes import Process
from support.waiting import BIN_DIR, DEADLINE, ROOT, scaled, wait_until

PACKAGING = ROOT / "packaging"
PORT = 7000  # of the proxies and of the servers
KEYS = [b"key-%d" % number for number in range(200)]
DELAY = 6.0  # drain_delay, longer than what is in front needs to see it

# Checks are answered by the servers' kernels; a busy machine takes no server offline.
CONFIG = {
    "version": 1,
    "workers": 1,
    "drain_delay": f"{DELAY:.0f}s",
    "drain_timeout": "2s",
    "listeners": [{"name": "main", "bind": f"[::]:{PORT}", "pool": "main", "key": "first_line"}],
    "pools": {
        "main": {
            "health": {"interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 4},
            "servers": [
                {"id": id, "address": f"{address}:{PORT}"} for id, address in SERVERS.items()
            ],
        }
    },
    "admin": {"socket": "admin.sock", "http": "127.0.0.1:9090"},
}


def adapted(bench, file: Path, name: str, changes: dict[str, str]) -> Path:
    """A packaged configuration with what an operator changes in it."""
    text = file.read_text()
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    path = bench.folder / name
    path.write_text(text)
    path.chmod(0o644)
    return path


class Contained:
    """A program in a namespace that forks others, which end when it is killed."""

    def __init__(self, prefix: list[str], arguments: list, log: Path):
        container = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._process = Process([*prefix, *container, *arguments], log)
        self.log = self._process.log

    def kill(self):
        self._process.kill()

    stop = kill


class Fleet:
    """Its proxies are at .proxies[1] to [3]; 0 keys may move, whatever becomes of them."""

    def __init__(self, bench):
        self.bench = bench
        self.network = bench.start(FleetNetwork())
        bench.start(_Remains(self.network))
        self.proxies = {}
        self._start_servers()
        for number in PROXIES:
            self.start(number)
        self.owners = self.proxies[1].owners(KEYS)
        self._check_that_all_agree()

    def _start_servers(self):
        for name, address in SERVERS.items():
            command = [BIN_DIR / "ringdemo", "serve", "--id", name, "--listen", f"{address}:{PORT}"]
            self.start_server(name, command, "listens")

    def start_server(self, name: str, command: list, sign: str):
        """A program on the servers' network, until its log has the sign."""
        prefix = self.network.inside(self.network.servers)
        log = self.bench.folder / f"{name}.log"
        server = self.bench.start(Process([*prefix, *command], log))
        wait_until(lambda: sign in server.log(), f"{name} to be ready")

    def _config(self, _number: int) -> dict:
        """A proxy's file."""
        return CONFIG

    def start(self, number: int):
        """A proxy on its machine."""
        prefix = self.network.inside(self.network.machine(number))
        proxy = self.bench.ringway(to_yaml(self._config(number)), prefix=prefix, in_folder=True)
        self.proxies[number] = proxy
        wait_until(lambda: proxy.status()["not_ready"] is None, "the proxy to be ready")

    def _check_that_all_agree(self):
        states = [proxy.status() for proxy in self.proxies.values()]
        assert len({state["config"]["fingerprint"] for state in states}) == 1
        assert len({state["pools"][0]["fingerprint"] for state in states}) == 1

    def kill(self, number: int):
        """SIGKILL, as when a proxy crashes."""
        self.bench.forget(self.proxies[number]).kill()

    def drain(self, number: int):
        """SIGTERM: not ready from now on, but accepting for DELAY."""
        self.proxies[number].signal(signal.SIGTERM)
        self.proxies[number].wait_log("draining in ")

    def finish(self):
        """Ends the proxies without the delay. Some have connections that nobody has the other end
        of any more: those that another proxy has reset."""
        running = [number for number, proxy in self.proxies.items() if proxy.running()]
        for number in running:
            self.drain(number)
            self.proxies[number].signal(signal.SIGTERM)
        for proxy in self.proxies.values():
            proxy.wait_exit()

    def kill_machine(self, number: int, *programs):
        """As a loss of power: nobody hears from the machine again."""
        self.network.cut(number)
        self.kill(number)
        for program in programs:
            program.kill()

    def load(self, address: str, rate: float = 1000.0) -> FrontLoad:
        where = (address, PORT)
        sources = [CLIENT_V6] if ":" in address else CLIENTS
        load = FrontLoad(self.network.client, where, sources, KEYS, scaled(int(rate), least=100))
        self.bench.start(load)
        return load

    def hold(self, address: str, count: int) -> list["Held"]:
        return [Held(self, address, KEYS[number % len(KEYS)]) for number in range(count)]

    def active(self) -> dict[int, int]:
        """The connections of each proxy that runs."""
        running = {number: proxy for number, proxy in self.proxies.items() if proxy.running()}
        return {number: proxy.listener_status()["active"] for number, proxy in running.items()}

    def accepted(self, number: int) -> int:
        return self.proxies[number].listener_status()["accepted"]

    def moved(self, load: FrontLoad) -> list:
        """Connections of the load that another server answered than their key's owner."""
        return [answer for answer in load.answers() if answer.server != self.owners[answer.key]]


class Held:
    """A connection through the fleet that stays open, and the proxy that has it."""

    def __init__(self, fleet: Fleet, address: str, key: bytes):
        before = fleet.active()
        self._socket = fleet.network.client_socket()
        self._socket.settimeout(DEADLINE)
        self._socket.connect((address, PORT))
        self._socket.sendall(key + b"\n")
        assert read_line(self._socket).decode() == fleet.owners[key]
        after = fleet.active()
        (self.proxy,) = [number for number in after if after[number] > before[number]]
        fleet.bench.start(self)

    def ending(self) -> str:
        """How it ends when nothing more is sent."""
        try:
            return EOF if self._socket.recv(100) == b"" else "bytes"
        except ConnectionResetError:
            return RESET

    def answers(self) -> bool:
        """Whether its server still answers on it."""
        try:
            self._socket.sendall(b"another line\n")
            return bool(read_line(self._socket))
        except (ConnectionResetError, BrokenPipeError, EOFError):
            return False

    def stop(self):
        self._socket.close()


class _Remains:
    """What still runs in the namespaces when everything is stopped."""

    def __init__(self, network: FleetNetwork):
        self._network = network

    def stop(self):
        for name in self._network._made:
            found = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
            for pid in map(int, found.stdout.split()):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass


def settle(load: FrontLoad, since: float, count: int = 300):
    """Until so many connections that began since then were answered."""
    wait_until(lambda: len(load.answers(since)) >= count, "connections to be answered")


def served_since(load: FrontLoad, moved_at: float) -> float:
    """When the first connection that began after the move was answered."""
    settle(load, moved_at)
    return min(answer.ended for answer in load.answers(moved_at))


def nobody_failed_after(load: FrontLoad, moment: float):
    late = [attempt for attempt in load.failures() if attempt.begun > moment]
    assert not late, late[:3]


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def report(what: str, load: FrontLoad, since: float):
    """Prints what clients saw since then: what cannot be asserted of a busy machine."""
    answers = sorted(load.answers(), key=lambda attempt: attempt.connected)
    late = [attempt for attempt in answers if attempt.connected >= since - 0.1]
    silence = max((b.connected - a.connected for a, b in zip(late, late[1:])), default=0)
    failed = [attempt for attempt in load.failures() if attempt.ended >= since]
    refused = [attempt for attempt in failed if attempt.connected is None]
    last = max((attempt.begun - since for attempt in failed), default=0)
    slowest = max((attempt.ended - attempt.begun for attempt in late), default=0)
    print(
        f"{what}: {len(answers)} connections answered; not connected: {len(refused)}, cut: "
        f"{len(failed) - len(refused)}, the last begun after {seconds(last)}; longest time "
        f"without a connection {seconds(silence)}; slowest answer {seconds(slowest)}"
    )

