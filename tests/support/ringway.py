"""The proxy under test: starts the real binary, asks its admin socket, reads its log.

A Ringway that is stopped has been checked as well: no connection left active,
exit code 0, and no word from a sanitizer.
"""

import errno
import json
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from support.configuration import to_yaml
from support.processes import Process
from support.waiting import BIN_DIR, DEADLINE, sanitizer, wait_until

_ACCESS = re.compile(
    r"access listener=(?P<listener>\S+) client=(?P<client>\S+) "
    r'key="(?P<key>(?:[^"\\]|\\.)*)" (?:placed_by=(?P<placed_by>\S+) )?'
    r'(?:tls=(?P<tls>\S+) )?(?:tls_error="(?P<tls_error>[^"]*)" )?'
    r"(?:pool=(?P<pool>\S+) )?(?:fallback=(?P<fallback>yes) )?"
    r"server=(?P<server>\S*) attempts=(?P<attempts>\d+) "
    r"up=(?P<up>\d+) down=(?P<down>\d+) open_ms=(?P<open_ms>[\d.]+) "
    r"total_ms=(?P<total_ms>[\d.]+) end=(?P<end>.*)$"
)


@dataclass
class Access:
    """One line of the access log."""

    listener: str
    client: str
    key: str  # as written, escapes and all
    placed_by: str | None  # and why, where it was not the key
    tls: str | None  # the version
    tls_error: str | None
    pool: str | None  # where the listener leads to several
    fallback: str | None
    server: str
    attempts: int
    up: int
    down: int
    open_ms: float
    total_ms: float
    end: str

    @classmethod
    def parse(cls, line: str) -> "Access | None":
        """Of a line in the format `text`; nothing for a line of another kind."""
        match = _ACCESS.search(line)
        if match is None:
            return None
        fields = match.groupdict()
        for name in ("attempts", "up", "down"):
            fields[name] = int(fields[name])
        for name in ("open_ms", "total_ms"):
            fields[name] = float(fields[name])
        return cls(**fields)


def quote(word: str | bytes) -> str:
    """A word of the admin protocol, with every byte out of the ordinary as \\xNN."""
    raw = word.encode() if isinstance(word, str) else word
    plain = (chr(b) if 0x20 <= b < 0x7F and b not in b'"\\' else f"\\x{b:02x}" for b in raw)
    return '"' + "".join(plain) + '"'


def environment(folder: Path) -> dict:
    """The environment in which a sanitizer's report ends the program and stays in a file."""
    report = f"halt_on_error=1:log_path={folder}/sanitizer"
    return {
        **os.environ,
        "ASAN_OPTIONS": f"{report}:exitcode=97:detect_leaks=1",
        "UBSAN_OPTIONS": f"{report}:print_stacktrace=1",
        "TSAN_OPTIONS": f"{report}:exitcode=97:second_deadlock_stack=1",
    }


def command(*arguments) -> list[str]:
    """The command line of the proxy; ThreadSanitizer needs a plain address space."""
    return [*_plain_addresses(), str(BIN_DIR / "ringway"), *map(str, arguments)]


@cache
def _plain_addresses() -> list[str]:
    if sanitizer() != "thread":
        return []
    # Some containers forbid it, and need it less.
    allowed = subprocess.run(["setarch", "-R", "true"], capture_output=True).returncode == 0
    return ["setarch", "-R"] if allowed else []


class Ringway:
    """One proxy in a folder of its own. `config` is a dict, or the text of a file."""

    def __init__(
        self,
        folder: Path,
        config,
        wait_ready: bool = True,
        stderr=None,
        environ=None,
        prefix=(),
        in_folder: bool = False,  # started there: relative paths of the file lead there
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config_path = folder / "ringway.yaml"
        self.socket_path = folder / "admin.sock"
        self.config = None
        self.write(config)
        self._process = Process(
            [*prefix, *command("--config", self.config_path)],
            folder / "log",
            env={**environment(folder), **(environ or {})},
            stderr=stderr,
            cwd=folder if in_folder else None,
        )
        if wait_ready:
            try:
                self.wait_ready()
            except AssertionError:
                self.kill()
                raise

    # The configuration.

    def write(self, config):
        """Replaces the file, all at once; a dict gets version and admin socket if it has none."""
        if isinstance(config, dict):
            defaults = {"version": 1, "workers": 2, "admin": {"socket": str(self.socket_path)}}
            self.config = {**defaults, **config}
            self.socket_path = Path(self.config["admin"]["socket"])
            config = to_yaml(self.config)
        new = self.config_path.with_suffix(".new")
        new.write_text(config)
        new.replace(self.config_path)

    def address(self, listener: str = "main") -> tuple[str, int]:
        for entry in self.config["listeners"]:
            if entry["name"] == listener:
                host, port = entry["bind"].rsplit(":", 1)
                return host.strip("[]"), int(port)
        raise KeyError(listener)

    def reload(self, config=None) -> dict:
        """SIGHUP, with `config` written first where given; the status' config after it."""
        if config is not None:
            self.write(config)
        before = self.status()["config"]
        self.signal(signal.SIGHUP)

        def taken():
            now = self.status()["config"]
            counts = ("reloads", "failed_reloads")
            return now if any(now[count] != before[count] for count in counts) else None

        return wait_until(taken, "the reload to be taken or refused")

    def reload_well(self, config=None) -> dict:
        state = self.reload(config)
        assert state["result"] == "ok", state
        return state

    # The process.

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.running()

    def signal(self, number: int):
        self._process.signal(number)

    @contextmanager
    def paused(self):
        """What clients send meanwhile is there when the proxy accepts them, before any of its
        timeouts has begun; the kernel answers for it."""
        self.signal(signal.SIGSTOP)
        try:
            wait_until(self._has_stopped, "every thread to stop")
            yield
        finally:
            self.signal(signal.SIGCONT)

    def _has_stopped(self) -> bool:
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        return all(stat.read_text().rsplit(")", 1)[1].split()[0] == "T" for stat in stats)

    def wait_exit(self, deadline: float = DEADLINE) -> int:
        return self._process.wait(deadline)

    def kill(self):
        self._process.kill()

    def wait_ready(self):
        def ready():
            if not self.running():
                raise AssertionError(f"the proxy ended instead of starting:\n{self.log()}")
            return re.search(r"\bready: \d+ listeners, \d+ pools, \d+ workers", self.log())

        wait_until(ready, "the line `ready`")

    def wait_idle(self):
        """Until no connection is active, by the counts of listeners, pools and servers."""

        def idle():
            status = self.status()
            counts = [entry["active"] for entry in status["listeners"] + status["pools"]]
            counts += [server["active"] for server in self.admin("servers")["servers"]]
            return not any(counts)

        wait_until(idle, "no connection to be active")

    def stop(self):
        """A clean end, checked: nothing active, exit code 0, nothing from a sanitizer."""
        if self.running():
            self.wait_idle()
            self.signal(signal.SIGTERM)
        code = self.wait_exit()
        self.check_sanitizer()
        assert code == 0, f"exit code {code}\n{self.log()[-4000:]}"

    def check_sanitizer(self):
        reports = [path.read_text() for path in self.folder.glob("sanitizer.*")]
        assert not reports, reports[0]
        marks = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:")
        log = self.log()
        assert not any(mark in log for mark in marks), log[-8000:]

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def settled_descriptors(self) -> int:
        """The least of many counts: health checks and admin clients come and go."""
        return min(self.descriptors() for _ in range(50))

    def resident_bytes(self) -> int:
        pages = Path(f"/proc/{self.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # The admin socket.

    def admin_client(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        # A socket with a timeout would fail at once where others fill the queue (unix(7)).
        # The file is there a moment before anybody listens on it.
        give_up = time.monotonic() + DEADLINE
        while (error := client.connect_ex(str(self.socket_path))) != 0:
            if error != errno.ECONNREFUSED or not self.running() or time.monotonic() > give_up:
                client.close()
                raise OSError(error, os.strerror(error))
            time.sleep(0.01)
        client.settimeout(DEADLINE)
        return client

    def ask(self, line: str) -> dict:
        """The answer to one command, which may be a refusal."""
        with self.admin_client() as client, client.makefile("rb") as answers:
            client.sendall(line.encode() + b"\n")
            return json.loads(answers.readline())

    def admin(self, line: str) -> dict:
        """The answer to one command, which must be well."""
        answer = self.ask(line)
        assert answer["ok"] is True, (line, answer)
        return answer

    def status(self) -> dict:
        return self.admin("status")

    def listener_status(self, name: str = "main") -> dict:
        return next(entry for entry in self.status()["listeners"] if entry["name"] == name)

    def servers(self, pool: str = "main") -> dict:
        return {server["id"]: server for server in self.admin(f"servers {pool}")["servers"]}

    def server(self, id: str, pool: str = "main") -> dict:
        return self.servers(pool)[id]

    def wait_server(self, id: str, status: str, pool: str = "main"):
        wait_until(lambda: self.server(id, pool)["status"] == status, f"{id} to be {status}")

    def explain(self, key: str | bytes, pool: str = "main") -> dict:
        return self.admin(f"explain {pool} {quote(key)}")

    def owner(self, key: str | bytes, pool: str = "main") -> str | None:
        return self.explain(key, pool)["owner"]

    def owners(self, keys, pool: str = "main") -> dict:
        """The owner of every key, asked over one connection."""
        with self.admin_client() as client, client.makefile("rb") as answers:
            found = {}
            for key in keys:
                client.sendall(f"explain {pool} {quote(key)}\n".encode())
                answer = json.loads(answers.readline())
                assert answer["ok"], answer
                found[key] = answer["owner"]
            return found

    def walk(self, key: str | bytes, pool: str = "main") -> list[str]:
        """The online servers for `key` in order of preference."""
        return [step["id"] for step in self.explain(key, pool)["walk"]]

    # The log.

    def log(self) -> str:
        return self._process.log()

    def wait_log(self, text: str) -> str:
        """The first line with `text`; the log is written after its events."""

        def found():
            ended = not self.running()
            line = next((line for line in self.log().splitlines() if text in line), None)
            assert line or not ended, f"the proxy has ended:\n{self.log()[-4000:]}"
            return line

        return wait_until(found, f"{text!r} in the log")

    def access_log(self) -> list[Access]:
        found = (Access.parse(line) for line in self.log().splitlines())
        return [access for access in found if access]

    def wait_access(self, client: tuple | None = None, **fields) -> Access:
        """The access line of a connection, by the client's own (host, port) or by fields."""
        if client is not None:
            fields["client"] = f"{client[0]}:{client[1]}"

        def found():
            for entry in self.access_log():
                if all(getattr(entry, name) == value for name, value in fields.items()):
                    return entry
            return None

        return wait_until(found, f"an access line with {fields}")
