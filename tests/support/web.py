"""The HTTP endpoint of a proxy, as a client sees it."""

import http.client
import json
import re
import subprocess
from dataclasses import dataclass

from support.ports import free_port
from support.programs import find
from support.waiting import DEADLINE

_SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{(?P<labels>.*)\})? (?P<value>\S+)$")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    def json(self) -> dict:
        return json.loads(self.body)


class Metrics(dict):
    """Values by name and labels: metrics["name", {"label": "value"}]."""

    def __init__(self, text: str):
        super().__init__()
        for line in text.splitlines():
            if line.startswith("#"):
                continue
            sample = _SAMPLE.match(line)
            assert sample, line
            labels = frozenset(_LABEL.findall(sample["labels"] or ""))
            assert (sample["name"], labels) not in self, line
            super().__setitem__((sample["name"], labels), float(sample["value"]))

    def value(self, name: str, **labels) -> float:
        return self[name, frozenset(labels.items())]

    def total(self, name: str) -> float:
        return sum(value for (of, _), value in self.items() if of == name)


class Web:
    """Asks the endpoint at `port` of 127.0.0.1, a connection for every question."""

    def __init__(self, port: int):
        self.address = ("127.0.0.1", port)

    def get(self, path: str, method: str = "GET") -> Answer:
        connection = http.client.HTTPConnection(*self.address, timeout=DEADLINE)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def json(self, path: str) -> dict:
        """The answer to one question, which must be well."""
        answer = self.get(path)
        assert answer.status == 200, (path, answer)
        return answer.json()

    def metrics(self) -> Metrics:
        answer = self.get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return Metrics(answer.body.decode())


def with_web(bench, config: dict) -> tuple[dict, Web]:
    """The configuration with an HTTP endpoint, and a client of it."""
    port = free_port()
    admin = {"socket": str(bench.folder / f"admin-{port}.sock"), "http": f"127.0.0.1:{port}"}
    return {**config, "admin": admin}, Web(port)


def promtool(text: bytes) -> str:
    """What Prometheus' own judge has against it."""
    done = subprocess.run(
        [find("promtool"), "check", "metrics"], input=text, capture_output=True, timeout=60
    )
    return (done.stdout + done.stderr).decode() if done.returncode else ""
