"""Load by tools/loadgen: connections at a steady rate, kept ones with round trips, bulk."""

import json
from dataclasses import dataclass
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.waiting import BIN_DIR, DEADLINE, wait_until

BYTES = 64  # of a request, an answer, and either way of a round trip
KEPT = 40  # connections with round trips
TIMEOUT_S = 30
FOR_EVER_S = 30 * 86_400  # until it is stopped


def serve(folder: Path, name: str, mode: str, *options) -> Process:
    port = free_port()
    words = ["serve", "--seconds", FOR_EVER_S, "--listen", f"127.0.0.1:{port}", "--mode", mode, *options]
    server = Process([BIN_DIR / "loadgen", *words], folder / f"{name}.log")
    wait_until(lambda: " on " in server.log(), f"{name} to listen")
    server.name, server.address = name, f"127.0.0.1:{port}"
    return server


def run(folder: Path, address, mode: str, **options) -> tuple[Process, Path]:
    answer = folder / f"{mode}-{free_port()}.json"
    words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [BIN_DIR / "loadgen", "run", "--connect", "%s:%d" % address, "--mode", mode]
    command += ["--timeout", TIMEOUT_S, "--json", answer, *words]
    return Process(command, answer.with_suffix(".log")), answer


@dataclass
class Sum:
    """What one listener's load counted since the proxy started."""

    connections: int = 0
    up: int = 0
    down: int = 0


class Loads:
    def __init__(self, folder: Path, addresses: dict, verdicts, rate: float):
        self.sums = {name: Sum() for name in ("steady", "kept", "bulk")}
        self._folder, self._addresses, self._verdicts = folder, addresses, verdicts
        self._rate = rate
        self._running = {}

    def begin(self, seconds: float):
        """A round's load: so many operations, in about this time."""
        self._begin("steady", "connect", self._rate, seconds, request=BYTES, connections=16)
        self._begin("kept", "round-trip", self._rate * 2, seconds, connections=KEPT)

    def _begin(self, name: str, mode: str, rate: float, seconds: float, **options):
        # Every operation is made: the limit of time is for a proxy that hangs.
        operations = max(KEPT, int(rate * seconds))
        process, answer = run(
            self._folder, self._addresses[name], mode, bytes=BYTES, rate=rate,
            operations=operations, seconds=seconds * 3 + 60, **options)  # fmt: skip
        self._running[name] = process, answer, operations

    def finish(self) -> dict:
        """Waits for the end of the round's load; its results by listener."""
        results = {}
        for name, (process, answer, operations) in self._running.items():
            results[name] = self._result(name, process, answer)
            connections = KEPT if name == "kept" else operations
            self._add(name, connections, operations * BYTES, operations * BYTES)
        self._running.clear()
        return results

    def bulk(self, source):
        """Bulk both ways; every byte is verified by both ends."""
        operations = 6
        process, answer = run(
            self._folder, self._addresses["bulk"], "verify", connections=3,
            operations=operations, seconds=120, seed=source.randrange(1 << 30))  # fmt: skip
        result = self._result("bulk", process, answer)
        self._add("bulk", result["operations"], result["bytes_up"], result["bytes_down"])

    def begin_life(self):
        for name in self.sums:
            self.sums[name] = Sum()

    def _result(self, name: str, process: Process, answer: Path) -> dict:
        process.wait(DEADLINE * 40)
        result = json.loads(answer.read_text())
        if result["failures"]["total"]:
            words = f"{name}: {result['failures']}, seeds {result['failed_seeds']}"
            self._verdicts.violated("a load without failures", words)
        answer.unlink()
        answer.with_suffix(".log").unlink()
        return result

    def _add(self, name: str, connections: int, up: int, down: int):
        counted = self.sums[name]
        counted.connections += connections
        counted.up += up
        counted.down += down
