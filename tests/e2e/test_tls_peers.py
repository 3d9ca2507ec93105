"""TLS that ends at the proxy, with real programs, many connections and hostile clients."""

import socket
import subprocess

import pytest

from support.clients import dial, read_to_end
from support.programs import RealNginx, RealRedis, find, run
from support.tls_clients import SITE, TlsClient, tls_proxy
from support.waiting import BIN_DIR, DEADLINE


def test_curl_and_redis_speak_through_it(bench, authority):
    redis = bench.start(RealRedis(bench.folder, "redis"))
    proxy = tls_proxy(bench, authority, [redis], key="source_ip")
    host, port = proxy.address()
    words = [find("redis-cli"), "-h", host, "-p", port, "--tls", "--cacert", authority.ca,
             "--sni", SITE]  # fmt: skip
    assert run(*words, "set", "x", "y" * 100_000).stdout == "OK\n"
    assert run(*words, "strlen", "x").stdout == "100000\n"
    nginx = bench.start(RealNginx(bench.folder, "nginx"))
    proxy = tls_proxy(bench, authority, [nginx], key={"from": "header", "name": "Host"})
    host, port = proxy.address()
    answer = run(
        find("curl"), "-sS", "--cacert", authority.ca, "--connect-to",
        f"{SITE}:443:{host}:{port}", f"https://{SITE}/name", "--max-time", str(DEADLINE),
    )  # fmt: skip
    assert answer.stdout == "nginx\n"
    proxy.wait_access(key=SITE, end="done")


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (("echo", "--bytes", "64"), ("round-trip", "--connections", "64", "--bytes", "64")),
        (("echo", "--bytes", "16384"), ("round-trip", "--connections", "32", "--bytes", "16384")),
        (("sink",), ("bulk-up", "--connections", "8")),
        (("source",), ("bulk-down", "--connections", "8")),
        (("answer", "--request", "64", "--bytes", "64"),
         ("connect", "--connections", "16", "--request", "64", "--tls-resume")),
        (("echo",), ("connect", "--connections", "16", "--bytes", "0")),
    ],
)  # fmt: skip
def test_a_load_of_many_connections_loses_nothing(bench, authority, engine, serve, words):
    server = subprocess.Popen(
        [BIN_DIR / "loadgen", "serve", "--listen", "127.0.0.1:0", "--mode", *serve],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        servers = [{"id": "a", "address": f"127.0.0.1:{port}"}]
        proxy = tls_proxy(bench, authority, servers, key="source_ip", engine=engine)
        host, port = proxy.address()
        done = run(
            BIN_DIR / "loadgen", "run", "--connect", f"{host}:{port}", "--seconds", "1",
            "--timeout", "60", "--tls", SITE, "--mode", *words, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def test_hostile_clients_cost_little(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    context = authority.client_context()
    before = proxy.resident_bytes()
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x00\xff\xff" + b"\0" * 16380
    warning = b"\x15\x03\x03\x00\x02\x01\x5a"
    floods = (b"\x16\x03\x01\x00\x00" * 5000, warning * 10_000, record * 40, b"\x16\x03\x01\xff\xff")
    for flood in floods:
        for _ in range(5):
            with dial(proxy.address()) as sock:
                try:
                    sock.sendall(flood)
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                read_to_end(sock)
    with TlsClient(proxy.address(), context).handshake() as client:
        assert client.read().startswith(b"a\n")
        for byte in b"one byte in each record":
            client.send(bytes([byte]))
        assert client.exactly(23) == b"one byte in each record"
    assert proxy.resident_bytes() < before + (16 << 20)
    assert proxy.listener_status()["ends"].get("tls_malformed", 0) > 0


def test_no_weak_protocol_is_offered(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    host, port = proxy.address()
    report = run(
        find("sslscan"), "--no-colour", f"--sni-name={SITE}", f"{host}:{port}", deadline=DEADLINE * 10,
    ).stdout  # fmt: skip
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert f"{version}     disabled" in report or f"{version}   disabled" in report, report
    assert "TLSv1.2   enabled" in report and "TLSv1.3   enabled" in report, report
    assert "Session renegotiation not supported" in report
    assert report.count("not vulnerable to heartbleed") == 2, report
    accepted = [line for line in report.splitlines() if line.startswith(("Accepted", "Preferred"))]
    assert accepted and all("GCM" in line or "POLY1305" in line for line in accepted), accepted


def test_gnutls_agrees(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    host, port = proxy.address()
    for version in ("VERS-TLS1.2", "VERS-TLS1.3"):
        client = subprocess.run(
            [find("gnutls-cli"), "--x509cafile", authority.ca, "--sni-hostname", SITE,
             "--verify-hostname", SITE, "--priority", f"NORMAL:-VERS-ALL:+{version}",
             "-p", str(port), host],
            input=b"hello\n", capture_output=True, timeout=DEADLINE,
        )  # fmt: skip
        assert b"Handshake was completed" in client.stdout, client.stderr
        assert b"hello" in client.stdout
