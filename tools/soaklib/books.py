"""The proxy's counts beside those of who made the load, and what it holds of the machine."""

import random

from support.waiting import sanitizer
from support.web import Metrics

RSS_GROWTH_MAX = 8 << 20  # bytes, from the first round of a process to its last
DESCRIPTORS_GROWTH_MAX = 8  # the same, but for pipes, of which a worker keeps 64
PIPE_ENDS_MAX = 2 * 2 * 64
# Begins anew where what is known of a server's health does: `clear`, another address.
BEGINS_ANEW = "ringway_server_checks_total"
GONE = ("extra",)  # comes and goes, and counts from zero each time


class Books:
    def __init__(self, proxy, world, judge, loads, verdicts):
        self.resident = self.descriptors = self.pipes = 0
        self._proxy, self._world = proxy, world
        self._judge, self._loads, self._verdicts = judge, loads, verdicts
        self._base: tuple[int, int, int] | None = None  # resident, descriptors, listeners

    def begin_life(self):
        self._base = None

    def accepted(self) -> int:
        return sum(entry["accepted"] for entry in self._listeners().values())

    def lines_of_gone(self) -> int:
        return sum(self._judge.by_listener[name].lines for name in GONE)

    def compare(self):
        """When nothing is in progress."""
        status = self._proxy.ringway.status()
        dropped = status["log_lines_dropped"]
        self._verdicts.check(dropped == 0, "no line of the log is lost", f"{dropped} lost")
        self._compare_listeners(self._listeners())
        self._compare_loads()
        servers = self._proxy.ringway.admin("servers")["servers"]
        self._compare_servers(servers)
        self._compare_metrics(servers)
        self._compare_machine(len(status["listeners"]))

    def _listeners(self) -> dict[str, dict]:
        entries = self._proxy.ringway.status()["listeners"]
        return {entry["name"]: entry for entry in entries if entry["name"] not in GONE}

    def _equal(self, what: str, said, counted):
        words = f"{what}: the proxy has {said}, counted were {counted}"
        self._verdicts.check(said == counted, "counts are equal", words)

    def _compare_listeners(self, listeners):
        for name, entry in listeners.items():
            counts = self._judge.by_listener[name]
            self._equal(f"{name} accepted", entry["accepted"], counts.lines)
            self._equal(f"{name} active", entry["active"], 0)
            self._equal(f"{name} ends", entry["ends"], dict(counts.ends))

    def _compare_loads(self):
        for name, counted in self._loads.sums.items():
            counts = self._judge.by_listener[name]
            self._equal(f"{name} connections", counts.lines, counted.connections)
            if name != "bulk":
                self._equal(f"{name} up", counts.up, counted.up)
                self._equal(f"{name} down", counts.down, counted.down)
            # Connections that either end resets lose bytes on their way.
            self._verdicts.check(counts.down >= counted.down, "counts are equal",
                                 f"bulk down {counts.down}, received {counted.down}")  # fmt: skip

    def _compare_servers(self, servers):
        for server in servers:
            name = f"server {server['id']}"
            if server["id"] in self._world.pools[server["pool"]].left:
                continue
            counts = self._judge.by_server[server["id"]]
            most, least = counts.lines, counts.lines - counts.unsure
            words = f"{name} total {server['total']}, counted were {least} to {most}"
            self._verdicts.check(least <= server["total"] <= most, "counts are equal", words)
            self._equal(f"{name} active", server["active"], 0)
            self._equal(f"{name} up", server["bytes_up"], counts.up)
            self._equal(f"{name} down", server["bytes_down"], counts.down)

    def _compare_metrics(self, servers):
        metrics = self._proxy.web.metrics()
        for name, entry in self._listeners().items():
            for metric, field in (("connections_total", "accepted"),
                                  ("active_connections", "active"),
                                  ("connections_refused_total", "refused")):  # fmt: skip
                value = metrics.value(f"ringway_listener_{metric}", listener=name)
                self._equal(f"metric {metric} of {name}", value, entry[field])
        for server in servers:
            of = {"pool": server["pool"], "server": server["id"]}
            total = metrics.value("ringway_server_connections_total", **of)
            self._equal(f"metric of {of}", total, server["total"])
            for way in ("up", "down"):
                value = metrics.value("ringway_server_bytes_total", direction=way, **of)
                self._equal(f"metric {way} of {of}", value, server[f"bytes_{way}"])

    def _compare_machine(self, listeners: int):
        self.resident = self._proxy.ringway.resident_bytes()
        self.pipes, self.descriptors = min(self._proxy.descriptors() for _ in range(20))
        if self._base is None:
            self._base = (self.resident, self.descriptors, listeners)
            return
        resident, descriptors, had = self._base
        grown = self.resident - resident
        level = grown <= RSS_GROWTH_MAX or sanitizer()
        self._verdicts.check(level, "memory is level", f"grown by {grown}")
        # A listener has a socket in each of the two workers.
        more = self.descriptors - descriptors - 2 * (listeners - had)
        words = f"{more} more than {descriptors}, and {self.pipes} of pipes"
        level = more <= DESCRIPTORS_GROWTH_MAX and self.pipes <= PIPE_ENDS_MAX
        self._verdicts.check(level, "descriptors are level", words)


class Scraper:
    """Reads everything that the HTTP endpoint has; what counts never goes back."""

    def __init__(self, proxy, world, verdicts):
        self.count = 0
        self._proxy, self._world, self._verdicts = proxy, world, verdicts
        self._before: tuple[int, Metrics] | None = None  # the life, and what it had

    def act(self, source: random.Random):
        pool = source.choice([name for name in self._world.pools if name != "extra"])
        of = f"/v1/pools/{pool}"
        paths = ("/", "/v1/status", "/v1/events?n=20", "/healthz", f"{of}/servers", f"{of}/ring",
                 f"{of}/explain?key=user%20{source.randrange(100)}")  # fmt: skip
        path = source.choice(paths)
        answer = self._proxy.web.get(path)
        self._verdicts.check(answer.status == 200, "a page is answered", f"{path} {answer.status}")
        if path.startswith("/v1"):
            answer.json()
        self._metrics()
        self.count += 2

    def _metrics(self):
        life, now = self._proxy.lives, self._proxy.web.metrics()
        if self._before and self._before[0] == life:
            for key, value in self._before[1].items():
                name, labels = key
                counts = name.endswith(("_total", "_bucket", "_count")) and name != BEGINS_ANEW
                if not counts or self._is_new(labels):
                    continue
                later = now.get(key)
                words = f"{name} {sorted(labels)}: {later} after {value}"
                if later is not None:
                    self._verdicts.check(later >= value, "a count does not go back", words)
        self._before = life, now

    def _is_new(self, labels) -> bool:
        """Of a server, a pool or a listener that left and came back."""
        of = dict(labels)
        if "extra" in (of.get("pool"), of.get("listener")):
            return True
        pool = self._world.pools.get(of.get("pool"))
        return pool is not None and of.get("server") in pool.left
