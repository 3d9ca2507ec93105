"""Violations, and the verdict on every connection: a client's record beside its access line."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field

from support.ringway import Access

WELL = "well"
SHOWN_MAX = 5  # of one law; the others are only counted


class Verdicts:
    """What broke a law: printed at once, with the time and the seed."""

    def __init__(self, seed: int):
        self.by_law: dict[str, int] = defaultdict(int)
        self._seed = seed
        self._begin = time.monotonic()
        self._lock = threading.Lock()

    @property
    def count(self) -> int:
        return sum(self.by_law.values())

    def violated(self, law: str, words: str):
        with self._lock:
            self.by_law[law] += 1
            if self.by_law[law] > SHOWN_MAX:
                return
        clock = time.strftime("%H:%M:%S")
        after = time.monotonic() - self._begin
        print(f"VIOLATED {clock} (+{after:.1f} s, seed {self._seed}) {law}: {words}", flush=True)

    def check(self, kept: bool, law: str, words: str):
        if not kept:
            self.violated(law, words)


@dataclass
class Record:
    """One connection as its client saw it. `ends` are those that its access line may have; none
    for a client that means well."""

    listener: str
    pool: str
    client: str  # address and port, as the access line has them
    key: bytes
    begin: float
    kind: str
    end: float = 0
    server: str = ""  # that named itself
    sent: int = 0
    received: int = 0
    outcome: str = ""  # WELL, or what went wrong
    ends: frozenset = frozenset()


@dataclass
class Counts:
    """Of the access lines since the start of the process."""

    lines: int = 0
    up: int = 0
    down: int = 0
    unsure: int = 0  # whose server may not have counted them: they ended during the dial
    ends: dict = field(default_factory=lambda: defaultdict(int))

    def add(self, line: Access):
        self.lines += 1
        self.up += line.up
        self.down += line.down
        self.unsure += line.end in ("client_left", "local_error", "shutdown", "server_down")
        self.ends[line.end] += 1


class Judge:
    """Joins records and lines. `take` from any thread; the rest by one thread."""

    def __init__(self, verdicts: Verdicts, history, listeners: set[str]):
        self.by_listener: dict[str, Counts] = defaultdict(Counts)
        self.by_server: dict[str, Counts] = defaultdict(Counts)
        self.judged = 0
        self.interrupted = 0  # by a server that was down
        self._verdicts, self._history = verdicts, history
        self._listeners = listeners  # whose connections have records
        self._records: list[Record] = []
        self._lines: dict[tuple[str, str], list[Access]] = defaultdict(list)
        self._lock = threading.Lock()

    def take(self, record: Record):
        with self._lock:
            self._records.append(record)

    def read(self, line: Access):
        self.by_listener[line.listener].add(line)
        if line.server != "-":
            self.by_server[line.server].add(line)
        if line.listener in self._listeners:
            self._lines[line.listener, line.client].append(line)

    def judge(self, before: float, all_lines: bool):
        """The records that ended before this moment and have their line. With `all_lines` every
        record must have one, and every line a record."""
        with self._lock:
            records, self._records = self._records, []
        later = []
        for record in records:
            lines = self._lines.get((record.listener, record.client))
            if record.end < before and lines:
                self._judge(record, lines.pop(0))
            else:
                later.append(record)
        if all_lines:
            for record in later:
                self._verdicts.violated("a line for every connection", f"none for {record}")
            for line in (line for lines in self._lines.values() for line in lines):
                self._verdicts.violated("a client for every line", str(line))
            self._lines.clear()
        else:
            with self._lock:
                self._records += later

    def begin_life(self):
        """A new process counts from zero."""
        self.by_listener.clear()
        self.by_server.clear()

    def _judge(self, record: Record, line: Access):
        self.judged += 1
        check = self._verdicts.check
        told = f"{record} {line}"
        if record.ends:
            check(line.end in record.ends, "a hostile client ends as it should", told)
            check(line.up <= record.sent, "no byte is made up", told)
            return
        span = (record.begin, record.end)
        check(line.up <= record.sent, "no byte is made up", told)
        check(line.down >= record.received, "no byte is made up", told)
        if line.server != "-":
            allowed = self._history.allowed(record.pool, record.key, *span)
            check(line.server in allowed, "the ring's server answers", f"{allowed} may: {told}")
        if record.server:
            check(record.server == line.server, "the log names who answered", told)
        is_excused = self._is_excused(record, line, span)
        # A client cannot tell a server that ends from one that dies when all is said.
        if record.outcome == WELL and (line.end == "done" or not is_excused):
            check(line.end == "done", "a connection that went well ends as done", told)
            exact = (line.up, line.down) == (record.sent, record.received)
            check(exact, "bytes are exact", told)
            return
        self.interrupted += 1
        check(is_excused, "no client fails", told)

    def _is_excused(self, record: Record, line: Access, span) -> bool:
        doubted = self._history.doubted(record.pool, *span)
        if line.end in ("server_reset", "server_down", "done"):
            return line.server in doubted
        if line.end == "server_removed":
            rings = self._history.servers(record.pool, *span)
            return any(line.server not in ring for ring in rings)
        if line.end in ("connect_failed", "no_server"):
            rings = self._history.servers(record.pool, *span)
            return any(len(doubted & ring) >= min(3, len(ring)) for ring in rings)
        return False
