"""TLS from the proxy to real servers, and through it to one that speaks its own protocol first."""

import os
import socket

import pytest

from support.clients import EOF, dial, read_line, read_to_end
from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.mqtt import CHECK, publish, subscribe
from support.ports import free_port
from support.programs import find, run
from support.tls_programs import (
    GnutlsEcho,
    HttpsHaproxy,
    HttpsNginx,
    OpensslReverser,
    RealMosquitto,
    RealPostgres,
)
from support.waiting import DEADLINE, wait_until


@pytest.fixture
def own(authority) -> dict:
    """The entries of a pool that shows the certificate `ringway` and trusts the authority."""
    return {"ca": str(authority.ca), "certificate": authority.issue("ringway")}


def get(proxy, path: str, *options: str) -> str:
    host, port = proxy.address()
    words = ("-sS", "--fail", "--noproxy", "*", "--max-time", str(DEADLINE), *options)
    return run(find("curl"), *words, f"http://{host}:{port}{path}").stdout


def wait_checked(proxy, id: str, status: str):
    wait_until(lambda: proxy.server(id)["last_check"], "the first check")
    proxy.wait_server(id, status)


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_nginx_is_checked_and_asked_in_tls(bench, authority, version):
    names = ("red", "blue")
    webs = [HttpsNginx(bench.folder, name, authority.issue(name), version) for name in names]
    for web in webs:
        bench.start(web)
        (web.folder / "www" / "healthz").write_text("well")
    health = {**ANSWERED_CHECKS, "initial": "down", "http": {"path": "/healthz"}}
    # To a client that says close_notify first, nginx says none.
    tls = {"ca": str(authority.ca), "name": {"from": "id"}, "truncation": "allow"}
    entry = listener(free_port(), {"from": "header", "name": "X-User"})
    pool = pool_of(webs, tls=tls, health=health)
    # Each worker keeps sessions of its own.
    proxy = bench.ringway({"workers": 1, "listeners": [entry], "pools": {"main": pool}})
    for name in names:
        proxy.wait_server(name, "online")
    of_red = next(user for user in map(str, range(1000)) if proxy.owner(user) == "red")
    assert get(proxy, "/name", "-H", f"X-User: {of_red}") == "red\n"
    # Its sessions are resumed (r), and both directions end well.
    for expected in (f"{version} red r\n",) * 2:
        assert get(proxy, "/tls", "-H", f"X-User: {of_red}") == expected
    wait_until(lambda: len(proxy.access_log()) == 3, "the log")
    assert {line.end for line in proxy.access_log()} == {"done"}
    (webs[0].folder / "www" / "healthz").unlink()
    proxy.wait_server("red", "offline")
    assert "404" in proxy.server("red")["detail"]
    assert get(proxy, "/name", "-H", f"X-User: {of_red}") == "blue\n"


def test_nginx_keeps_uploads_and_downloads_whole(bench, authority):
    web = bench.start(HttpsNginx(bench.folder, "web", authority.issue("web")))
    proxy = bench.simple(
        [web], key="source_ip", tls={"ca": str(authority.ca), "name": "web"}
    )
    data = os.urandom(5_000_000)
    sent, got = bench.folder / "sent", bench.folder / "got"
    sent.write_bytes(data)
    get(proxy, "/copy", "--upload-file", str(sent))
    assert (web.folder / "www" / "copy").read_bytes() == data
    get(proxy, "/copy", "--output", str(got))
    assert got.read_bytes() == data


@pytest.mark.parametrize("version", ["tls1_2", "tls1_3"])
def test_openssl_answers_and_both_directions_end(bench, authority, own, version):
    files = authority.issue("reverser")
    server = bench.start(OpensslReverser(bench.folder, "openssl", files, authority.ca, version))
    proxy = bench.simple([server], key="source_ip", tls={**own, "name": "reverser"})
    for number in range(3):  # one after the other, the later ones in a resumed session
        with dial(proxy.address()) as sock:
            for line in (b"abcdef", b"x" * 4000 + b"y"):
                sock.sendall(line + b"\n")
                assert read_line(sock) == line[::-1]
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == (b"", EOF)
            me = sock.getsockname()
        assert proxy.wait_access(client=me).end == "done", number
    with dial(proxy.address()) as sock:
        sock.sendall(b"CLOSE\n")  # it says close_notify first
        assert read_to_end(sock) == (b"", EOF)
    assert "CN = ringway" in server.process.log()


@pytest.mark.parametrize("version", ["TLS1.2", "TLS1.3"])
def test_gnutls_answers_and_both_directions_end(bench, authority, own, version):
    files = authority.issue("echo.example")
    server = bench.start(GnutlsEcho(bench.folder, "gnutls", files, authority.ca, version))
    proxy = bench.simple([server], key="source_ip", tls={**own, "name": "echo.example"})
    for number in range(3):
        with dial(proxy.address()) as sock:
            for line in (b"abcdef", b"x" * 4000):
                sock.sendall(line + b"\n")
                assert read_line(sock) == line
            sock.shutdown(socket.SHUT_WR)
            assert read_to_end(sock) == (b"", EOF)
            me = sock.getsockname()
        assert proxy.wait_access(client=me).end == "done", number


def test_haproxy_gets_the_clients_address_before_tls(bench, authority, own):
    files = authority.issue("web.example")
    server = bench.start(HttpsHaproxy(bench.folder, "haproxy", files, authority.ca))
    tls = {**own, "name": "web.example"}
    health = {**ANSWERED_CHECKS, "initial": "down", "http": {}}
    header = {"send": "v2"}
    proxy = bench.simple(
        [server], key="source_ip", tls=tls, proxy_protocol=header, health=health
    )
    wait_checked(proxy, "haproxy", "online")
    told = get(proxy, "/", "--interface", "127.0.0.77")
    assert told == "127.0.0.77 web.example TLSv1.3 ringway\n"
    proxy.wait_access(key="127.0.0.77", end="done")


def test_a_broker_that_wants_a_certificate_serves_plain_clients(bench, authority, own):
    files = authority.issue("broker.example")
    broker = RealMosquitto(
        bench.folder, "broker", f"cafile {authority.ca}", f"certfile {files['chain']}",
        f"keyfile {files['key']}", "require_certificate true", "use_identity_as_username true",
    )  # fmt: skip
    bench.start(broker)
    health = {**ANSWERED_CHECKS, "initial": "down", **CHECK}
    tls = {**own, "name": "broker.example"}
    proxy = bench.simple([broker], key="source_ip", tls=tls, health=health)
    wait_checked(proxy, "broker", "online")
    message = "x" * 100_000
    publish(proxy.address(), "topic", message)
    assert subscribe(proxy.address(), "topic") == message
    assert "u'ringway'" in broker.process.log()
    # The same without the certificate.
    tls = {"ca": own["ca"], "name": "broker.example"}
    proxy = bench.simple([broker], key="source_ip", tls=tls, health=health)
    wait_checked(proxy, "broker", "offline")
    assert "certificate required" in proxy.server("broker")["detail"]


def test_postgres_that_is_passed_through_is_verified_by_its_client(bench, authority):
    server = RealPostgres(bench.folder, "postgres", authority.issue("db.example"))
    bench.start(server)
    proxy = bench.simple([server], key="source_ip")
    host, port = proxy.address()
    query = "select version from pg_stat_ssl where pid = pg_backend_pid() and ssl"

    def psql(name: str, check=True):
        # With channel_binding the password proves that nobody ends TLS in between.
        options = (
            f"host={name} hostaddr={host} port={port} user=postgres dbname=postgres "
            f"sslmode=verify-full sslrootcert={authority.ca} channel_binding=require"
        )
        environ = {**os.environ, "PGPASSWORD": server.PASSWORD}
        words = ("--no-psqlrc", "--tuples-only", "--no-align", options, "--command", query)
        return run(find("psql"), *words, env=environ, check=check)

    assert psql("db.example").stdout == "TLSv1.3\n"
    assert proxy.wait_access(key="127.0.0.1").server == "postgres"
    refused = psql("other.example", check=False)
    assert refused.returncode != 0 and "does not match host name" in refused.stdout
