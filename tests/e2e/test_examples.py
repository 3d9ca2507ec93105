"""The commented examples, loaded and run: their text but for addresses and paths."""

import socket
import struct

import pytest
import yaml

from support.authority import Authority
from support.backends import record
from support.clients import dial, read_exactly, read_line
from support.ports import free_port
from support.programs import RealMemcached, RealNginx, RealRedis, find, run
from support.resp import Resp
from support.tls import hello_of
from support.waiting import ROOT, wait_until


def example(bench, name: str, servers, in_pool=None, **changes):
    """A proxy with the example's file, with `changes` in its listener and others `in_pool`;
    `servers` take the places of those that it names."""
    config = yaml.safe_load((ROOT / "conf/examples" / f"{name}.yaml").read_text())
    (entry,) = config["listeners"]
    entry["bind"] = f"127.0.0.1:{free_port()}"
    entry.update(changes)
    (pool,) = config["pools"].values()
    pool.update(in_pool or {})
    assert len(pool["servers"]) == len(servers)
    for place, server in zip(pool["servers"], servers):
        place["address"] = server.address
    config["admin"] = {
        what: f"{bench.folder}/{name}.{what}" for what in config["admin"] if what != "http"
    }
    proxy = bench.ringway(config)
    ids = [place["id"] for place in pool["servers"]]
    names = {server.port: id for id, server in zip(ids, servers)}
    wait_until(lambda: all(s["last_check"] for s in proxy.servers(entry["pool"]).values()), "checks")
    for id in ids:
        proxy.wait_server(id, "online", entry["pool"])
    return proxy, entry["name"], entry["pool"], names


def test_redis(bench):
    redises = [bench.start(RealRedis(bench.folder, f"redis-{letter}")) for letter in "abc"]
    proxy, listener, pool, names = example(bench, "redis", redises)
    for source in (f"127.0.0.{last}" for last in range(2, 12)):
        with Resp(proxy.address(listener), source) as session:
            assert session("SET", source, source) == "OK"
            port = int(session("CONFIG", "GET", "port")[1])
        assert names[port] == proxy.owner(source, pool)


def test_memcached(bench):
    caches = [bench.start(RealMemcached(bench.folder, f"cache-{letter}")) for letter in "abc"]
    proxy, listener, pool, names = example(bench, "memcached", caches)
    for source in (f"127.0.0.{last}" for last in range(2, 12)):
        with dial(proxy.address(listener), source) as sock:
            sock.sendall(f"set {source} 0 0 5\r\nhello\r\n".encode())
            assert read_line(sock) == b"STORED\r"
            sock.sendall(f"get {source}\r\n".encode())
            assert read_exactly(sock, len(f"VALUE {source} 0 5\r\nhello\r\nEND\r\n"))
        for cache in caches:
            with dial(("127.0.0.1", cache.port)) as sock:
                sock.sendall(f"get {source}\r\n".encode())
                is_here = read_line(sock) != b"END\r"
            assert is_here == (names[cache.port] == proxy.owner(source, pool))


def test_memcached_by_the_key_of_its_comment(bench):
    text = (ROOT / "conf/examples/memcached.yaml").read_text()
    (comment,) = [line for line in text.splitlines() if line.strip().startswith("# key:")]
    key = yaml.safe_load(comment.strip().lstrip("# "))["key"]
    caches = [bench.start(RealMemcached(bench.folder, f"cache-{letter}")) for letter in "abc"]
    proxy, listener, pool, _ = example(bench, "memcached", caches, key=key)
    for number in range(10):
        with dial(proxy.address(listener)) as sock:
            sock.sendall(f"set key-{number} 0 0 5\r\nhello\r\n".encode())
            assert read_line(sock) == b"STORED\r"
            me = sock.getsockname()
        assert proxy.wait_access(client=me).server == proxy.owner(f"key-{number}", pool)


def test_http(bench):
    webs = [bench.start(RealNginx(bench.folder, f"session-{number}")) for number in (1, 2, 3)]
    for web in webs:
        (web.folder / "www" / "healthz").write_text("well")
    proxy, listener, pool, _ = example(bench, "http", webs)
    host, port = proxy.address(listener)
    for user in ("ann", "bob", "eve", "joe"):
        name = run(find("curl"), "--silent", "--fail", "--noproxy", "*", "-H", f"X-User: {user}",
                   f"http://{host}:{port}/name").stdout  # fmt: skip
        assert name.strip() == proxy.owner(user, pool)


@pytest.mark.parametrize("name", ["one.example", "two.example"])
def test_tls(bench, name):
    servers = [bench.backend(f"web-{number}", record) for number in (1, 2, 3)]
    trusted = {"accept": ["v2"], "trusted": ["127.0.0.0/8"]}
    proxy, listener, pool, names = example(bench, "tls", servers, proxy_protocol=trusted)
    hello = hello_of("-servername", name)
    block = socket.inet_aton("203.0.113.9") + socket.inet_aton("198.51.100.1")
    block += struct.pack("!HH", 4711, 443)
    header = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, 0x11, len(block)) + block
    owner = next(s for s in servers if names[s.port] == proxy.owner(name, pool))
    with dial(proxy.address(listener)) as sock:
        sock.sendall(header + hello)

        def arrived():
            # Behind a header of its own, which names the client and what it asked for.
            got = [bytes(peer.received) for peer in owner.peers]
            return any(data.endswith(hello) and name.encode() in data[: -len(hello)] for data in got)

        wait_until(arrived, "the hello at its server")


def test_tls_termination(bench):
    brokers = [bench.backend(f"broker-{number}", record) for number in (1, 2, 3)]
    authority = Authority(bench.folder / "tls")
    site = authority.issue("mqtt.example")
    tls = {
        "certificates": [site], "min_version": "1.3", "alpn": ["mqtt"],
        "client": {"ca": str(authority.ca)},
    }  # fmt: skip
    file = yaml.safe_load((ROOT / "conf/examples/tls-termination.yaml").read_text())
    assert file["listeners"][0]["tls"].keys() == tls.keys()
    proxy, listener, pool, names = example(bench, "tls-termination", brokers, tls=tls)
    for device in ("meter-1", "meter-2", "meter-3"):
        context = authority.client_context(authority.issue(device), alpn=["mqtt"])
        owner = next(s for s in brokers if names[s.port] == proxy.owner(device, pool))
        with dial(proxy.address(listener)) as sock:
            with context.wrap_socket(sock, server_hostname="mqtt.example") as client:
                client.sendall(b"hello")
                assert client.recv(100).decode() == f"{owner.name}\n"

                def arrived():
                    # Behind a header that names the device.
                    got = [bytes(peer.received) for peer in owner.peers]
                    return any(data.endswith(b"hello") and device.encode() in data for data in got)

                wait_until(arrived, "the bytes in clear at their server")
                client.unwrap()


class TlsRedis(RealRedis):
    def __init__(self, folder, name: str, files: dict, ca):
        self.tls = {"cert-file": files["chain"], "key-file": files["key"], "ca-cert-file": ca}
        super().__init__(folder, name)

    def command(self):
        tls = {"port": self.port, "auth-clients": "no", **self.tls}
        words = [word for entry, value in tls.items() for word in (f"--tls-{entry}", value)]
        return [*super().command(), "--port", "0", *words]  # the later of two counts


def test_tls_to_servers(bench):
    authority = Authority(bench.folder / "tls")
    file = yaml.safe_load((ROOT / "conf/examples/tls-to-servers.yaml").read_text())
    (pool,) = file["pools"].values()
    redises = [
        bench.start(TlsRedis(bench.folder, id, authority.issue(id), authority.ca))
        for id in (server["id"] for server in pool["servers"])
    ]
    tls = {**pool["tls"], "ca": str(authority.ca)}
    proxy, listener, pool, names = example(bench, "tls-to-servers", redises, {"tls": tls})
    for source in (f"127.0.0.{last}" for last in range(2, 12)):
        with Resp(proxy.address(listener), source) as session:
            assert session("SET", source, source) == "OK"
            port = int(session("CONFIG", "GET", "tls-port")[1])
        assert names[port] == proxy.owner(source, pool)
