"""One row a round: what clients waited, and what happened meanwhile."""

import time

COLUMNS = ("minute", "conn/s", "p50 ms", "p99 ms", "trips/s", "p99 ms", "clients", "hostile",
           "reloads", "commands", "flaps", "scrapes", "RSS MiB", "fds", "broken")  # fmt: skip


def _ms(microseconds: float) -> str:
    return f"{microseconds / 1000:.2f}"


class Table:
    def __init__(self):
        self._begin = time.monotonic()
        self._before: dict = {}

    def head(self):
        print("  ".join(f"{name:>8}" for name in COLUMNS), flush=True)

    def row(self, begun: float, results: dict, counts: dict):
        """`results` of loadgen; of `counts` those that are sums are shown since the last row."""
        connect, trips = results["steady"], results["kept"]
        kinds = ("clients", "hostile", "reloads", "commands", "flaps", "scrapes")
        new = [str(counts[kind] - self._before.get(kind, 0)) for kind in kinds]
        self._before = counts
        cells = [
            f"{(begun - self._begin) / 60:.1f}",
            f"{connect['operations_per_second']:.0f}",
            _ms(connect["latency_us"]["p50"]), _ms(connect["latency_us"]["p99"]),
            f"{trips['operations_per_second']:.0f}", _ms(trips["latency_us"]["p99"]),
            *new,
            f"{counts['rss_mib']:.1f}", str(counts["fds"]), str(counts["broken"]),
        ]  # fmt: skip
        print("  ".join(f"{cell:>8}" for cell in cells), flush=True)
