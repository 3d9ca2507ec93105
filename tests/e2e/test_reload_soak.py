"""A hundred reloads under load: nothing refused, reset or cut, memory level."""

import json
import os
import subprocess
import time

from support.configuration import listener, pool_of
from support.ports import free_port
from support.processes import Process
from support.waiting import BIN_DIR, DEADLINE, sanitizer, scaled, wait_until

# RINGWAY_SOAK_SECONDS=60 in the environment for the whole minute.
SECONDS = float(os.environ.get("RINGWAY_SOAK_SECONDS", "10"))
RELOADS = scaled(100, least=20)
RATE = scaled(2000, least=100)  # new connections a second
LONG_ONES = scaled(1000, least=100)
GROWTH_BYTES = 8 << 20


class Load:
    """`loadgen run`, and what it counted."""

    def __init__(self, folder, address, mode: str, **options):
        self.json_path = folder / f"{mode}.json"
        words = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
        self.process = Process(
            [BIN_DIR / "loadgen", "run", "--connect", "%s:%d" % address, "--mode", mode,
             "--timeout", DEADLINE, "--json", self.json_path, *words],
            folder / f"{mode}.log",
        )  # fmt: skip

    def result(self) -> dict:
        self.process.wait(SECONDS + DEADLINE * 4)
        return json.loads(self.json_path.read_text())

    def stop(self):
        self.process.stop()


def serve(bench, name: str, mode: str, *options):
    port = free_port()
    server = bench.start(
        Process(
            [BIN_DIR / "loadgen", "serve", "--listen", f"127.0.0.1:{port}", "--mode", mode, *options],
            bench.folder / f"{name}.log",
        )
    )
    wait_until(lambda: server.running() and " on " in server.log(), f"{name} to listen")
    return {"id": name, "address": f"127.0.0.1:{port}"}


def test_a_hundred_reloads_refuse_reset_and_cut_nothing_and_memory_is_level(bench):
    short = [serve(bench, f"short-{n}", "answer", "--request=64", "--bytes=64") for n in range(4)]
    long = [serve(bench, f"long-{n}", "echo", "--bytes=64") for n in range(3)]
    entries = [
        listener(free_port(), "source", "short", "short"),
        listener(free_port(), "source", "long", "long"),
        listener(free_port(), "source_ip", "short", "now_and_then"),
    ]
    checks = {"interval": "500ms", "timeout": "500ms", "fall": 10}

    def config(round_: int) -> dict:
        here = [server for n, server in enumerate(short) if n != round_ % 5]
        weights = [{**server, "weight": 1 + (round_ + n) % 3} for n, server in enumerate(long)]
        return {
            "listeners": entries[: 2 + round_ % 2],
            "log": {"access": False},
            "pools": {"short": pool_of(here, health=checks), "long": pool_of(weights)},
        }

    proxy = bench.ringway(config(0))
    kept = bench.start(Load(bench.folder, proxy.address("long"), "round-trip", bytes=64,
                            connections=LONG_ONES, rate=LONG_ONES, seconds=SECONDS + 2))  # fmt: skip
    wait_until(
        lambda: sum(s["active"] for s in proxy.servers("long").values()) == LONG_ONES, "long ones"
    )
    new = bench.start(Load(bench.folder, proxy.address("short"), "connect", bytes=64, request=64,
                           connections=64, rate=RATE, seconds=SECONDS))  # fmt: skip
    begin, settled = time.monotonic(), 0
    for round_ in range(1, RELOADS + 1):
        state = proxy.reload_well(config(round_))
        time.sleep(max(0.0, begin + SECONDS * round_ / RELOADS - time.monotonic()))
        if round_ == RELOADS // 4:
            settled = proxy.resident_bytes()
    grown = proxy.resident_bytes() - settled

    for load, operations in ((new, RATE * SECONDS), (kept, LONG_ONES * SECONDS)):
        result = load.result()
        print(f"{result['mode']}: {result['operations_per_second']:.0f}/s, grown {grown >> 10} KiB")
        assert result["failures"]["total"] == 0, result
        assert result["operations"] >= operations * 0.2, result
    assert state["reloads"] == RELOADS and state["failed_reloads"] == 0
    refused = [entry["refused"] for entry in proxy.status()["listeners"]]
    assert refused == [0] * len(refused)
    if not sanitizer():
        assert grown < GROWTH_BYTES, grown
