"""Medians, ratios and bars of the samples. Pure.

Samples are kept as rounds: a list, one entry a round, each {work: {contender:
sample}}. A ratio is taken within a round, and the median over the rounds is told: so
a disturbance that lasts a while hits both sides of a ratio. It is against the peer
that has the lower median in the whole run: to take the lower of the two in each round
would hold ours against whoever was luckier there.
"""

from dataclasses import dataclass
from statistics import median

PEERS = ("haproxy", "nginx")
OURS = "ringway"


@dataclass(frozen=True)
class Bar:
    what: str
    most: float
    value: float | None  # None: not measured

    @property
    def met(self) -> bool | None:
        return None if self.value is None else self.value <= self.most


def values(rounds: list[dict], work: str, contender: str, field: str) -> list[float]:
    samples = (one.get(work, {}).get(contender, {}) for one in rounds)
    return [sample[field] for sample in samples if field in sample]


def middle(rounds: list[dict], work: str, contender: str, field: str) -> float | None:
    found = values(rounds, work, contender, field)
    return median(found) if found else None


def better_peer(rounds: list[dict], work: str, field: str) -> str | None:
    medians = {peer: middle(rounds, work, peer, field) for peer in PEERS}
    measured = {peer: value for peer, value in medians.items() if value is not None}
    return min(measured, key=measured.get) if measured else None


def ratios(rounds: list[dict], work: str, field: str) -> list[float]:
    """Ours to the better peer's, of each round in which both were measured."""
    peer = better_peer(rounds, work, field)
    samples = [one.get(work, {}) for one in rounds]
    return [
        one[OURS][field] / one[peer][field]
        for one in samples
        if field in one.get(OURS, {}) and field in one.get(peer, {})
    ]


def _ratio(rounds: list[dict], work: str, field: str) -> float | None:
    found = ratios(rounds, work, field)
    return median(found) if found else None


def failures(rounds: list[dict], contender: str) -> int:
    return sum(
        samples[contender]["failures"]
        for one in rounds
        for samples in one.values()
        if contender in samples
    )


def failure_kinds(rounds: list[dict], work: str, contender: str) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for one in rounds:
        told = one.get(work, {}).get(contender, {}).get("failure_kinds", {})
        for kind, count in told.items():
            if kind != "total":
                kinds[kind] = kinds.get(kind, 0) + count
    return kinds


CPU_BARS = {
    "round-trip-64": 0.85,
    "round-trip-64x16": 0.75,
    "round-trip-64x4": 0.95,
    "round-trip-64x1": 0.95,
    "round-trip-16k": 0.85,
    "connect": 0.80,
}
BULK_CPU_BARS = {"bbr": 0.42, "cubic": 0.55}  # by congestion control; none of others
BULK = ("bulk-up", "bulk-down")
TLS_CPU_BARS = {
    "tls-connect": 0.95,
    "tls-resume": 0.95,
    "tls-bulk-up": 0.90,
    "tls-bulk-down": 0.90,
    "tls-round-trip-64": 0.95,
    "tls-round-trip-16k": 0.95,
}


def bars(rounds: list[dict], syscalls: dict, congestion: str = "bbr") -> list[Bar]:
    """`syscalls` is {work: {contender: calls an operation}}."""
    cpu_bars = dict(CPU_BARS)
    if congestion in BULK_CPU_BARS:
        cpu_bars |= dict.fromkeys(BULK, BULK_CPU_BARS[congestion])

    def ratio(work: str, what: str, field: str, most: float) -> Bar:
        return Bar(f"{work}: {what}, ratio to the better peer", most, _ratio(rounds, work, field))

    all_bars = [ratio(work, "proxy CPU", "proxy_cpu", most) for work, most in cpu_bars.items()]
    for work in CPU_BARS:
        all_bars += [ratio(work, f"{field} latency", field, 1.0) for field in ("p50", "p99")]
    all_bars += [ratio(work, "machine CPU", "machine_cpu", 1.0) for work in (*CPU_BARS, *BULK)]
    measured = any(OURS in samples for one in rounds for samples in one.values())
    all_bars += [
        Bar("failed operations in all", 0, failures(rounds, OURS) if measured else None),
        Bar("idle: bytes per connection", 550,
            middle(rounds, "idle", OURS, "bytes_per_connection")),
        Bar("connect: system calls per connection", 17.5, syscalls.get("connect", {}).get(OURS)),
        Bar("round-trip-64: system calls per round trip", 4.4,
            syscalls.get("round-trip-64", {}).get(OURS)),
    ]
    if any(work.startswith("tls-") for one in rounds for work in one):
        return tls_bars(ratio)
    return all_bars


def tls_bars(ratio) -> list[Bar]:
    return [
        *(ratio(work, "proxy CPU", "proxy_cpu", most) for work, most in TLS_CPU_BARS.items()),
        ratio("tls-idle", "bytes per connection", "bytes_per_connection", 0.5),
        ratio("tls-storm", "p99 latency", "p99", 0.8),
    ]
