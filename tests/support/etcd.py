"""Real etcd, one member or several, on loopback addresses, started and stopped by the tests."""

import base64
import json
import shutil
import urllib.request
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.programs import find
from support.waiting import DEADLINE, wait_until


def _text(data: str) -> str:
    return base64.b64encode(data.encode()).decode()


class Member:
    def __init__(self, folder: Path, name: str, host: str = "127.0.0.1"):
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.name = name
        self.host = host
        self.client_port, self.peer_port = free_port(), free_port()
        self.process = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.client_port}"

    @property
    def peer(self) -> str:
        return f"http://{self.host}:{self.peer_port}"

    def start(self, members):
        cluster = ",".join(f"{each.name}={each.peer}" for each in members)
        self.process = Process(
            [
                find("etcd"), "--name", self.name, "--data-dir", self.folder / "data",
                "--listen-client-urls", f"http://{self.address}",
                "--advertise-client-urls", f"http://{self.address}",
                "--listen-peer-urls", self.peer, "--initial-advertise-peer-urls", self.peer,
                "--initial-cluster", cluster, "--initial-cluster-state", "new",
                "--heartbeat-interval", "50", "--election-timeout", "500",
                "--unsafe-no-fsync", "--logger", "zap",
            ],
            self.folder / "output",
            cwd=self.folder,
        )  # fmt: skip

    def call(self, path: str, body: dict, timeout: float = DEADLINE) -> dict:
        request = urllib.request.Request(
            f"http://{self.address}/v3/{path}", json.dumps(body).encode()
        )
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return json.load(answer)

    def is_healthy(self) -> bool:
        assert self.process.running(), self.process.log()
        try:
            self.call("kv/range", {"key": _text("x")}, timeout=1)
        except OSError:
            return False
        return True


class Etcd:
    """A cluster of `count` members."""

    def __init__(self, folder: Path, count: int = 1):
        self.members = [Member(folder, f"etcd-{number}") for number in range(count)]
        for member in self.members:
            member.start(self.members)
        self.wait()

    def wait(self):
        for member in self.members:
            if member.process:
                wait_until(member.is_healthy, f"{member.name} to be healthy", DEADLINE * 4)

    @property
    def endpoints(self) -> list[str]:
        return [member.address for member in self.members]

    def _call(self, path: str, body: dict) -> dict:
        for member in self.members:
            if member.process is None:
                continue
            try:
                return member.call(path, body)
            except OSError as error:
                failure = error
        raise failure

    def put(self, key: str, value, lease: int = 0):
        text = value if isinstance(value, str) else json.dumps(value)
        self._call("kv/put", {"key": _text(key), "value": _text(text), "lease": str(lease)})

    def change(self, puts: dict, deletes=()):
        """Many keys, a hundred in one transaction."""
        requests = [
            {"requestPut": {"key": _text(key), "value": _text(json.dumps(value))}}
            for key, value in puts.items()
        ] + [{"requestDeleteRange": {"key": _text(key)}} for key in deletes]
        for first in range(0, len(requests), 100):
            self._call("kv/txn", {"success": requests[first : first + 100]})

    def delete(self, key: str):
        self._call("kv/deleterange", {"key": _text(key)})

    def keys(self, prefix: str) -> dict[str, str]:
        end = prefix[:-1] + chr(ord(prefix[-1]) + 1)
        found = self._call("kv/range", {"key": _text(prefix), "range_end": _text(end)})
        return {
            base64.b64decode(each["key"]).decode(): base64.b64decode(each.get("value", "")).decode()
            for each in found.get("kvs", [])
        }

    def lease(self, ttl_s: int) -> int:
        return int(self._call("lease/grant", {"TTL": str(ttl_s)})["ID"])

    def revoke(self, lease: int):
        self._call("lease/revoke", {"ID": str(lease)})

    def compact(self):
        revision = self._call("kv/range", {"key": _text("x")})["header"]["revision"]
        self._call("kv/compaction", {"revision": revision, "physical": True})

    def kill(self, number: int):
        self.members[number].process.kill()
        self.members[number].process = None

    def restart(self, number: int):
        self.members[number].start(self.members)
        self.wait()

    def stop(self):
        for member in self.members:
            if member.process:
                member.process.kill()
        for member in self.members:
            shutil.rmtree(member.folder / "data", ignore_errors=True)
