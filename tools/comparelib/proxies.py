"""The contenders, each configured as its users would: consistent hashing on the
source address, timeouts, counts of connections, a line in the log per connection,
one worker. All logs go to a file by plain writes, which is the cheapest way that
each has."""

import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from comparelib import machine

NGINX_STREAM = "/usr/lib/nginx/modules/ngx_stream_module.so"

# HAProxy: TCP through splice(2) where it sees fit; without a daemon and one thread,
# as under systemd. 6,000 connections fit into 20,000 descriptors with its pipes.
HAPROXY = """
global
    nbthread 1
    maxconn 6000
    log stderr format raw local0 info
defaults
    mode tcp
    log global
    option tcplog
    option splice-auto
    retries 2
    option redispatch
    timeout connect 1s
    timeout client 10m
    timeout server 10m
listen clients
    bind 127.0.0.1:{port}
    balance source
    hash-type consistent
{servers}
"""

NGINX = """
load_module {module};
worker_processes 1;
worker_rlimit_nofile 20000;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 16000; }}
stream {{
    log_format line '$remote_addr:$remote_port [$time_local] $upstream_addr $status '
                    '$bytes_received $bytes_sent $upstream_connect_time $session_time';
    access_log {folder}/access.log line;
    upstream servers {{
        hash $remote_addr consistent;
{servers}
    }}
    server {{
        listen 127.0.0.1:{port} reuseport;
        proxy_pass servers;
        proxy_connect_timeout 1s;
        proxy_timeout 10m;
    }}
}}
"""

RINGWAY = """
version: 1
workers: 1
listeners:
  - name: clients
    bind: 127.0.0.1:{port}
    pool: servers
    key: source_ip
    timeouts: {{idle: 10m}}
pools:
  servers:
    connect: {{timeout: 1s}}
    health: {{interval: 2s}}
    servers:
{servers}
log: {{access: true}}
"""


@dataclass
class Running:
    """One contender at work."""

    port: int  # where clients connect
    process: subprocess.Popen | None = None
    pids: tuple[int, ...] = ()  # all of its processes

    def stop(self) -> None:
        if self.process:
            machine.stop(self.process)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _come_up(command: list, folder: Path, port: int, processes: int = 1) -> Running:
    """Waits until `port` is open and all `processes` of the program are there."""
    with (folder / "stderr").open("w") as log:
        process = machine.start(command, machine.PROXY_CPU, stdout=log, stderr=log)
    running = Running(port, process)

    def up() -> bool:
        if process.poll() is not None:
            raise machine.Trouble(f"{command[0]} ended: {(folder / 'stderr').read_text()[-500:]}")
        return listens(port) and len(machine.with_children(process.pid)) == processes

    try:
        machine.wait_until(up, f"{command[0]} listening")
        running.pids = tuple(machine.with_children(process.pid))
    except BaseException:
        running.stop()
        raise
    return running


def _server_lines(template: str, ports: list[int]) -> str:
    return "\n".join(template.format(i=i, port=port) for i, port in enumerate(ports, 1))


class Direct:
    """No proxy: what the load and the machine can do."""

    name = "direct"
    version = ""

    def run(self, servers: list[int], folder: Path) -> Running:
        del folder
        return Running(servers[0])


class HAProxy:
    name = "haproxy"

    def __init__(self) -> None:
        self.version = "HAProxy " + machine.version_of(["haproxy", "-v"], r"version (\S+)")

    def run(self, servers: list[int], folder: Path) -> Running:
        port = machine.free_port()
        lines = _server_lines("    server server-{i} 127.0.0.1:{port} check inter 2s", servers)
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, servers=lines))
        return _come_up(["haproxy", "-db", "-f", config], folder, port)


class Nginx:
    name = "nginx"

    def __init__(self) -> None:
        self.version = "nginx " + machine.version_of(["nginx", "-v"], r"nginx/(\S+)")

    def run(self, servers: list[int], folder: Path) -> Running:
        port = machine.free_port()
        lines = _server_lines("        server 127.0.0.1:{port};", servers)
        config = folder / "nginx.conf"
        config.write_text(
            NGINX.format(port=port, servers=lines, folder=folder, module=NGINX_STREAM)
        )
        command = ["nginx", "-e", folder / "error.log", "-p", folder, "-c", config]
        return _come_up(command, folder, port, processes=2)  # a master and its worker


class Ringway:
    def __init__(self, program: Path, name: str = "ringway", engine: str | None = None) -> None:
        self.name, self.program, self.engine = name, program, engine
        version = machine.version_of([program, "--version"], r"ringway (\S+)")
        self.version = f"{name.capitalize()} {version}" if engine is None else ""

    def run(self, servers: list[int], folder: Path) -> Running:
        engine = f"engine: {self.engine}\n" if self.engine else ""
        return run_ringway(self.program, RINGWAY + engine, servers, folder)


def run_ringway(program: Path, template: str, servers: list[int], folder: Path) -> Running:
    port = machine.free_port()
    lines = _server_lines('      - {{id: server-{i}, address: "127.0.0.1:{port}"}}', servers)
    config = folder / "ringway.yaml"
    config.write_text(template.format(port=port, servers=lines))
    return _come_up([program, "--config", config], folder, port)
