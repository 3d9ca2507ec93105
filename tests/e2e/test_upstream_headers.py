"""The PROXY headers that servers get for clients other than plain TCP."""

import socket

import pytest

from support.backends import record
from support.clients import dial, read_line, read_to_end
from support.configuration import listener, pool_of
from support.proxy_protocol import ACCEPT, sent_header, v2
from support.waiting import wait_until


def test_a_unix_client_with_an_abstract_name_is_sent_by_it(bench):
    backend = bench.backend("a", record)
    path, name = bench.folder / "front.sock", b"\0ringway " + str(bench.folder).encode()[-80:]
    entry = listener(1, "first_line", bind=f"unix:{path}")
    pool = pool_of([backend], proxy_protocol={"send": "v2"})
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool}})
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(name)
        sock.connect(str(path))
        sock.sendall(b"key\n")
        assert read_line(sock) == b"a"
        sock.shutdown(1)
        read_to_end(sock)
    wait_until(lambda: backend.peers[0].ending, "the end")
    command, family, block, _, rest = sent_header(backend.peers[0])
    assert (command, family, rest) == (0x21, 0x31, b"key\n")
    assert block == name.ljust(108, b"\0") + str(path).encode().ljust(108, b"\0")
    shown = "unix:" + name.decode().replace("\0", "\\x00").replace(" ", "\\x20")
    assert proxy.wait_access(server="a").client == shown


def test_an_abstract_name_in_a_header_is_the_key_and_is_sent_on(bench):
    backends = [bench.backend(name, record) for name in "abc"]
    proxy = bench.simple(backends, key="source", listen={"proxy_protocol": ACCEPT},
                         proxy_protocol={"send": "v2"})  # fmt: skip
    block = b"\0client-7".ljust(108, b"\0") + b"/run/front".ljust(108, b"\0")
    with dial(proxy.address()) as sock:
        sock.sendall(v2(family=0x31, block=block) + b"rest")
        owner = read_line(sock).decode()
        sock.shutdown(1)
        read_to_end(sock)
    assert owner == proxy.owner(b"unix:\0client-7")
    peers = {backend.name: backend.peers for backend in backends}[owner]
    wait_until(lambda: peers[0].ending, "the end")
    assert sent_header(peers[0]) == (0x21, 0x31, block, {}, b"rest")


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_what_came_as_a_datagram_is_sent_as_one(bench, version):
    backend = bench.backend("a", record)
    proxy = bench.simple([backend], key="source", listen={"proxy_protocol": ACCEPT},
                         proxy_protocol={"send": version})  # fmt: skip
    with dial(proxy.address()) as sock:
        sock.sendall(v2(family=0x12) + b"rest")
        assert read_line(sock) == b"a"
        sock.shutdown(1)
        read_to_end(sock)
    wait_until(lambda: backend.peers[0].ending, "the end")
    told = v2(family=0x12) if version == "v2" else b"PROXY UNKNOWN\r\n"
    assert bytes(backend.peers[0].received) == told + b"rest"
