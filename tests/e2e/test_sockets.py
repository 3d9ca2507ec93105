"""Sockets of every kind on both sides, and clients that use them up."""

import os
import resource
import select
import socket
import threading
import time
from contextlib import suppress

import pytest

from support.backends import record
from support.clients import EOF, RESET, ask, dial, read_exactly, read_line, read_to_end
from support.configuration import FAST_CHECKS, listener, pool_of
from support.ports import free_port
from support.waiting import DEADLINE, scaled, wait_until, within


class UnixEcho:
    """A server on a unix socket that names itself and sends back what comes."""

    def __init__(self, path, name: str):
        self.name, self.path = name, str(path)
        self.address = f"unix:{path}"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(self.path)
        self._socket.listen(1024)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        with peer, suppress(OSError):  # a health check has ended before it is greeted
            peer.sendall(self.name.encode() + b"\n")
            while data := peer.recv(1 << 16):
                peer.sendall(data)

    def stop(self):
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        os.unlink(self.path)


def unix_dial(path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE)
    sock.connect(str(path))
    return sock


def test_unix_sockets_work_on_both_sides(bench):
    servers = [bench.start(UnixEcho(bench.folder / f"{name}.sock", name)) for name in "abcd"]
    path = bench.folder / "front.sock"
    entry = listener(1, "first_line", bind=f"unix:{path}")
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool_of(servers)}})
    reached = set()
    data = os.urandom(scaled(4 << 20, least=1 << 20))
    for number in range(12):
        key = b"key-%d" % number
        with unix_dial(path) as sock:
            sock.sendall(key + b"\n")
            owner = read_line(sock).decode()
            assert owner == proxy.owner(key)
            assert read_exactly(sock, len(key) + 1) == key + b"\n"
            sender = threading.Thread(target=lambda: (sock.sendall(data), sock.shutdown(1)))
            sender.start()
            assert read_exactly(sock, len(data)) == data
            assert read_to_end(sock) == (b"", EOF)
            sender.join()
        reached.add(owner)
    assert len(reached) > 1
    assert proxy.wait_access(end="done").client == "unix:"


def test_urgent_bytes_of_a_unix_client_stay_in_their_places(bench):
    backend = bench.backend("a", record)
    path = bench.folder / "front.sock"
    entry = listener(1, "first_line", bind=f"unix:{path}")
    bench.ringway({"listeners": [entry], "pools": {"main": pool_of([backend])}})
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(DEADLINE)
        client.connect(str(path))
        client.sendall(b"key\n")
        assert read_line(client) == b"a"
        try:
            client.send(b"!", socket.MSG_OOB)
        except OSError as error:
            pytest.skip(f"this kernel has no urgent bytes on unix sockets: {error}")
        client.send(b"?", socket.MSG_OOB)
        client.sendall(b"rest")
        client.shutdown(1)
        assert read_to_end(client) == (b"", EOF)
    assert bytes(backend.peers[0].received) == b"key\n!?rest"


def test_a_unix_server_that_is_gone_is_passed_over(bench):
    there = bench.start(UnixEcho(bench.folder / "there.sock", "there"))
    gone = {"id": "gone", "address": f"unix:{bench.folder}/gone.sock"}
    proxy = bench.simple([there, gone])
    key = next(f"key-{n}" for n in range(1000) if proxy.owner(f"key-{n}") == "gone").encode()
    assert ask(proxy.address(), key) == "there"
    assert proxy.server("gone")["connect_failures"] == 1


def test_a_unix_server_is_checked_like_others(bench):
    server = UnixEcho(bench.folder / "a.sock", "a")
    gone = {"id": "gone", "address": f"unix:{bench.folder}/gone.sock"}
    proxy = bench.simple([server, gone], health=FAST_CHECKS)
    proxy.wait_server("gone", "offline")
    proxy.wait_server("a", "online")
    assert ask(proxy.address(), b"key") == "a"
    server.stop()
    proxy.wait_server("a", "offline")


def test_the_file_of_a_unix_listener_comes_and_goes_with_it(bench):
    path, other = bench.folder / "one.sock", bench.folder / "two.sock"
    entry = listener(1, "first_line", bind=f"unix:{path}")
    config = {"listeners": [entry], "pools": {"main": pool_of(bench.backends("a"))}}
    killed = bench.forget(bench.ringway(config))
    killed.kill()
    assert path.exists()
    proxy = bench.ringway(config)  # no process listens on the stale files
    with unix_dial(path) as sock:
        sock.sendall(b"key\n")
        assert read_line(sock) == b"a"
        proxy.reload_well(
            {**proxy.config, "listeners": [{**entry, "bind": f"unix:{other}"}]}
        )
        assert not path.exists() and other.exists()
        assert read_exactly(sock, 4) == b"key\n"  # goes on
    taken = {**config, "listeners": [{**entry, "bind": f"unix:{other}"}]}
    second = bench.forget(bench.ringway(taken, wait_ready=False))
    assert second.wait_exit() != 0 and "another process listens on it" in second.log()
    with unix_dial(other) as sock:
        sock.sendall(b"key\n")
        assert read_line(sock) == b"a"
    proxy.stop()
    assert not other.exists()


def test_a_client_has_one_key_over_ipv4_and_as_a_mapped_address(bench):
    port = free_port()
    entry = listener(port, "source_ip", bind=f"[::]:{port}")
    pool = pool_of(bench.backends(*"abcd"))
    proxy = bench.ringway({"listeners": [entry], "pools": {"main": pool}})
    for address, source, key in (
        (("127.0.0.1", port), "127.0.0.9", "127.0.0.9"),
        (("::1", port), None, "::1"),
    ):
        with dial(address, source) as sock:
            assert read_line(sock).decode() == proxy.owner(key)
        proxy.wait_access(key=key)


def test_servers_are_dialled_from_the_configured_address(bench):
    backends = [bench.backend(name, record) for name in "abc"]
    proxy = bench.simple(backends, connect={"source_v4": "127.0.0.77"})
    for number in range(20):
        ask(proxy.address(), b"key-%d" % number)
    assert {peer.source[0] for backend in backends for peer in backend.peers} == {"127.0.0.77"}
    # Not an address of this machine: no server can be dialled, and none is counted as failed.
    bad = {**proxy.config["pools"]["main"], "connect": {"source_v4": "192.0.2.1"}}
    proxy.reload_well({**proxy.config, "pools": {"main": bad}})
    with dial(proxy.address()) as sock:
        sock.sendall(b"key\n")
        assert read_to_end(sock) == (b"", RESET)
    assert [server["connect_failures"] for server in proxy.servers().values()] == [0, 0, 0]


def test_an_ipv6_server_is_dialled_from_the_configured_address(bench):
    with socket.create_server(("::1", free_port()), family=socket.AF_INET6) as listening:
        listening.settimeout(DEADLINE)
        server = {"id": "a", "address": f"[::1]:{listening.getsockname()[1]}"}
        proxy = bench.simple([server], connect={"source_v6": "::1"})
        with dial(proxy.address()) as sock:
            sock.sendall(b"key\n")
            peer, address = listening.accept()
            with peer:
                assert address[0] == "::1"
                assert read_exactly(peer, 4) == b"key\n"


def test_a_silent_client_is_not_accepted_while_accepting_is_deferred(bench):
    proxy = bench.simple(bench.backends("a"), listen={"defer_accept": "1m"})
    with dial(proxy.address()) as silent:
        assert ask(proxy.address(), b"key") == "a"
        assert proxy.listener_status()["accepted"] == 1
        # The kernel hands it over with its first bytes, or after a while without.
        silent.sendall(b"key\n")
        assert read_line(silent) == b"a"
    assert proxy.listener_status()["accepted"] == 2
    undeferred = [{**entry, "defer_accept": None} for entry in proxy.config["listeners"]]
    for entry in undeferred:
        del entry["defer_accept"]
    proxy.reload_well({**proxy.config, "listeners": undeferred})
    with dial(proxy.address()):
        wait_until(lambda: proxy.listener_status()["accepted"] == 3, "the silent client")


def test_thousands_of_slow_clients_are_gone_on_time_while_others_are_served(bench):
    count = scaled(4000, least=300)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 2 * count + 500)), hard))
    timeout = 2.0
    proxy = bench.simple(bench.backends("a"), listen={"timeouts": {"key": f"{timeout:.0f}s"}})
    begin = time.monotonic()
    ends = select.epoll()
    slow = {}
    for _ in range(count):
        sock = dial(proxy.address())
        slow[sock.fileno()] = sock
        ends.register(sock, select.EPOLLRDHUP)
    last = time.monotonic()
    first_end = last_end = None
    served = []
    fed = time.monotonic()
    while slow:
        now = time.monotonic()
        assert now - begin < within(timeout) * 4, f"{len(slow)} slow clients are left"
        for fd, _ in ends.poll(0.01):
            first_end = first_end or time.monotonic()
            last_end = time.monotonic()
            slow.pop(fd).close()
        if now - fed > 1.0:  # every other one sends a byte a second
            fed = now
            for sock in list(slow.values())[::2]:
                try:
                    sock.send(b"x")
                except OSError:
                    pass
        asked = time.monotonic()
        assert ask(proxy.address(), b"key") == "a"
        served.append(time.monotonic() - asked)
    assert first_end - begin >= timeout * 0.9
    assert last_end - last <= within(timeout)
    assert len(served) > 20
    wait_until(lambda: proxy.listener_status()["ends"].get("key_timeout") == count, "the count")
