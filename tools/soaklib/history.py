"""What may have served when: for every pool the weights that its ring had, and the servers that
may have been up or down. From these alone, and the mapping of ring/README.md as tests/ring/model.py
has it, follows which servers may have answered a key. Any thread.
"""

import bisect
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

from ring.model import CIRCLE, key_hash, server_points

VNODES = 64
FOREVER = float("inf")


@dataclass
class Span:
    """From `begin` to `end`, by time.monotonic(); spans overlap where a change took a while."""

    begin: float
    end: float = FOREVER

    def meets(self, begin: float, end: float) -> bool:
        return self.begin <= end and begin <= self.end


@dataclass
class Weights(Span):
    """Of the servers that take keys if they are up."""

    of: frozenset = frozenset()


@dataclass
class Doubt(Span):
    """While a server may be up, down or ramping."""

    server: str = ""
    why: str = ""


@dataclass
class Timeline:
    weights: list[Weights] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)


@cache
def _points(server: str, weight: int) -> list[int]:
    return server_points(server.encode(), weight * VNODES)


@cache
def _ring(weights: frozenset) -> list[tuple[int, str]]:
    return sorted((point, id) for id, weight in weights for point in _points(id, weight))


@cache
def walk(weights: frozenset, key: bytes) -> tuple[str, ...]:
    """The servers in the order of the nearest of their points, in either direction."""
    ring = _ring(weights)
    k = key_hash("sha256", b"", key)
    up = bisect.bisect_left(ring, (k, ""))
    down = up - 1
    order: list[str] = []
    servers = sum(1 for _, weight in weights if weight)
    while len(order) < servers:
        above, below = ring[up % len(ring)], ring[down % len(ring)]
        clockwise, counter = (above[0] - k) % CIRCLE, (k - below[0]) % CIRCLE
        if clockwise <= counter:
            nearest, up = above[1], up + 1
        else:
            nearest, down = below[1], down - 1
        if nearest not in order:
            order.append(nearest)
    return tuple(order)


class History:
    def __init__(self):
        self._pools: dict[str, Timeline] = {}
        self._lock = threading.Lock()

    @contextmanager
    def change(self, weights_of: dict[str, dict[str, int]]):
        """While the block runs, the pools may have the old weights or the new ones."""
        now = time.monotonic()
        old = []
        with self._lock:
            for pool, weights in weights_of.items():
                line = self._pools.setdefault(pool, Timeline())
                of = frozenset((id, weight) for id, weight in weights.items() if weight)
                if line.weights and line.weights[-1].of == of:
                    continue
                old += line.weights[-1:]
                line.weights.append(Weights(now, of=of))
        yield
        with self._lock:
            for entry in old:
                entry.end = time.monotonic()

    def doubt(self, pool: str, server: str, why: str, begin: float | None = None) -> Doubt:
        doubt = Doubt(begin if begin is not None else time.monotonic(), server=server, why=why)
        with self._lock:
            self._pools.setdefault(pool, Timeline()).doubts.append(doubt)
        return doubt

    def settle(self, doubt: Doubt):
        with self._lock:
            doubt.end = time.monotonic()

    def doubted(self, pool: str, begin: float, end: float) -> set[str]:
        with self._lock:
            return {d.server for d in self._pools[pool].doubts if d.meets(begin, end)}

    def in_doubt(self, pool: str) -> set[str]:
        now = time.monotonic()
        return self.doubted(pool, now, now)

    def servers(self, pool: str, begin: float, end: float) -> list[set[str]]:
        """Of each of the rings that the pool may have had."""
        with self._lock:
            rings = [w.of for w in self._pools[pool].weights if w.meets(begin, end)]
        return [{id for id, _ in ring} for ring in rings]

    def allowed(self, pool: str, key: bytes, begin: float, end: float) -> set[str]:
        """The servers that a connection with this key may have reached in this time."""
        doubted = self.doubted(pool, begin, end)
        with self._lock:
            rings = [w.of for w in self._pools[pool].weights if w.meets(begin, end)]
        found = set()
        for ring in rings:
            for server in walk(ring, key):
                found.add(server)
                if server not in doubted:
                    break
        return found

    def forget(self, before: float):
        """What is over is no longer asked for."""
        with self._lock:
            for line in self._pools.values():
                line.weights = [w for w in line.weights if w.end >= before]
                line.doubts = [d for d in line.doubts if d.end >= before]
