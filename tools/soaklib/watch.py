"""Follows the proxy: its log, its events, and when a server that was down serves again."""

import threading
import time
from contextlib import contextmanager
from datetime import datetime

from support.waiting import PATIENCE

LAG_S = 1.5  # a verdict waits for what is told of its time
BACK_WITHIN_S = 60.0 * PATIENCE
BEFORE_EVENT_S = 2.0  # a server that checks find down may have failed clients already


class Watch:
    def __init__(self, proxy, history, judge, verdicts):
        self.unexpected = 0  # servers that went down and had not been touched
        self.log_errors_expected = 0
        self._proxy, self._history = proxy, history
        self._judge, self._verdicts = judge, verdicts
        self._open: dict[int, tuple] = {}  # doubts: pool, the doubt, since when it may end
        self._confirmed: dict[int, int] = {}  # how often in a row
        self._last_event = 0
        self._lock = threading.RLock()

    def doubt(self, pool: str, server: str, why: str, begin: float | None = None):
        """From now until what `over` ends has been found to be over."""
        return pool, self._history.doubt(pool, server, why, begin)

    def over(self, opened: tuple):
        """The cause has ended: the doubt does when the server is seen to serve."""
        pool, doubt = opened
        with self._lock:
            self._open[id(doubt)] = (pool, doubt, time.monotonic())

    def brief(self, pool: str, server: str, why: str, begin: float | None = None):
        self.over(self.doubt(pool, server, why, begin))

    def open_doubts(self) -> int:
        with self._lock:
            return len(self._open)

    def step(self, _random=None):
        if self._proxy.away.is_set():
            return
        with self._lock:
            now = time.monotonic()
            self._read_log()
            self._read_events()
            self._settle()
            self._judge.judge(now - LAG_S, False)
            self._history.forget(now - 120)

    def read_all(self, total) -> bool:
        """Until as many access lines are read as connections were accepted."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with self._lock:
                self._read_log()
                if sum(c.lines for c in self._judge.by_listener.values()) >= total():
                    self._read_events()
                    self._judge.judge(float("inf"), True)
                    return True
            time.sleep(0.05)
        return False

    @contextmanager
    def held(self):
        """Nothing is read while the block runs: the proxy is another one after it."""
        with self._lock:
            yield
            self._last_event = 0

    def _read_log(self):
        for line in self._proxy.log.read():
            self._judge.read(line)
        for line in self._proxy.log.errors:
            # The refusal, and a line for each error of the file.
            expected = "reload: " in line and self.log_errors_expected > 0
            self._verdicts.check(expected, "no errors in the log", line)
        self._proxy.log.errors.clear()

    def _read_events(self):
        for event in self._proxy.ringway.admin("events 256")["events"]:
            if event["id"] <= self._last_event:
                continue
            self._last_event = event["id"]
            if event["kind"] != "server_down":
                continue
            told = datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
            at = time.monotonic() - (time.time() - told.timestamp())
            pool, server = event["pool"], event["server"]
            if server in self._history.doubted(pool, at - 0.1, at):
                continue
            self.unexpected += 1
            self.brief(pool, server, event["text"], at - BEFORE_EVENT_S)

    def _settle(self):
        if not self._open:
            return
        asked = time.monotonic()
        servers = {}
        for server in self._proxy.ringway.admin("servers")["servers"]:
            servers[server["pool"], server["id"]] = server
        for key, (pool, doubt, since) in list(self._open.items()):
            said = servers.get((pool, doubt.server))
            is_back = said is None or said["override"] == "drain" or _serves(said, asked - since)
            self._confirmed[key] = self._confirmed.get(key, 0) + 1 if is_back else 0
            if self._confirmed[key] >= 3:
                self._history.settle(doubt)
                del self._open[key], self._confirmed[key]
            elif asked - since > BACK_WITHIN_S:
                self._verdicts.violated("a server comes back", f"{doubt}: {said}")
                self._history.settle(doubt)
                del self._open[key], self._confirmed[key]


def _serves(said: dict, since_s: float) -> bool:
    """Online with all its points, by a check that began after the cause was over."""
    if said["status"] != "online" or said["ramp_percent"] != 100:
        return said["weight"] == 0
    check = said["last_check"]
    return check is None or (check["failures"] == 0 and check["ago_ms"] / 1000 < since_s - 0.05)
