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
# All end TLS alike: TLS 1.3, one cipher suite, a P-256 certificate, sessions in tickets.
HAPROXY = """
global
    nbthread 1
    maxconn 6000
    ssl-default-bind-ciphersuites TLS_AES_128_GCM_SHA256
    ssl-default-bind-options ssl-min-ver TLSv1.3
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
{tls}
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
{tls}
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
{tls}
pools:
  servers:
    connect: {{timeout: 1s}}
    health: {{interval: 2s}}
    servers:
{servers}
log: {{access: true}}
"""


HAPROXY_TLS = "    bind 127.0.0.1:{port} ssl crt {folder}/both.pem"
NGINX_TLS = """
        listen 127.0.0.1:{port} ssl reuseport;
        ssl_certificate {folder}/site.pem;
        ssl_certificate_key {folder}/site.key;
        ssl_protocols TLSv1.3;
        ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
"""
RINGWAY_TLS = """
  - name: tls-clients
    bind: 127.0.0.1:{port}
    pool: servers
    key: source_ip
    timeouts: {{idle: 10m}}
    tls:
      certificates: [{{chain: {folder}/site.pem, key: {folder}/site.key}}]
      min_version: "1.3"
      ciphersuites: TLS_AES_128_GCM_SHA256
"""


@dataclass
class Running:
    """One contender at work."""

    port: int  # where clients connect
    tls_port: int = 0  # and those that speak TLS; 0 if none may
    process: subprocess.Popen | None = None
    pids: tuple[int, ...] = ()  # all of its processes

    def stop(self) -> None:
        if self.process:
            machine.stop(self.process)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _come_up(
    command: list, folder: Path, port: int, processes: int = 1, tls_port: int = 0
) -> Running:
    """Waits until `port` is open and all `processes` of the program are there."""
    with (folder / "stderr").open("w") as log:
        process = machine.start(command, machine.PROXY_CPU, stdout=log, stderr=log)
    running = Running(port, tls_port, process)

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


def _tls_lines(template: str, folder: Path, with_tls: bool) -> tuple[str, int]:
    """The lines of a listener that ends TLS, with its files, and its port."""
    if not with_tls:
        return "", 0
    chain, key = folder / "site.pem", folder / "site.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=site.example", "-keyout", key, "-out", chain],
        check=True, capture_output=True,
    )  # fmt: skip
    (folder / "both.pem").write_text(chain.read_text() + key.read_text())
    port = machine.free_port()
    return template.format(port=port, folder=folder), port


class Direct:
    """No proxy: what the load and the machine can do."""

    name = "direct"
    version = ""

    def run(self, servers: list[int], folder: Path, with_tls: bool = False) -> Running:
        del folder, with_tls
        return Running(servers[0])


class HAProxy:
    name = "haproxy"

    def __init__(self) -> None:
        self.version = "HAProxy " + machine.version_of(["haproxy", "-v"], r"version (\S+)")

    def run(self, servers: list[int], folder: Path, with_tls: bool = False) -> Running:
        port = machine.free_port()
        tls, tls_port = _tls_lines(HAPROXY_TLS, folder, with_tls)
        lines = _server_lines("    server server-{i} 127.0.0.1:{port} check inter 2s", servers)
        config = folder / "haproxy.cfg"
        config.write_text(HAPROXY.format(port=port, tls=tls, servers=lines))
        return _come_up(["haproxy", "-db", "-f", config], folder, port, tls_port=tls_port)


class Nginx:
    name = "nginx"

    def __init__(self) -> None:
        self.version = "nginx " + machine.version_of(["nginx", "-v"], r"nginx/(\S+)")

    def run(self, servers: list[int], folder: Path, with_tls: bool = False) -> Running:
        port = machine.free_port()
        tls, tls_port = _tls_lines(NGINX_TLS, folder, with_tls)
        lines = _server_lines("        server 127.0.0.1:{port};", servers)
        config = folder / "nginx.conf"
        config.write_text(
            NGINX.format(port=port, tls=tls, servers=lines, folder=folder, module=NGINX_STREAM)
        )
        command = ["nginx", "-e", folder / "error.log", "-p", folder, "-c", config]
        # A master and its worker.
        return _come_up(command, folder, port, processes=2, tls_port=tls_port)


class Ringway:
    def __init__(self, program: Path, name: str = "ringway", engine: str | None = None) -> None:
        self.name, self.program, self.engine = name, program, engine
        version = machine.version_of([program, "--version"], r"ringway (\S+)")
        self.version = f"{name.capitalize()} {version}" if engine is None else ""

    def run(self, servers: list[int], folder: Path, with_tls: bool = False) -> Running:
        engine = f"engine: {self.engine}\n" if self.engine else ""
        return run_ringway(self.program, RINGWAY + engine, servers, folder, with_tls)


def run_ringway(
    program: Path, template: str, servers: list[int], folder: Path, with_tls: bool = False
) -> Running:
    port = machine.free_port()
    tls, tls_port = _tls_lines(RINGWAY_TLS, folder, with_tls)
    lines = _server_lines('      - {{id: server-{i}, address: "127.0.0.1:{port}"}}', servers)
    config = folder / "ringway.yaml"
    config.write_text(template.format(port=port, tls=tls, servers=lines))
    return _come_up([program, "--config", config], folder, port, tls_port=tls_port)
