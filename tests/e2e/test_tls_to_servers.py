"""TLS from the proxy to servers: whom it trusts, what it shows, what it resumes, how streams end."""

import contextlib
import socket
import ssl
import threading

import pytest

from support.authority import Authority
from support.clients import EOF, RESET, dial, read_to_end
from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.ports import free_port
from support.tls_clients import SITE, TlsClient, echo_megabytes
from support.tls_servers import (
    VERSIONS,
    exchange,
    proxy_to,
    serve_tls,
    server_context,
    tls_backends,
)
from support.waiting import wait_until


@pytest.mark.parametrize("version", VERSIONS)
def test_each_key_reaches_its_server_in_tls(bench, authority, trust, engine, version):
    backends = tls_backends(bench, authority, "a", "b", "c", version=version)
    proxy = proxy_to(bench, backends, trust, key="first_line", engine=engine)
    for number in range(8):
        key = b"user-%d" % number
        assert exchange(proxy, key) == (proxy.owner(key), key + b"\n")
        assert proxy.wait_access(key=key.decode()).end == "done"


def test_megabytes_go_both_ways_within_tls_on_both_sides(bench, authority, trust, engine):
    entry = {"certificates": [authority.issue(SITE)]}
    backends = tls_backends(bench, authority, "a")
    proxy = proxy_to(bench, backends, trust, listen={"tls": entry}, engine=engine)
    size = echo_megabytes(proxy.address(), authority.client_context())
    assert proxy.wait_access(end="done").up == size


@pytest.mark.parametrize(
    ("name", "asked_for"),
    [(None, None), ("db.example", "db.example"), ({"from": "id"}, "a"), ({"from": "address"}, None)],
)
def test_the_name_that_is_verified_is_asked_for(bench, authority, trust, name, asked_for):
    files = authority.issue("any", "IP:127.0.0.1" if asked_for is None else f"DNS:{asked_for}")
    backend = bench.backend("a", serve_tls(server_context(files)))
    proxy = proxy_to(bench, [backend], {**trust, **({"name": name} if name else {})})
    assert exchange(proxy, b"key") == ("a", b"key\n")
    assert backend.peers[0].asked_for == asked_for


def test_unverified_servers_must_be_written_out_and_are_warned_of(bench, authority):
    stranger = Authority(bench.folder / "stranger")
    backend = bench.backend("a", serve_tls(server_context(stranger.issue("x"))))
    proxy = proxy_to(bench, [backend], {"verify": "none"})
    assert exchange(proxy, b"key")[0] == "a"
    assert "pools.main.tls.verify: servers are not verified" in proxy.log()


@pytest.mark.parametrize("version", VERSIONS)
def test_servers_that_ask_get_a_certificate(bench, authority, trust, version):
    own = authority.issue("ringway", "DNS:ringway.example")
    backends = tls_backends(bench, authority, "a", clients_ca=authority.ca, version=version)
    proxy = proxy_to(bench, backends, {**trust, "certificate": own})
    assert exchange(proxy, b"key") == ("a", b"key\n")
    ((field,),) = backends[0].peers[0].certificate["subject"]
    assert field == ("commonName", "ringway")
    (shown,) = proxy.admin("certificates")["certificates"]
    assert (shown["listener"], shown["pool"]) == (None, "main")
    assert shown["names"] == ["ringway.example"]
    labels = {"pool": "main", "name": "ringway.example", "file": own["chain"]}
    expiry = "ringway_certificate_expiry_timestamp_seconds", frozenset(labels.items())
    assert proxy.web.metrics()[expiry] > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_sessions_are_resumed_until_a_reload(bench, authority, trust, version):
    backends = tls_backends(bench, authority, "a", "b", version=version)
    proxy = proxy_to(bench, backends, trust, key="first_line")
    keys = [b"key-%d" % number for number in range(100)]

    def connect(backend):
        exchange(proxy, next(key for key in keys if proxy.owner(key) == backend.name))
        return backend.peers[-1].resumed

    for backend in backends:
        assert [connect(backend) for _ in range(3)] == [False, True, True]
    handshakes = "ringway_pool_tls_handshakes_total"
    assert proxy.web.metrics().value(handshakes, pool="main", resumed="yes") == 4
    proxy.reload_well()
    assert [connect(backends[0]) for _ in range(2)] == [False, True]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_resumed_only_for_what_was_verified(bench, authority, trust, version):
    entry = {"certificates": [authority.issue(SITE)]}
    context = server_context(authority.issue("a", f"DNS:{SITE}"), version=version, names=False)
    backend = bench.backend("a", serve_tls(context))
    proxy = proxy_to(
        bench, [backend], {**trust, "name": {"from": "sni"}}, listen={"tls": entry}
    )
    context = authority.client_context()
    context.check_hostname = False

    def connect(name) -> bool:
        with TlsClient(proxy.address(), context, name=name).handshake() as client:
            try:
                return client.exactly(2) == b"a\n"
            except (ssl.SSLError, ConnectionResetError):
                return False

    assert not connect(None)  # the certificate is not for the address
    assert connect(SITE)
    assert not connect(None)
    assert connect(SITE) and connect(SITE)
    assert [peer.resumed for peer in backend.peers if hasattr(peer, "resumed")][-1]


def test_sessions_need_not_be_resumed(bench, authority, trust):
    (backend,) = tls_backends(bench, authority, "a")
    proxy = proxy_to(bench, [backend], {**trust, "session_reuse": False})
    for _ in range(3):
        exchange(proxy, b"key")
    assert [peer.resumed for peer in backend.peers] == [False] * 3


def test_the_end_of_each_direction_is_said_in_tls(bench, authority, trust, engine):
    def serve(peer, _backend):
        peer.receive_to_end()
        peer.sock.sendall(b"answer to %d bytes" % len(peer.received))

    (backend,) = tls_backends(bench, authority, "a", serve=serve)
    proxy = proxy_to(bench, [backend], trust, engine=engine)
    with dial(proxy.address()) as sock:
        sock.sendall(b"x" * 1000)
        sock.shutdown(socket.SHUT_WR)
        assert read_to_end(sock) == (b"answer to 1000 bytes", EOF)
    assert backend.peers[0].ending == EOF
    proxy.wait_access(end="done")


def test_servers_on_unix_sockets_speak_tls(bench, authority, trust):
    context = server_context(authority.issue("any"))
    path = bench.folder / "tls.sock"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(path))
    listening.listen()

    def serve():
        while True:
            try:
                sock, _ = listening.accept()
            except OSError:
                return
            with context.wrap_socket(sock, server_side=True) as tls:
                tls.recv(100)
                tls.sendall(b"answer")
                tls.settimeout(0)  # close_notify, and gone
                with contextlib.suppress(OSError):
                    tls.unwrap()

    threading.Thread(target=serve, daemon=True).start()
    proxy = proxy_to(bench, [{"id": "a", "address": f"unix:{path}"}], trust)
    for _ in range(30):
        with dial(proxy.address()) as sock:
            sock.sendall(b"x")
            assert sock.recv(100) == b"answer"
    wait_until(lambda: len(proxy.access_log()) == 30, "all to end")
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    assert {line.end for line in proxy.access_log()} == {"done"}


def test_the_proxy_header_goes_before_tls(bench, authority, trust):
    port = free_port()
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        header = b"PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n" % (sock.getsockname()[1], port)
        (backend,) = tls_backends(bench, authority, "a", header=len(header))
        pool = pool_of([backend], tls=trust, proxy_protocol={"send": "v1"})
        proxy = bench.ringway(
            {"listeners": [listener(port, "source_ip")], "pools": {"main": pool}}
        )
        sock.connect(proxy.address())
        assert sock.recv(2) == b"a\n"
        assert bytes(backend.peers[0].header) == header


def test_checks_have_an_exchange_within_tls(bench, authority, trust):
    def ping(answer):
        def serve(peer, _backend):
            if peer.receive_line() == b"PING":
                peer.sock.sendall(answer)
                peer.receive_to_end()

        return serve

    (good,) = tls_backends(bench, authority, "good", serve=ping(b"+PONG\r\n"))
    (bad,) = tls_backends(bench, authority, "bad", serve=ping(b"-LOADING\r\n"))
    health = {**ANSWERED_CHECKS, "send": "PING\\n", "expect": "+PONG"}
    proxy = proxy_to(bench, [good, bad], trust, health=health)
    wait_until(lambda: proxy.server("bad")["status"] == "offline", "the check of bad")
    wait_until(lambda: proxy.server("good")["last_check"], "the check of good")
    assert proxy.server("good")["status"] == "online"
    assert all(peer.ending != RESET for peer in good.peers)


def test_checks_need_not_do_as_traffic_does(bench, authority, trust):
    backends = tls_backends(bench, authority, "a")
    own = {**trust, "name": "other.example"}
    proxy = proxy_to(bench, backends, trust, health={**ANSWERED_CHECKS, "tls": own})
    wait_until(lambda: "hostname mismatch" in proxy.server("a")["detail"], "the check's own name")
    plain = bench.backend("a")
    health = {**ANSWERED_CHECKS, "expect": "a"}
    proxy = proxy_to(bench, [plain], trust, health={**health, "tls": "off"})
    wait_until(lambda: proxy.server("a")["last_check"], "the check in clear")
    assert proxy.server("a")["status"] == "online"
    within = bench.ringway(
        {
            "listeners": [listener(free_port(), "source_ip")],
            "pools": {"main": pool_of(backends, health={**health, "tls": trust})},
        }
    )
    wait_until(lambda: within.server("a")["last_check"], "the check in TLS")
    assert within.server("a")["status"] == "online"
