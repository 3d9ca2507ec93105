"""One contender at one work, once: everything that is measured of it."""

import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from comparelib import load, machine
from comparelib.works import HANDSHAKES, Work

SETTLE_SECONDS = 0.5  # after the last connection stands, before its memory is read


@dataclass
class Settings:
    loadgen: Path
    seconds: float
    warmup: float


@dataclass
class Stage:
    """Servers and a proxy in front of them, until the end of the with block."""

    settings: Settings
    contender: object
    work: Work

    def __enter__(self) -> "Stage":
        self.folder = tempfile.TemporaryDirectory(prefix="compare-")
        Path(self.folder.name).chmod(0o755)  # nginx's worker is not root
        self.servers = load.Servers(self.settings.loadgen, self.work)
        try:
            self.proxy = self.contender.run(
                self.servers.ports, Path(self.folder.name), self.work.is_tls
            )
        except BaseException:
            self.servers.stop()
            self.folder.cleanup()
            raise
        try:
            ready = lambda: load.probe(self.proxy.port, self.work)
            machine.wait_until(ready, f"{self.contender.name} passing {self.work.name}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        self.proxy.stop()
        self.servers.stop()
        self.folder.cleanup()

    def clients(self, *more, work: Work | None = None, nice: bool = False) -> load.Clients:
        work = work or self.work
        speaks_tls = work.is_tls and not work.handshaking
        port = self.proxy.tls_port if speaks_tls else self.proxy.port
        return load.Clients(self.settings.loadgen, port, work, list(more), nice)


def measure(settings: Settings, contender, work: Work) -> dict:
    with Stage(settings, contender, work) as stage:
        if work.handshaking:
            return _measure_beside_handshakes(stage)
        return _measure_idle(stage) if work.is_idle else _measure_moving(stage)


def _meters(stage: Stage) -> list[str]:
    groups = ["--cpu-of", f"server={stage.servers.process.pid}"]
    if stage.proxy.pids:
        groups += ["--cpu-of", "proxy=" + ",".join(str(pid) for pid in stage.proxy.pids)]
    return groups


def _measure_moving(stage: Stage) -> dict:
    settings = stage.settings
    clients = stage.clients(
        "--seconds", settings.seconds, "--warmup", settings.warmup, *_meters(stage)
    )
    sample = sample_of(clients.result(), stage.work)
    if stage.work.even_rate:
        evenly = stage.clients(
            "--seconds", settings.seconds, "--warmup", settings.warmup,
            "--rate", stage.work.even_rate,
        )
        add_even(sample, evenly.result())
    return sample


def _measure_beside_handshakes(stage: Stage) -> dict:
    """The latency of those that do not shake hands. They are measured, and do not wait for the
    load's own handshakes."""
    settings = stage.settings
    length = settings.seconds + settings.warmup
    handshakes = stage.clients("--seconds", length + 2, work=HANDSHAKES, nice=True)
    try:
        sample = sample_of(
            stage.clients(
                "--seconds", settings.seconds, "--warmup", settings.warmup, *_meters(stage)
            ).result(),
            stage.work,
        )
    finally:
        beside = handshakes.result()
    sample["handshakes"] = beside["operations"] / beside["seconds"]
    return sample


def add_even(sample: dict, result: dict) -> None:
    """Adds the results of a run at a fixed rate to the sample of the run without one."""
    for name in ("p50", "p99", "p99.9"):
        sample[f"even_{name}"] = result["latency_us"][name]
    sample["failures"] += result["failures"]["total"]
    kinds = sample["failure_kinds"]
    sample["failure_kinds"] = {
        kind: kinds.get(kind, 0) + count for kind, count in result["failures"].items()
    }


def _measure_idle(stage: Stage) -> dict:
    """Memory before and with the connections. What comes only once, the first
    time that connections are served, comes before."""
    settings, pids = stage.settings, list(stage.proxy.pids)
    mode, option, _, *more = stage.work.run
    warmup = replace(stage.work, run=(mode, option, "64", *more))
    stage.clients("--seconds", "0.2", work=warmup).result()
    before = machine.pss_bytes(pids)
    clients = stage.clients("--seconds", max(settings.seconds, 2 * SETTLE_SECONDS), *_meters(stage))
    clients.wait_for("holding")
    time.sleep(SETTLE_SECONDS)
    held = machine.pss_bytes(pids)
    result = clients.result()
    sample = {
        "failures": result["failures"]["total"],
        "failure_kinds": result["failures"],
        "connections": result["operations"],
    }
    if pids:
        sample["bytes_per_connection"] = (held - before) / result["operations"]
        sample["proxy_cpu_idle_share"] = result["cpu_seconds"]["proxy"] / result["seconds"]
    return sample


def sample_of(result: dict, work: Work) -> dict:
    """What the table and the bars need of a load generator's result. Processor
    time is in seconds per GB, or in microseconds per round trip or connection."""
    cpu = result["cpu_seconds"]
    moved = result["bytes_up"] + result["bytes_down"]
    ours = cpu["load"] + cpu["server"] + cpu.get("proxy", 0)
    units = moved / 1e9 if work.is_bulk else result["operations"]
    scale = 1.0 if work.is_bulk else 1e6
    if units == 0 or cpu["machine"] == 0:
        raise machine.Trouble(f"{work.name}: nothing was moved: {result['failures']}")
    sample = {
        "rate": units / result["seconds"],
        "failures": result["failures"]["total"],
        "failure_kinds": result["failures"],
        "machine_cpu": scale * cpu["machine"] / units,
        "load_cpu": scale * (cpu["load"] + cpu["server"]) / units,
        # The processor time of the machine that neither the load nor the proxy used.
        "others_share": max(0.0, 1 - ours / cpu["machine"]),
    }
    if "proxy" in cpu:
        sample["proxy_cpu"] = scale * cpu["proxy"] / units
        sample["proxy_busy"] = cpu["proxy"] / result["seconds"]
    if not work.is_bulk:
        for name in ("p50", "p99", "p99.9"):
            sample[name] = result["latency_us"][name]
    return sample


def wait_for_text(stream, text: str) -> None:
    for line in stream:
        if text in line:
            return
    raise machine.Trouble(f"the program ended without saying {text}")


def syscalls_per_operation(settings: Settings, contender, work: Work) -> float:
    """System calls of all the proxy's threads, counted by strace, which slows it
    down: so this is a run of its own and is not timed. Of two runs of different
    length the difference is taken: what comes once falls out."""
    short, long = (1_000, 4_000) if work.name == "connect" else (4_000, 16_000)
    with Stage(settings, contender, work) as stage:
        counts = [_count_syscalls(stage, operations) for operations in (short, long)]
    return (counts[1] - counts[0]) / (long - short)


def _count_syscalls(stage: Stage, operations: int) -> int:
    summary = Path(stage.folder.name) / "strace"
    worker = stage.proxy.pids[-1]  # nginx's master has no part in it
    tracer = subprocess.Popen(
        ["strace", "-c", "-f", "-p", str(worker), "-o", str(summary)],
        stderr=subprocess.PIPE, text=True,
    )
    try:
        wait_for_text(tracer.stderr, "attached")
        result = stage.clients(
            "--operations", operations, "--seconds", "120", "--timeout", "30"
        ).result()
    finally:
        tracer.send_signal(2)  # SIGINT: detach and print the summary
        tracer.communicate()
    if result["failures"]["total"] or result["operations"] < operations:
        raise machine.Trouble(f"{stage.contender.name} failed under strace: {result['failures']}")
    return total_calls(summary.read_text())


def total_calls(summary: str) -> int:
    """Of strace -c: the calls on the line of the total. Its errors column may be empty."""
    for line in summary.splitlines():
        words = line.split()
        if words and words[-1] == "total":
            return int(words[3])
    raise machine.Trouble("strace printed no total")
