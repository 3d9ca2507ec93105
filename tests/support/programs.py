"""Real programs from Debian packages, started on free ports and stopped by the tests."""

import json
import os
import shutil
import socket
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.waiting import DEADLINE, wait_until


def run(*arguments, deadline: float = DEADLINE * 4, check: bool = True, **options):
    """Runs a client program to its end; its output is part of the failure if it fails."""
    done = subprocess.run(
        [str(argument) for argument in arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=deadline,
        **options,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"{arguments} ended with {done.returncode}:\n{done.stdout}")
    return done


def find(program: str) -> str:
    """The program's path; Debian keeps some where a plain user's PATH does not look."""
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    assert path, f"{program} is not installed"
    return path


class Server:
    """What the real servers share: a name, an address, a process that may be started again."""

    def __init__(self, folder: Path, name: str):
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.name = name
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.start()

    def command(self) -> list:
        raise NotImplementedError

    def start(self):
        self.process = Process(self.command(), self.folder / "output", cwd=self.folder)
        wait_until(self._answers, f"{self.name} to listen")

    def _answers(self) -> bool:
        assert self.process.running(), self.process.log()
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        except OSError:
            return False
        return True

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.stop()


class RealRedis(Server):
    """A redis-server that keeps nothing on disk."""

    def command(self):
        return [
            find("redis-server"), "--port", self.port, "--bind", "127.0.0.1",
            "--save", "", "--appendonly", "no", "--dir", self.folder,
        ]  # fmt: skip


class RealNginx(Server):
    """An nginx that serves its folder `www`, takes uploads there, and names itself at /name."""

    words: dict = {}  # further ones of CONFIG
    CONFIG = """
        daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 4096; }}
        http {{
            access_log off; client_max_body_size 0; default_type application/octet-stream;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
            fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
            scgi_temp_path {folder}/scgi; sendfile on; keepalive_requests 1000000;
            server {{
                listen 127.0.0.1:{port} backlog=1024;
                add_header X-Served-By {name} always;
                location = /name {{ return 200 "{name}\\n"; }}
                location / {{ root {folder}/www; dav_methods PUT; }}
            }}
        }}
    """

    def command(self):
        (self.folder / "www").mkdir(exist_ok=True)
        config = self.folder / "nginx.conf"
        words = {"folder": self.folder, "port": self.port, "name": self.name, **self.words}
        config.write_text(self.CONFIG.format(**words))
        return [find("nginx"), "-c", config, "-p", self.folder, "-e", self.folder / "error.log"]


class RealIperf(Server):
    """An iperf3 server that serves test after test."""

    def command(self):
        return [find("iperf3"), "--server", "--bind", "127.0.0.1", "--port", self.port]


class RealMemcached(Server):
    def command(self):
        arguments = [find("memcached"), "-l", "127.0.0.1", "-p", self.port, "-U", "0", "-m", "16"]
        return arguments + (["-u", "root"] if os.getuid() == 0 else [])


class RealPrometheus(Server):
    """A Prometheus that scrapes (host, port) pairs every other second: a scrape that takes
    longer would leave it without any value."""

    def __init__(self, folder: Path, name: str, targets):
        self.targets = [f"{host}:{port}" for host, port in targets]
        super().__init__(folder, name)

    def command(self):
        config = self.folder / "prometheus.yaml"
        job = {"job_name": "ringway", "static_configs": [{"targets": self.targets}]}
        often = {"scrape_interval": "2s", "scrape_timeout": "2s"}
        config.write_text(json.dumps({"global": often, "scrape_configs": [job]}))
        return [
            find("prometheus"), f"--config.file={config}", f"--web.listen-address={self.address}",
            f"--storage.tsdb.path={self.folder}/data", "--log.level=warn",
        ]  # fmt: skip

    def query(self, text: str) -> list[float]:
        """The values that a query has now, in no order."""
        where = f"http://{self.address}/api/v1/query?" + urllib.parse.urlencode({"query": text})
        with urllib.request.urlopen(where, timeout=DEADLINE) as answer:
            found = json.load(answer)
        assert found["status"] == "success", found
        return [float(each["value"][1]) for each in found["data"]["result"]]


class RealHaproxy(Server):
    """An haproxy in front of `target` (its words for a server line), listening on `host`."""

    def __init__(self, folder: Path, name: str, target: str, host: str = "127.0.0.1"):
        self.target = target
        self.host = host
        super().__init__(folder, name)

    def command(self):
        config = self.folder / "haproxy.cfg"
        config.write_text(
            "defaults\n  mode tcp\n  timeout connect 5s\n  timeout client 30s\n"
            "  timeout server 30s\n"
            f"listen front\n  bind {self.host}:{self.port}\n  server one {self.target}\n"
        )
        return [find("haproxy"), "-db", "-f", config]

    def _answers(self) -> bool:
        assert self.process.running(), self.process.log()
        # Not by a connection: the server behind would see it too.
        return listens(self.process.pid, self.port)


def listens(pid: int, port: int) -> bool:
    """Whether a socket of the process's network listens, without a connection to it."""
    tables = (Path(f"/proc/{pid}/net/{name}").read_text() for name in ("tcp", "tcp6"))
    lines = (line for text in tables for line in text.splitlines())
    return any(f":{port:04X} " in line and " 0A " in line for line in lines)  # 0A: listening
