"""Streams over a network that loses, doubles and reorders packets."""

import random
import subprocess

import pytest

from support.configuration import listener
from support.lossy import LossyNamespaces
from support.namespaces import NEAR
from support.waiting import BIN_DIR, scaled

SERVERS = ["10.231.77.11", "10.231.77.12"]
PORT = 7000
SESSIONS = scaled(2000, 100)


@pytest.fixture
def seed():
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    return seed


def loadgen(wire, *words: str, **options):
    command = [*wire.far_prefix(), str(BIN_DIR / "loadgen"), *words, "--allow-nonlocal"]
    return subprocess.Popen(command, text=True, **options)


# Every byte and every kind of ending, checked at both ends: see tools/loadgen/verify_end.h.
def test_streams_arrive_whole_and_end_as_they_should(bench, seed):
    wire = bench.start(LossyNamespaces(seed))
    for address in SERVERS:
        wire.add(address)
    listening = [f"--listen {address}:{PORT} --mode verify" for address in SERVERS]
    servers = loadgen(wire, "serve", *" ".join(listening).split(), stdout=subprocess.PIPE)
    try:
        servers.stdout.readline()
        entries = [{"id": address, "address": f"{address}:{PORT}"} for address in SERVERS]
        entry = {**listener(PORT, "source"), "bind": f"{NEAR}:{PORT}"}
        pools = {"main": {"servers": entries, "connect": {"timeout": "10s"}}}
        proxy = bench.ringway({"listeners": [entry], "pools": pools}, prefix=wire.prefix())
        clients = loadgen(
            wire, "run", "--connect", f"{NEAR}:{PORT}", "--mode", "verify",
            "--operations", str(SESSIONS), "--connections", "64", "--bytes", "100000",
            "--seconds", "120", "--timeout", "60", "--seed", str(seed), stdout=subprocess.PIPE,
        )
        told, _ = clients.communicate(timeout=180)
        assert clients.returncode == 0, told
        troubles = wire.troubles()
        print(troubles)
        assert min(troubles.values()) > SESSIONS // 10
        proxy.wait_idle()
        assert proxy.listener_status()["accepted"] >= SESSIONS
    finally:
        servers.terminate()
        assert servers.wait(timeout=60) in (0, -15)
