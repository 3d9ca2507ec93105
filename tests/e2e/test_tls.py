"""TLS passed through and placed by the name that the client asks for."""

import ssl

import pytest

from support.clients import (
    EOF,
    RESET,
    dial,
    read_exactly,
    read_line,
    read_to_end,
    send_ignoring_reset,
)
from support.programs import RealNginx
from support.tls import certificate, hello_of, named_by_s_server, records_of
from support.waiting import wait_until

NAME = "Www.Example.ORG"
OPTIONS = {
    "plain": ("-servername", NAME),
    "tls 1.3": ("-servername", NAME, "-tls1_3"),
    "tls 1.2": ("-servername", NAME, "-tls1_2"),
    "tls 1.1": ("-servername", NAME, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"),
    "tls 1.0": ("-servername", NAME, "-tls1", "-cipher", "DEFAULT@SECLEVEL=0"),
    "one cipher": ("-servername", NAME, "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"),
    "alpn": ("-servername", NAME, "-alpn", "h2,http/1.1"),
    "status": ("-servername", NAME, "-status", "-no_ticket"),
    "groups": ("-servername", NAME, "-groups", "P-521:X448:P-256", "-sigalgs", "RSA+SHA256"),
    "fragments": ("-servername", NAME, "-maxfraglen", "512"),
    "compatible": ("-servername", NAME, "-legacy_server_connect", "-no_middlebox"),
    "long": ("-servername", ".".join(["label" * 12] * 4)),
    "no name": ("-noservername",),
    "alpn without a name": ("-noservername", "-alpn", "h2"),
}


class TlsNginx(RealNginx):
    """An nginx with a certificate of its own."""

    CONFIG = RealNginx.CONFIG.replace(
        "listen 127.0.0.1:{port} backlog=1024;",
        "listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/{name}.crt;"
        " ssl_certificate_key {folder}/{name}.key;",
    )

    def start(self):
        certificate(self.folder, self.name)
        super().start()


def test_a_client_gets_the_certificate_of_the_server_that_its_name_is_placed_on(bench):
    nginxes = [bench.start(TlsNginx(bench.folder, name)) for name in ("red", "blue")]
    proxy = bench.simple(nginxes, key="sni")
    certificates = {
        nginx.name: ssl.PEM_cert_to_DER_cert((nginx.folder / f"{nginx.name}.crt").read_text())
        for nginx in nginxes
    }
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    reached = set()
    for number in range(16):
        host = f"Host-{number}.example"
        owner = proxy.owner(host.lower())
        with dial(proxy.address()) as sock, context.wrap_socket(sock, server_hostname=host) as tls:
            assert tls.getpeercert(binary_form=True) == certificates[owner]
            tls.sendall(b"GET /name HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: tls.recv(4096), b""))
            assert answer.endswith(owner.encode() + b"\n")
        reached.add(owner)
    assert reached == {"red", "blue"}


def test_names_are_those_that_openssl_reports_however_the_hello_is_cut(bench):
    proxy = bench.simple([bench.backend("a")], key="sni")
    cert, key = certificate(bench.folder, "any")
    lines = 0
    for title, options in OPTIONS.items():
        hello = hello_of(*options)
        name = named_by_s_server(hello, cert, key)
        assert (name is None) == ("-noservername" in options), title
        sizes = (1, 3, 60, len(hello) // 2)
        ways = [[hello], *([records_of(hello, size)] for size in sizes)]
        ways.append([bytes([byte]) for byte in hello])
        for segments in ways:
            client = send(proxy, segments, name is not None)
            lines += 1
            wait_until(lambda: len(proxy.access_log()) == lines, "the log")
            line = proxy.access_log()[-1]
            assert line.client == client, title
            if name is None:
                assert (line.server, line.end) == ("-", "key_missing"), title
            else:
                assert line.key == name.lower()[:128], title  # as far as the log shows it


def send(proxy, segments, is_served: bool) -> str:
    """Sends bytes in these segments, which reach the server unchanged or not at all; from where."""
    with dial(proxy.address()) as sock:
        host, port = sock.getsockname()
        for segment in segments:
            send_ignoring_reset(sock, segment)
        if is_served:
            assert read_line(sock) == b"a"
            data = b"".join(segments)
            assert read_exactly(sock, len(data)) == data
            sock.shutdown(1)
        assert read_to_end(sock) == (b"", EOF if is_served else RESET)
    return f"{host}:{port}"


def test_protocols_are_keys_too(bench):
    proxy = bench.simple(bench.backends("a"), key={"parts": ["sni", "alpn"]})
    send(proxy, [hello_of("-servername", NAME, "-alpn", "h2,http/1.1")], True)
    proxy.wait_access(key="15:www.example.org,2:h2,")


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "key_not_tls"),
        (b"\x16\x03\x01\x00\x00", "key_malformed"),
        (b"\x16\x03\x01\x00\x05\x02\x00\x00\x01x", "key_malformed"),
        (b"\x80\x2e\x01\x03\x01", "key_not_tls"),
    ],
)
def test_what_is_no_hello_is_refused_with_a_reason(bench, data, end):
    backend = bench.backend("a")
    proxy = bench.simple([backend], key="sni")
    with dial(proxy.address()) as sock:
        sock.sendall(data)
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(server="-", end=end)
    assert proxy.listener_status()["ends"] == {end: 1}
    assert not backend.peers


def test_a_hello_that_stops_half_way_ends_at_the_key_timeout(bench):
    proxy = bench.simple(bench.backends("a"), key="sni", listen={"timeouts": {"key": "300ms"}})
    hello = hello_of("-servername", NAME)
    with proxy.paused():
        sock = dial(proxy.address())
        sock.sendall(hello[:-1])
    with sock:
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(server="-", end="key_timeout")


def test_who_speaks_no_tls_can_be_placed_by_its_address(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends, key={"from": "sni", "on_missing": "source_ip"})
    with dial(proxy.address(), "127.0.0.9") as sock:
        sock.sendall(b"SSH-2.0-client\r\n")
        assert read_line(sock).decode() == proxy.owner("127.0.0.9")
        assert read_line(sock) == b"SSH-2.0-client\r"
    line = proxy.wait_access(key="127.0.0.9")
    assert line.placed_by == "source_ip:key_not_tls"
    assert proxy.listener_status()["placed_by_source_ip"] == 1


def test_who_speaks_no_tls_can_be_placed_anywhere(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends, key={"from": "sni", "on_missing": "random"})
    reached = set()
    for _ in range(40):
        with dial(proxy.address()) as sock:
            sock.sendall(b"SSH-2.0-client\r\n")
            reached.add(read_line(sock).decode())
    assert reached == {"a", "b", "c"}
    wait_until(lambda: len(proxy.access_log()) == 40, "the log")
    assert {line.placed_by for line in proxy.access_log()} == {"random:key_not_tls"}
    assert len({line.key for line in proxy.access_log()}) == 40
    assert proxy.listener_status()["placed_at_random"] == 40
