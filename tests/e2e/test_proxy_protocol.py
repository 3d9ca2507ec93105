"""The PROXY protocol: real HAProxy in front, real nginx behind, and headers built by the test."""

import re
import socket
from contextlib import suppress

import pytest

from support.backends import record
from support.clients import (
    RESET,
    dial,
    read_exactly,
    read_line,
    read_to_end,
    send_ignoring_reset,
)
from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.ports import free_port
from support.programs import RealHaproxy, RealNginx, RealRedis, find, run
from support.proxy_protocol import ACCEPT, V4_BLOCK, sent_header, tlv, v2
from support.resp import Resp
from support.tls import hello_of
from support.waiting import wait_until

V1 = b"PROXY TCP4 203.0.113.9 198.51.100.1 4711 443\r\n"


def behind(bench, backends, key="source", accept=None, **entries):
    listen = {"proxy_protocol": accept or ACCEPT, **entries}
    return bench.simple(backends, key=key, listen=listen)


# Received, built by the test.


@pytest.mark.parametrize("header", [V1, v2()], ids=["v1", "v2"])
@pytest.mark.parametrize("cut", ["whole", "bytes", "glued"])
def test_the_address_is_the_headers_however_it_comes(bench, header, cut):
    backends = bench.backends(*"abcd")
    proxy = behind(bench, backends, key="source_ip")
    with dial(proxy.address()) as sock:
        if cut == "glued":
            sock.sendall(header + b"payload")
        else:
            for piece in [header] if cut == "whole" else [bytes([byte]) for byte in header]:
                sock.sendall(piece)
            sock.sendall(b"payload")
        owner = read_line(sock).decode()
        assert read_exactly(sock, 7) == b"payload"
    assert owner == proxy.owner("203.0.113.9")
    line = proxy.wait_access(client=("203.0.113.9", 4711))
    assert (line.key, line.up) == ("203.0.113.9", 7)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", v2(0x20, 0, b""), v2(0x20, 0x11), v2(0x21, 0), v2(0x21, 0, b"?")])
def test_the_sockets_own_peer_is_the_key_of_local(bench, header):
    proxy = behind(bench, bench.backends("a"))
    with dial(proxy.address(), "127.0.0.9") as sock:
        me = sock.getsockname()
        sock.sendall(header + b"x")
        assert read_line(sock) == b"a"
    assert proxy.wait_access(client=me).key == f"{me[0]}:{me[1]}"


REFUSED = {
    "no header": (b"GET / HTTP/1.1\r\n", "proxy_missing"),
    "tls": (b"\x16\x03\x01", "proxy_missing"),
    "108 bytes": (b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n", "proxy_malformed"),
    "port 65536": (b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n", "proxy_malformed"),
    "leading zero": (b"PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n", "proxy_malformed"),
    "zero in an address": (b"PROXY TCP4 1.2.3.04 1.2.3.4 1 1\r\n", "proxy_malformed"),
    "wrong family": (b"PROXY TCP4 ::1 ::1 1 1\r\n", "proxy_malformed"),
    "bad version": (v2(0x11), "proxy_malformed"),
    "bad command": (v2(0x22), "proxy_malformed"),
    "bad family": (v2(0x21, 0x41), "proxy_malformed"),
    "short": (v2(block=V4_BLOCK[:-1]), "proxy_malformed"),
    "field beyond the header": (v2(block=V4_BLOCK + b"\x02\x00\x09x"), "proxy_malformed"),
    "bad checksum": (v2(block=V4_BLOCK + tlv(3, b"1234")), "proxy_checksum"),
}


def test_what_is_no_good_header_is_reset_with_its_reason_and_reaches_no_server(bench):
    backend = bench.backend("a")
    proxy = behind(bench, [backend])
    expected = {}
    for title, (data, end) in REFUSED.items():
        with dial(proxy.address()) as sock:
            expected["{}:{}".format(*sock.getsockname())] = (title, end)
            send_ignoring_reset(sock, data + b"key\n")
            assert read_to_end(sock) == (b"", RESET), title
    wait_until(lambda: len(proxy.access_log()) == len(expected), "the log")
    for line in proxy.access_log():
        assert (line.server, line.end) == ("-", expected[line.client][1]), expected[line.client]
    ends = proxy.listener_status()["ends"]
    assert ends == {"proxy_missing": 2, "proxy_malformed": 10, "proxy_checksum": 1}
    assert not backend.peers


def test_107_bytes_are_a_header(bench):
    proxy = behind(bench, bench.backends("a"))
    with dial(proxy.address()) as sock:
        sock.sendall(b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n")
        assert read_line(sock) == b"a"


@pytest.mark.parametrize("part", [V1[:-1], v2()[:-1], v2()[:14], b"", b"P"])
def test_a_header_that_stops_half_way_ends_at_the_key_timeout(bench, part):
    backend = bench.backend("a")
    proxy = behind(bench, [backend], timeouts={"key": "200ms"})
    with proxy.paused():
        sock = dial(proxy.address())
        sock.sendall(part)
    with sock:
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(server="-", end="key_timeout")
    assert not backend.peers


def test_a_header_from_somewhere_else_is_refused(bench):
    backend = bench.backend("a")
    accept = {"accept": ["v1"], "trusted": ["127.0.0.2"]}
    proxy = behind(bench, [backend], accept=accept)
    with suppress(ConnectionResetError):  # which may come before connect() has returned
        with dial(proxy.address(), "127.0.0.3") as sock:
            send_ignoring_reset(sock, V1)
            assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(server="-", end="proxy_untrusted")
    with dial(proxy.address(), "127.0.0.2") as sock:
        sock.sendall(V1)
        assert read_line(sock) == b"a"
    with dial(proxy.address(), "127.0.0.2") as sock:
        send_ignoring_reset(sock, v2())  # a version that is not accepted
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(server="-", end="proxy_missing")


def test_a_listener_that_demands_none_takes_a_header_for_the_clients_bytes(bench):
    proxy = bench.simple(bench.backends("a"))
    with dial(proxy.address()) as sock:
        sock.sendall(V1)
        assert read_line(sock) == b"a"
        assert read_exactly(sock, len(V1)) == V1
    assert proxy.wait_access(server="a").key == V1[:-2].decode()


def test_fields_are_keys(bench):
    key = {"parts": ["proxy_authority", {"from": "proxy_tlv", "type": 224}]}
    proxy = behind(bench, bench.backends("a"), key=key)
    with dial(proxy.address()) as sock:
        sock.sendall(v2(block=V4_BLOCK + tlv(2, b"example.org") + tlv(224, b"vpc-1")))
        assert read_line(sock) == b"a"
    assert proxy.wait_access(server="a").key == "11:example.org,5:vpc-1,"
    with dial(proxy.address()) as sock:
        sock.sendall(v2(block=V4_BLOCK + tlv(2, b"example.org")))
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(end="key_missing")


def test_a_key_follows_the_header(bench):
    proxy = behind(bench, bench.backends(*"abcd"), key="first_line")
    with dial(proxy.address()) as sock:
        sock.sendall(v2() + b"user-1\nmore")
        assert read_line(sock).decode() == proxy.owner("user-1")
        assert read_exactly(sock, 11) == b"user-1\nmore"


# Real HAProxy in front.


@pytest.mark.parametrize("words", ["send-proxy", "send-proxy-v2", "send-proxy-v2 check"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_haproxy_tells_who_its_client_is(bench, words, host):
    proxy = behind(bench, bench.backends("a"))
    target = "127.0.0.1:{} {}".format(proxy.address()[1], words)
    haproxy = bench.start(RealHaproxy(bench.folder, "haproxy", target, host))
    with dial((host, haproxy.port)) as sock:
        me = sock.getsockname()
        sock.sendall(b"x")
        assert read_line(sock) == b"a"
    client = f"[{me[0]}]:{me[1]}" if ":" in host else f"{me[0]}:{me[1]}"
    wait_until(lambda: any(line.key == client for line in proxy.access_log()), client)


def test_haproxy_sends_its_fields_and_checksum(bench):
    backend = bench.backend("a", record)
    proxy = behind(bench, [backend], key={"from": "proxy_tlv", "type": 5})
    target = (
        f"127.0.0.1:{proxy.address()[1]} send-proxy-v2 proxy-v2-options unique-id,crc32c\n"
        "  unique-id-format id-%pid-%rt"
    )
    haproxy = bench.start(RealHaproxy(bench.folder, "haproxy", target))
    with dial(("127.0.0.1", haproxy.port)) as sock:
        sock.sendall(b"x")
        assert read_line(sock) == b"a"
    assert re.match(r"id-\d+-", proxy.wait_access(server="a").key)


def test_haproxy_reaches_a_unix_socket(bench):
    path = bench.folder / "front.sock"
    entry = listener(1, "source", bind=f"unix:{path}", proxy_protocol={"accept": ["v2"]})
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool_of(bench.backends("a"))}})
    haproxy = bench.start(RealHaproxy(bench.folder, "haproxy", f"unix@{path} send-proxy-v2"))
    with dial(("127.0.0.1", haproxy.port)) as sock:
        me = sock.getsockname()
        sock.sendall(b"x")
        assert read_line(sock) == b"a"
    proxy.wait_access(key=f"{me[0]}:{me[1]}")


def test_redis_behind_haproxy_is_placed_by_the_clients_address(bench):
    redises = [bench.start(RealRedis(bench.folder, f"redis-{number}")) for number in (1, 2, 3)]
    proxy = behind(bench, redises, key="source_ip")
    target = f"127.0.0.1:{proxy.address()[1]} send-proxy-v2"
    haproxy = bench.start(RealHaproxy(bench.folder, "haproxy", target))
    ports = {redis.name: redis.port for redis in redises}
    reached = set()
    for last in range(2, 22):
        source = f"127.0.0.{last}"
        with Resp(("127.0.0.1", haproxy.port), source) as session:
            port = int(session("CONFIG", "GET", "port")[1])
        assert port == ports[proxy.owner(source)]
        reached.add(port)
    assert len(reached) == 3


# Sent.


class ToldNginx(RealNginx):
    """An nginx that requires a PROXY header and answers with its contents."""

    LISTEN = "listen 127.0.0.1:{port} proxy_protocol; listen unix:{folder}/s proxy_protocol;"
    CONFIG = RealNginx.CONFIG.replace("listen 127.0.0.1:{port} backlog=1024;", LISTEN).replace(
        'return 200 "{name}\\n"',
        'return 200 "$proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr '
        '$proxy_protocol_server_port\\n"',
    )


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("over", ["tcp", "unix"])
def test_nginx_learns_who_the_client_is(bench, version, host, over):
    nginx = bench.start(ToldNginx(bench.folder, "web"))
    address = nginx.address if over == "tcp" else f"unix:{nginx.folder}/s"
    port = free_port()
    bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    pool = {"proxy_protocol": {"send": version}, "servers": [{"id": "web", "address": address}]}
    entry = listener(port, "source_ip", bind=bind)
    bench.ringway({"listeners": [entry], "pools": {"main": pool}})
    with dial((host, port)) as sock:
        me = sock.getsockname()
        sock.sendall(b"GET /name HTTP/1.0\r\n\r\n")
        body = read_to_end(sock)[0].split(b"\r\n\r\n")[1].decode().strip()
    assert body == f"{me[0]} {me[1]} {host} {port}"


def test_the_name_of_a_tls_client_and_a_unique_id_are_sent(bench):
    backend = bench.backend("a", record)
    wanted = {"send": "v2", "authority": True, "unique_id": True}
    proxy = bench.simple([backend], key="sni", proxy_protocol=wanted)
    hello = hello_of("-servername", "Www.Example.ORG")
    seen = set()
    for _ in range(3):
        with dial(proxy.address()) as sock:
            sock.sendall(hello)
            assert read_line(sock) == b"a"
            sock.shutdown(1)
            read_to_end(sock)
        peer = backend.peers[-1]
        wait_until(lambda: peer.ending, "the end")
        command, family, _, fields, rest = sent_header(peer)
        assert (command, family, rest) == (0x21, 0x11, hello)
        assert fields[2] == b"www.example.org" and re.fullmatch(rb"[0-9a-f]{32}", fields[5])
        seen.add(fields[5])
    assert len(seen) == 3


def test_what_a_trusted_proxy_told_is_passed_on(bench):
    backend = bench.backend("a", record)
    wanted = {"send": "v2", "authority": True, "unique_id": True}
    proxy = bench.simple([backend], key="source", listen={"proxy_protocol": ACCEPT},
                         proxy_protocol=wanted)  # fmt: skip
    with dial(proxy.address()) as sock:
        sock.sendall(v2(block=V4_BLOCK + tlv(2, b"example.org") + tlv(5, b"id-1")) + b"rest")
        assert read_line(sock) == b"a"
        sock.shutdown(1)
        read_to_end(sock)
    wait_until(lambda: backend.peers[0].ending, "the end")
    told = sent_header(backend.peers[0])
    assert told == (0x21, 0x11, V4_BLOCK, {2: b"example.org", 5: b"id-1"}, b"rest")


def test_a_unix_client_is_sent_as_what_it_is(bench):
    backend = bench.backend("a", record)
    path = bench.folder / "front.sock"
    for version in ("v1", "v2"):
        pool = pool_of([backend], proxy_protocol={"send": version})
        entry = listener(1, "first_line", bind=f"unix:{path}")
        proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool}})
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(b"key\n")
            assert read_line(sock) == b"a"
            sock.shutdown(1)
            read_to_end(sock)
        peer = backend.peers[-1]
        wait_until(lambda: peer.ending, "the end")
        if version == "v1":
            assert bytes(peer.received) == b"PROXY UNKNOWN\r\nkey\n"
        else:
            command, family, block, _, rest = sent_header(peer)
            assert (command, family, rest) == (0x21, 0x31, b"key\n")
            assert block == bytes(108) + str(path).encode().ljust(108, b"\0")
        proxy.stop()
        assert not path.exists()


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_headers_of_checks_have_no_address(bench, version):
    nginx = bench.start(ToldNginx(bench.folder, "web"))
    health = {**ANSWERED_CHECKS, "http": {"path": "/name"}}
    servers = [{"id": "tcp", "address": nginx.address},
               {"id": "unix", "address": f"unix:{nginx.folder}/s"}]  # fmt: skip
    pool = {"proxy_protocol": {"send": version}, "health": health, "servers": servers}
    proxy = bench.ringway({"listeners": [listener(free_port())], "pools": {"main": pool}})
    for server in ("tcp", "unix"):
        wait_until(lambda: proxy.server(server)["last_check"], "a check")
        assert proxy.server(server)["last_check"]["result"] == "ok"
    # Without the header nginx refuses to answer: it was there.
    silent = {**pool, "proxy_protocol": {"send": "v1"}, "health": {**health, "http": {"path": "/x"}}}
    proxy.reload_well({**proxy.config, "pools": {"main": silent}})
    wait_until(lambda: proxy.server("tcp")["last_check"]["result"] == "status 404", "the status")


def test_the_header_goes_to_the_server_that_answers_once(bench):
    backend = bench.backend("b", record)
    pool = pool_of([bench.nobody("a"), backend], proxy_protocol={"send": "v1"})
    entry = listener(free_port())
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool}})
    key = next(f"key-{n}" for n in range(1000) if proxy.owner(f"key-{n}") == "a")
    with dial(proxy.address()) as sock:
        me = sock.getsockname()
        sock.sendall(key.encode() + b"\n")
        assert read_line(sock) == b"b"
        sock.shutdown(1)
        read_to_end(sock)
    wait_until(lambda: backend.peers[0].ending, "the end")
    port = proxy.address()[1]
    header = f"PROXY TCP4 127.0.0.1 127.0.0.1 {me[1]} {port}\r\n"
    assert bytes(backend.peers[0].received).decode() == header + key + "\n"


def test_curl_speaks_both_versions_to_a_listener(bench):
    nginx = bench.start(RealNginx(bench.folder, "web"))
    proxy = behind(bench, [nginx], accept={"accept": ["v1"], "trusted": ["127.0.0.1"]})
    host, port = proxy.address()
    body = run(find("curl"), "--silent", "--fail", "--noproxy", "*", "--haproxy-protocol",
               f"http://{host}:{port}/name").stdout  # fmt: skip
    assert body == "web\n"
