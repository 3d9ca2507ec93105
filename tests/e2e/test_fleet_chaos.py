"""A random history of a fleet: whatever happens, its proxies come to the same ring, that of a model
of a few lines, and no client fails meanwhile."""

import os
import random
import time

from support.fleet_chaos import Chaos

# RINGWAY_CHAOS_SECONDS=600 for longer; RINGWAY_CHAOS_SEED for the history of a run that failed.
SECONDS = float(os.environ.get("RINGWAY_CHAOS_SECONDS", "30"))


def test_replicas_come_to_the_same_ring_whatever_happens(bench):
    seed = int(os.environ.get("RINGWAY_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"RINGWAY_CHAOS_SEED={seed}")
    chaos = Chaos(bench, seed)
    chaos.check()
    end = time.monotonic() + SECONDS
    rounds = 0
    while time.monotonic() < end:
        chaos.round()
        rounds += 1
        print(f"round {rounds}: {', '.join(chaos.done)}")
    print(f"{rounds} rounds, {chaos.finish()} connections")
