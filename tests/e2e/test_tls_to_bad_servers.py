"""Servers whose TLS is not as it should be: passed over, found by checks, never a clean end."""

import socket
import ssl
import threading

import pytest

from support.authority import Authority
from support.backends import Backend
from support.clients import EOF, RESET, dial, read_to_end, reset
from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.ports import free_port
from support.tls_clients import SITE, TlsClient
from support.tls_servers import (
    VERSIONS,
    exchange,
    proxy_to,
    serve_tls,
    server_context,
    tls_backends,
)
from support.waiting import DEADLINE, wait_until


def test_the_name_can_be_the_one_that_the_client_asked_for(bench, authority, trust):
    entry = {"certificates": [authority.issue(SITE), authority.issue("other.example")]}
    files = authority.issue("server", f"DNS:{SITE}", "IP:127.0.0.1")
    backend = bench.backend("a", serve_tls(server_context(files)))
    proxy = proxy_to(
        bench, [backend], {**trust, "name": {"from": "sni"}}, listen={"tls": entry},
        passive={"failures": 1},
    )  # fmt: skip
    context = authority.client_context()
    with TlsClient(proxy.address(), context).handshake() as client:
        assert client.exactly(2) == b"a\n"
    assert backend.peers[0].asked_for == SITE
    # Whoever asks for a name that the server does not have harms only himself.
    with TlsClient(proxy.address(), context, name="other.example").handshake() as client:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            client.read_to_end()
    line = proxy.wait_access(end="connect_failed")
    assert line.tls_error == "server a: hostname mismatch"
    assert proxy.server("a")["status"] == "online"
    context.check_hostname = False
    with TlsClient(proxy.address(), context, name=None).handshake() as client:
        assert client.exactly(2) == b"a\n"


@pytest.mark.parametrize(
    ("issued", "words"),
    [
        ({"alternatives": ["IP:127.0.0.2"]}, "IP address mismatch"),
        ({"alternatives": ["DNS:localhost"]}, "IP address mismatch"),
        ({"stranger": True}, "unable to get local issuer certificate"),
    ],
)
def test_the_next_server_takes_what_one_with_a_bad_certificate_cannot(
    bench, authority, trust, issued, words
):
    by = Authority(bench.folder / "stranger") if issued.get("stranger") else authority
    files = by.issue("bad", *issued.get("alternatives", ["IP:127.0.0.1"]))
    bad = bench.backend("bad", serve_tls(server_context(files)))
    good = tls_backends(bench, authority, "good")
    proxy = proxy_to(bench, [bad, *good], trust, key="first_line", passive={"failures": 3})
    keys = (b"key-%d" % number for number in range(1000))
    of_bad = [next(key for key in keys if proxy.owner(key) == "bad") for _ in range(3)]
    for key in of_bad:
        assert exchange(proxy, key) == ("good", key + b"\n")
        line = proxy.wait_access(key=key.decode())
        assert (line.server, line.attempts) == ("good", 2)
        assert line.tls_error == f"server bad: {words}"
    failures = "ringway_server_connect_failures_total"
    assert proxy.web.metrics().value(failures, pool="main", server="bad", reason="tls") == 3
    wait_until(lambda: proxy.server("bad")["status"] == "offline", "the failures to count")


def test_a_server_that_refuses_the_certificate_has_failed(bench, authority, trust):
    backends = tls_backends(bench, authority, "a", clients_ca=authority.ca)
    proxy = proxy_to(bench, backends, trust, passive={"failures": 2})
    # In TLS 1.3 this side is done before the server has seen that there is none.
    for _ in range(2):
        with dial(proxy.address()) as sock:
            assert read_to_end(sock)[1] == RESET
    line = proxy.wait_access(end="server_tls")
    assert line.tls_error == "alert: certificate required"
    wait_until(lambda: proxy.server("a")["status"] == "offline", "the failures to count")


def test_a_session_that_a_server_does_not_take_is_forgotten(bench, authority, trust):
    """It answers a first handshake well, and resets whoever wants to resume."""

    def serve(peer, backend):
        hello = peer.sock.recv(1 << 16, socket.MSG_PEEK)
        if backend.answered and b"\x00\x29" in hello:  # pre_shared_key (RFC 8446, 4.2.11)
            backend.refused += 1
            return reset(peer.sock)
        backend.answered += 1
        serve_tls(context)(peer, backend)

    context = server_context(authority.issue("a", "IP:127.0.0.1"))
    backend = bench.backend("a", serve)
    backend.answered = backend.refused = 0
    proxy = proxy_to(bench, [backend], trust)
    served = 0
    for _ in range(6):
        with dial(proxy.address()) as sock:
            try:
                served += sock.recv(2) == b"a\n"
            except ConnectionResetError:
                continue
    assert (served, backend.refused) == (3, 3)
    assert proxy.wait_access(end="connect_failed").tls_error


def test_a_server_that_is_cut_off_has_no_clean_end(bench, authority, trust, engine):
    def serve(peer, _backend):
        peer.sock.sendall(b"half of it")
        peer.wait_acknowledged()
        peer.sock.shutdown(socket.SHUT_RDWR)  # of the network, without close_notify

    (backend,) = tls_backends(bench, authority, "a", serve=serve)
    proxy = proxy_to(bench, [backend], trust, engine=engine)
    with dial(proxy.address()) as sock:
        assert read_to_end(sock) == (b"half of it", RESET)
    proxy.wait_access(end="server_tls_truncated")
    proxy = proxy_to(bench, [backend], {**trust, "truncation": "allow"}, engine=engine)
    with dial(proxy.address()) as sock:
        assert read_to_end(sock) == (b"half of it", EOF)


def test_an_end_that_comes_without_a_byte_in_clear_is_seen(bench, authority, trust, engine):
    """Tickets and the network's end in one segment."""

    def serve(peer, _backend):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                peer.sock.sendall(outgoing.read())
                incoming.write(peer.sock.recv(1 << 16))
        peer.sock.send(outgoing.read(), socket.MSG_MORE)
        peer.sock.shutdown(socket.SHUT_WR)
        peer.receive_to_end()

    context = server_context(authority.issue("a", "IP:127.0.0.1"), version=VERSIONS[1])
    proxy = proxy_to(bench, [bench.backend("a", serve)], trust, engine=engine)
    with dial(proxy.address()) as sock:
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(end="server_tls_truncated")


def test_half_a_record_before_the_end_is_a_cut(bench, authority, engine):
    entry = {"certificates": [authority.issue(SITE)]}
    proxy = bench.ringway(
        {
            "engine": engine,
            "listeners": [listener(free_port(), tls=entry)],
            "pools": {"main": pool_of([bench.backend("a")])},
        }
    )
    for first in (b"", b"key\n"):
        with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
            if first:
                client.send(first)
                client.exactly(len(first) + 2)
            client.tls.write(b"half of it\n")
            record = client.outgoing.read()
            client.sock.send(record[: len(record) // 2], socket.MSG_MORE)
            client.sock.shutdown(socket.SHUT_WR)
            line = proxy.wait_access(client=client.sock.getsockname())
            assert line.end == "tls_truncated"


@pytest.mark.parametrize("way", ["removed", "offline"])
def test_a_server_that_leaves_within_its_handshake_gets_no_connection(
    bench, authority, trust, way
):
    go_on = threading.Event()

    def serve(peer, backend):
        assert go_on.wait(DEADLINE)
        serve_tls(context)(peer, backend)

    context = server_context(authority.issue("slow", "IP:127.0.0.1"))
    slow = bench.backend("slow", serve)
    good = tls_backends(bench, authority, "good")
    proxy = proxy_to(
        bench, [slow, *good], trust, key="first_line",
        connect={"timeout": "20s", "attempts": 1}, on_removed="reset", on_down="reset",
    )  # fmt: skip
    key = next(b"key-%d" % n for n in range(1000) if proxy.owner(b"key-%d" % n) == "slow")
    with dial(proxy.address()) as sock:
        sock.sendall(key + b"\n")
        wait_until(lambda: slow.peers, "the dial")
        proxy.admin("unregister main slow" if way == "removed" else "offline main slow")
        assert sock.recv(5) == b"good\n"
        go_on.set()
    line = proxy.wait_access(key=key.decode())
    assert (line.server, line.attempts) == ("good", 2)


def test_a_server_that_is_silent_within_the_handshake_has_the_time_of_the_connect(
    bench, authority, trust
):
    def silent(peer, _backend):
        peer.receive_to_end()

    mute = bench.backend("mute", silent)
    plain = bench.backend("plain")  # speaks first, and no TLS
    good = tls_backends(bench, authority, "good")
    proxy = proxy_to(
        bench, [mute, plain, *good], trust, key="first_line", connect={"timeout": "300ms"}
    )
    for number in range(12):
        key = b"key-%d" % number
        assert exchange(proxy, key) == ("good", key + b"\n")
    failures = "ringway_server_connect_failures_total"
    metrics = proxy.web.metrics()
    assert metrics.value(failures, pool="main", server="mute", reason="timeout") > 0
    assert metrics.value(failures, pool="main", server="plain", reason="tls") > 0


def test_checks_speak_tls_and_say_what_is_wrong_with_it(bench, authority, trust):
    good = tls_backends(bench, authority, "good")
    files = authority.issue("bad", "IP:127.0.0.9")
    bad = bench.backend("bad", serve_tls(server_context(files)))
    plain = bench.backend("plain")
    proxy = proxy_to(bench, [*good, bad, plain], trust, health=ANSWERED_CHECKS)
    reasons = {"bad": "TLS: IP address mismatch", "plain": "TLS: the first byte is of another"}
    for id, reason in reasons.items():
        wait_until(lambda: reason in proxy.server(id)["detail"], f"the check of {id}")
        assert proxy.server(id)["status"] == "offline"
    assert proxy.server("good")["status"] == "online"
    assert not any(peer.resumed for peer in good[0].peers)


def test_a_reload_takes_up_other_authorities_and_connections_go_on(bench, authority, trust):
    stranger = Authority(bench.folder / "stranger")
    files = stranger.issue("a", "IP:127.0.0.1")
    backend = Backend("a", serve_tls(server_context(files)))
    bench.start(backend)
    trusted = bench.folder / "trusted.pem"
    trusted.write_text(stranger.ca.read_text())
    proxy = proxy_to(bench, [backend], {"ca": str(trusted)})
    with dial(proxy.address()) as sock:
        assert sock.recv(2) == b"a\n"
        trusted.write_text(authority.ca.read_text())
        proxy.reload_well()
        with dial(proxy.address()) as other:
            assert read_to_end(other) == (b"", RESET)
        assert proxy.wait_access(end="connect_failed").tls_error.startswith("server a: unable")
        sock.sendall(b"still here")
        assert sock.recv(10) == b"still here"
