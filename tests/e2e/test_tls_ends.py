"""TLS that ends at the proxy: certificates, keys behind it, who clients are, how streams end."""

import hashlib
import shutil
import socket
import ssl

import pytest

from support.authority import Authority
from support.clients import EOF, RESET, dial, read_to_end
from support.configuration import listener, pool_of
from support.ports import free_port
from support.programs import find, run
from support.ringway import command
from support.tls_clients import SITE, TlsClient, echo_megabytes, tls_proxy
from support.waiting import sanitizer, wait_until


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_clients_are_placed_by_a_key_in_clear(bench, authority, engine, version):
    backends = bench.backends("a", "b", "c")
    proxy = tls_proxy(bench, authority, backends, engine=engine)
    context = authority.client_context()
    context.minimum_version = context.maximum_version = version
    for number in range(8):
        key = b"user-%d" % number
        with TlsClient(proxy.address(), context).handshake() as client:
            client.send(key + b"\n")
            owner = proxy.owner(key)
            assert client.exactly(len(owner) + len(key) + 2) == owner.encode() + b"\n" + key + b"\n"
            client.say_end()
            assert client.read_to_end() == b""
        line = proxy.wait_access(key=key.decode())
        assert (line.server, line.end) == (owner, "done")
        assert line.tls == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


def test_megabytes_go_both_ways_whole(bench, authority, engine):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip", engine=engine)
    size = echo_megabytes(proxy.address(), authority.client_context())
    assert proxy.wait_access(end="done").up == size


def test_a_client_that_ends_first_gets_the_rest_of_its_answer(bench, authority, engine):
    def serve(peer, _backend):
        peer.receive_to_end()
        peer.sock.sendall(b"answer to %d bytes" % len(peer.received))

    backend = bench.backend("a", serve)
    proxy = tls_proxy(bench, authority, [backend], key="source_ip", engine=engine)
    with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
        client.send(b"x" * 1000)
        client.say_end()
        assert client.read_to_end() == b"answer to 1000 bytes"
        assert read_to_end(client.sock) == (b"", EOF)
    assert backend.peers[0].ending == EOF
    proxy.wait_access(end="done")


def test_a_stream_that_is_cut_never_ends_as_a_whole_one(bench, authority, engine):
    backend = bench.backend("a")
    proxy = tls_proxy(bench, authority, [backend], key="source_ip", engine=engine)
    with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
        client.send(b"half of it")
        wait_until(lambda: backend.peers and backend.peers[0].received, "the bytes")
        client.sock.shutdown(socket.SHUT_WR)
        wait_until(lambda: backend.peers[0].ending, "the end")
    assert backend.peers[0].ending == RESET
    proxy.wait_access(end="tls_truncated")


def test_who_must_serve_old_peers_can_take_a_cut_for_an_end(bench, authority):
    backend = bench.backend("a")
    proxy = tls_proxy(bench, authority, [backend], key="source_ip", truncation="allow")
    with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
        client.send(b"all of it")
        client.sock.shutdown(socket.SHUT_WR)
        assert client.read_to_end().endswith(b"all of it")
    wait_until(lambda: backend.peers[0].ending, "the end")
    assert backend.peers[0].ending == EOF
    proxy.wait_access(end="done")


def test_a_server_that_resets_is_no_clean_end_for_the_client(bench, authority):
    def serve(peer, _backend):
        peer.receive_line()
        peer.sock.sendall(b"begin")
        peer.wait_acknowledged()
        peer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        peer.sock.close()

    proxy = tls_proxy(bench, authority, [bench.backend("a", serve)])
    with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
        client.send(b"key\n")
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            client.read_to_end()
    proxy.wait_access(end="server_reset")


def test_clients_are_placed_by_who_they_proved_to_be(bench, authority):
    backends = bench.backends("a", "b", "c")
    ann = authority.issue("ann", "URI:spiffe://example/ann", "email:ann@example.org")
    bob = authority.issue("bob", "DNS:bob.example")
    client = {"ca": str(authority.ca)}
    proxy = tls_proxy(
        bench, authority, backends, client=client,
        key={"parts": [{"from": "client_cert", "field": "subject_cn"},
                       {"from": "client_cert", "field": "fingerprint"}]},
    )  # fmt: skip
    for name, files in (("ann", ann), ("bob", bob)):
        context = authority.client_context(files)
        with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
            der = ssl.PEM_cert_to_DER_cert(open(files["chain"]).read())
            digest = hashlib.sha256(der).hexdigest()
            key = f"3:{name},64:{digest},"
            assert tls.recv(2).decode() == proxy.owner(key) + "\n"
        proxy.wait_access(key=key)
    by_uri = {"from": "client_cert", "field": "san_uri", "on_missing": "source_ip"}
    config = proxy.config
    config["listeners"][0]["key"] = by_uri
    proxy.reload_well(config)
    for files, key in ((ann, "spiffe://example/ann"), (bob, "127.0.0.1")):
        context = authority.client_context(files)
        with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
            assert tls.recv(2).decode() == proxy.owner(key) + "\n"
        line = proxy.wait_access(key=key)
    assert line.placed_by == "source_ip:key_missing"


def s_client(proxy, *options):
    host, port = proxy.address()
    return run(
        find("openssl"), "s_client", "-connect", f"{host}:{port}", "-servername", SITE, *options,
        check=False, input="",
    )  # fmt: skip


def test_refusals_have_their_reasons(bench, authority):
    stranger = Authority(bench.folder / "strange", "stranger").issue("eve")
    proxy = tls_proxy(
        bench, authority, bench.backends("a"), key="source_ip", unknown_name="refuse",
        alpn=["mqtt"], client={"ca": str(authority.ca), "verify": "required"},
    )  # fmt: skip
    ann = authority.issue("ann")
    own = ("-cert", ann["chain"], "-key", ann["key"])
    for options, end, words in (
        (("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"), "tls_version", "unsupported protocol"),
        (("-tls1_2", "-cipher", "AES128-SHA"), "tls_no_shared_cipher", "no shared cipher"),
        (("-alpn", "h2"), "tls_no_shared_alpn", "no application protocol"),
        (("-servername", "other.example"), "tls_unknown_name", "no certificate for the name"),
        ((), "tls_no_certificate", "peer did not return a certificate"),
        (("-cert", stranger["chain"], "-key", stranger["key"]), "tls_bad_certificate",
         "unable to get local issuer certificate"),
        ((*own, "-CAfile", stranger["chain"], "-verify_return_error"), "tls_alert", "alert: unknown CA"),
    ):  # fmt: skip
        s_client(proxy, *options)
        assert proxy.wait_access(end=end).tls_error == words
    with dial(proxy.address()) as sock:
        sock.sendall(b"GET / HTTP/1.0\r\n\r\n")
        read_to_end(sock)
    proxy.wait_access(end="tls_not_tls")
    assert "Verification" in s_client(proxy, *own, "-alpn", "mqtt", "-CAfile", authority.ca).stdout
    ends = proxy.listener_status()["ends"]
    assert ends["tls_version"] == ends["tls_not_tls"] == ends["tls_alert"] == 1
    assert ends["done"] == 1


def test_a_handshake_counts_within_the_time_for_the_key(bench, authority):
    proxy = tls_proxy(
        bench, authority, bench.backends("a"), listen={"timeouts": {"key": "300ms"}}
    )
    with TlsClient(proxy.address(), authority.client_context()) as client:
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.sock.sendall(client.outgoing.read()[:-1])
        assert read_to_end(client.sock) == (b"", RESET)
    proxy.wait_access(end="key_timeout")
    with TlsClient(proxy.address(), authority.client_context()).handshake() as client:
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            client.read_to_end()
    wait_until(lambda: proxy.listener_status()["ends"].get("key_timeout") == 2, "the second")


def test_a_proxy_header_comes_before_tls_in_any_cut(bench, authority):
    proxy = tls_proxy(
        bench, authority, bench.backends("a"), key="source_ip",
        listen={"proxy_protocol": {"accept": ["v1"], "trusted": ["127.0.0.0/8"]}},
    )  # fmt: skip
    context = authority.client_context()
    for number, size in enumerate((1, 30, 60, 100_000)):
        header = b"PROXY TCP4 192.0.2.%d 192.0.2.99 4711 443\r\n" % number
        with TlsClient(proxy.address(), context) as client:
            with pytest.raises(ssl.SSLWantReadError):
                client.tls.do_handshake()
            first = header + client.outgoing.read()
            for at in range(0, len(first), size):
                client.sock.sendall(first[at : at + size])
            client.handshake()
            assert client.read().startswith(b"a\n")
        proxy.wait_access(key=f"192.0.2.{number}", server="a")


def test_servers_learn_of_tls_by_the_proxy_header(bench, authority):
    seen = []

    def serve(peer, _backend):
        peer.receive()
        seen.append(bytes(peer.received))
        peer.sock.sendall(b"a\n")
        peer.receive_to_end()

    ann = authority.issue("ann")
    backend = bench.backend("a", serve)
    entry = {"certificates": [authority.issue(SITE)], "alpn": ["mqtt"],
             "client": {"ca": str(authority.ca), "verify": "optional"}}  # fmt: skip
    pool = pool_of([backend], proxy_protocol={"send": "v2", "tls": True, "authority": True})
    proxy = bench.ringway(
        {"listeners": [listener(free_port(), "source_ip", tls=entry)], "pools": {"main": pool}}
    )
    for files in (ann, None):
        context = authority.client_context(files, alpn=["mqtt"])
        with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
            assert tls.recv(2) == b"a\n"
    fields = [fields_of(header) for header in seen]
    for found in fields:
        assert found[0x01] == b"mqtt"
        assert found[0x02] == SITE.encode()
        assert found[0x21] == b"TLSv1.3"
        assert found[0x23].startswith(b"TLS_")
    assert fields[0][0x20][:5] == b"\x07\0\0\0\0"
    assert fields[0][0x22] == b"ann"
    assert fields[1][0x20][:5] == b"\x01\0\0\0\x01"
    assert 0x22 not in fields[1]


def fields_of(header: bytes) -> dict:
    """The fields of a PROXY header of version 2 by type, those within that of TLS among them."""
    assert header[:12] == b"\r\n\r\n\0\r\nQUIT\n"
    found = {}

    def walk(data: bytes):
        while data:
            size = int.from_bytes(data[1:3], "big")
            found[data[0]] = data[3 : 3 + size]
            data = data[3 + size :]

    walk(header[16 + 12 : 16 + int.from_bytes(header[14:16], "big")])
    walk(found[0x20][5:])
    return found


def test_a_reload_takes_new_files_and_keeps_the_old_where_one_is_broken(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    entry = proxy.config["listeners"][0]["tls"]["certificates"][0]
    context = authority.client_context()

    def serial():
        with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
            return tls.getpeercert()["serialNumber"]

    with TlsClient(proxy.address(), context).handshake() as lasting:
        assert lasting.read().startswith(b"a\n")
        first = serial()
        authority.issue(SITE)  # in the same files
        assert serial() == first
        proxy.reload_well()
        second = serial()
        assert second != first
        shutil.copy(authority.key, entry["key"])
        state = proxy.reload()
        assert "does not belong to the certificate in" in state["result"]
        assert state["result"].startswith(f"{proxy.config_path}:")
        assert "listeners[0].tls.certificates[0].key" in state["result"]
        assert serial() == second
        check = run(*command("--check", "--config", proxy.config_path), check=False)  # fmt: skip
        assert check.returncode == 1
        assert "does not belong to the certificate in" in check.stdout
        lasting.send(b"still")
        assert lasting.exactly(5) == b"still"
        lasting.say_end()
        lasting.read_to_end()


def test_sessions_are_resumed_at_a_replica_and_after_a_restart(bench, authority):
    keys = bench.folder / "tickets"
    keys.write_text("5a" * 32 + "\n")
    keys.chmod(0o600)
    files = authority.issue(SITE)
    entry = {"certificates": [files], "tickets": {"keys": str(keys)}}
    backends = bench.backends("a")

    def start():
        return bench.ringway(
            {
                "listeners": [listener(free_port(), "source_ip", tls=entry)],
                "pools": {"main": pool_of(backends)},
            }
        )

    first, replica = start(), start()
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = authority.client_context()
        context.maximum_version = version
        session = None
        for proxy in (first, replica, start()):
            with dial(proxy.address()) as sock, context.wrap_socket(
                sock, server_hostname=SITE, session=session
            ) as tls:
                assert tls.recv(2) == b"a\n"
                assert tls.session_reused == (session is not None)
                session = tls.session


@pytest.mark.skipif(sanitizer() != "", reason="a sanitizer maps terabytes")
def test_the_private_key_is_only_where_no_core_dump_goes(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    context = authority.client_context()
    with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=SITE) as tls:
        assert tls.recv(2) == b"a\n"
        files = proxy.config["listeners"][0]["tls"]["certificates"][0]
        text = run(find("openssl"), "ec", "-in", files["key"], "-noout", "-text").stdout  # fmt: skip
        lines = text.split("priv:")[1].split("pub:")[0].split()
        number = bytes.fromhex("".join(lines).replace(":", ""))[-32:]
        needles = {number, number[::-1], open(files["key"], "rb").read().splitlines()[1]}
        found = [where for where in regions_with(proxy.pid, needles) if "dd" not in where]
    assert not found


def regions_with(pid: int, needles) -> list[str]:
    """The flags (proc(5), VmFlags) of the mappings of a process that hold one of these."""
    found = []
    with open(f"/proc/{pid}/smaps") as smaps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        begin = end = 0
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                begin, end = (int(word, 16) for word in words[0].split("-"))
            elif words[0] == "VmFlags:" and "rd" in words:
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except (OSError, ValueError, OverflowError):
                    continue
                if any(needle in data for needle in needles):
                    found.append(" ".join(words[1:]))
    return found
