"""Keys from clients' bytes, with the programs that send such bytes."""

import socket

import pytest

from support.clients import RESET, dial, read_exactly, read_line, read_to_end, send_ignoring_reset
from support.programs import RealMemcached, RealNginx, find, run
from support.waiting import wait_until


# The capture of MS-RDPBCGR, 4.1.1.
RDP_REQUEST = bytes.fromhex(
    "0300002c27e00000000000" "436f6f6b69653a206d737473686173683d656c746f6e730d0a" "0100080000000000"
)


def ask(proxy, data: bytes) -> str:
    with dial(proxy.address()) as sock:
        sock.sendall(data)
        return read_line(sock).decode()


def test_memcached_by_the_second_field_of_its_text_protocol(bench):
    servers = [bench.start(RealMemcached(bench.folder, f"cache-{number}")) for number in (1, 2, 3)]
    proxy = bench.simple(servers, key={"from": "field", "number": 2})
    keys = [f"key-{number}" for number in range(30)]
    for key in keys:
        with dial(proxy.address()) as sock:
            sock.sendall(f"set {key} 0 0 {len(key)}\r\n{key}\r\n".encode())
            assert read_line(sock) == b"STORED\r"
    for key in keys:
        with dial(proxy.address()) as sock:
            sock.sendall(f"get  {key}\r\n".encode())
            assert read_line(sock) == f"VALUE {key} 0 {len(key)}\r".encode()
    for server in servers:
        with dial(("127.0.0.1", server.port)) as sock:
            mine = [key for key in keys if proxy.owner(key) == server.name]
            for key in keys:
                sock.sendall(f"get {key}\r\n".encode())
                assert (read_line(sock) != b"END\r") == (key in mine)
                if key in mine:
                    read_exactly(sock, len(key) + 2 + 5)
            assert mine
    with dial(proxy.address()) as sock:
        send_ignoring_reset(sock, b"version\r\n")
        assert read_to_end(sock) == (b"", RESET)
    proxy.wait_access(end="key_missing")


def test_http_by_a_cookie_and_by_the_target(bench):
    nginxes = [bench.start(RealNginx(bench.folder, f"web-{number}")) for number in (1, 2, 3)]
    proxy = bench.simple(nginxes, key={"parts": [{"from": "cookie", "name": "sid"}, "target"]})
    host, port = proxy.address()
    reached = set()
    for number in range(20):
        owner = proxy.owner(f"{len(str(number))}:{number},5:/name,")
        body = run(find("curl"), "--silent", "--fail", "--noproxy", "*", "--cookie",
                   f"a=b; sid={number}", f"http://{host}:{port}/name").stdout  # fmt: skip
        assert body.strip() == owner
        reached.add(owner)
    assert len(reached) == 3


@pytest.mark.parametrize(
    ("key", "data", "expected"),
    [
        ({"from": "bytes", "offset": 2, "length": 4}, b"\0\x01key\xff", r"key\xff"),
        ({"from": "regex", "pattern": "id=([0-9]+)"}, b"x id=42;id=7\n", "42"),
        ({"from": "regex", "pattern": "[0-9]+", "group": 0, "length": 8}, b"ab12345678", "123456"),
        ({"from": "field", "number": 3, "separator": "|"}, b"a||c|d\n", "c"),
        ("target", b"GET /a?b=c HTTP/1.1\r\n", "/a?b=c"),
        ("mqtt_client_id", b"\x10\x10\0\x04MQTT\x04\x02\0\x3c\0\x04s-\xc3\xb6", r"s-\xc3\xb6"),
        ("mqtt_username", b"\x10\x11\0\x06MQIsdp\x03\x80\0\x3c\0\0\0\x01u", "u"),
        ("postgres_user", b"\0\0\0\x1d\0\3\0\2database\0d\0user\0u b\0\0", "u b"),
        ("postgres_database", b"\0\0\0\x12\0\3\0\0user\0ann\0\0", "ann"),
        ("rdp_cookie", RDP_REQUEST, "eltons"),
    ],
    ids=str,
)
def test_a_key_is_the_same_in_one_piece_and_byte_by_byte(bench, key, data, expected):
    proxy = bench.simple(bench.backends(*"abcd"), key=key)
    first = ask(proxy, data)
    with dial(proxy.address()) as sock:
        for byte in data:
            sock.sendall(bytes([byte]))
        assert read_line(sock).decode() == first
        assert read_exactly(sock, len(data)) == data
    wait_until(lambda: len(proxy.access_log()) == 2, "the log")
    assert {line.key for line in proxy.access_log()} == {expected}


def test_addresses_of_both_ends_are_keys(bench):
    proxy = bench.simple(bench.backends(*"abcd"), key={"parts": ["source", "destination"]})
    host, port = proxy.address()
    with dial((host, port), "127.0.0.9") as sock:
        source = "{}:{}".format(*sock.getsockname())
        read_line(sock)
    key = "".join(f"{len(part)}:{part}," for part in (source, f"{host}:{port}"))
    line = proxy.wait_access(client=("127.0.0.9", int(source.split(":")[1])))
    assert (line.key, line.server) == (key, proxy.owner(key))


def test_each_refusal_has_a_count_of_its_own(bench):
    key = {"from": "header", "name": "X-User", "max_bytes": "64B"}
    proxy = bench.simple(bench.backends("a"), key=key, listen={"timeouts": {"key": "300ms"}})
    for data in (b"GET /\r\n\r\n", b"GET /\r\nno colon\r\n", b"x" * 64, b"GET /\r\n", b"GET"):
        with proxy.paused():
            sock = dial(proxy.address())
            sock.sendall(data)
        with sock:
            assert read_to_end(sock) == (b"", RESET)
    with proxy.paused():
        sock = dial(proxy.address())
        sock.shutdown(socket.SHUT_WR)
    with sock:
        read_to_end(sock)
    status = proxy.listener_status()
    assert status["ends"] == {
        "client_left": 1,
        "key_timeout": 2,
        "key_too_large": 1,
        "key_missing": 1,
        "key_malformed": 1,
    }
    assert status["refused"] == 6
