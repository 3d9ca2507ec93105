"""The command line, start and end of the process, and `--check` of bad files."""

import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from support.clients import EOF, RESET, ask, dial, read_exactly, read_line, read_to_end
from support.configuration import listener, pool_of, to_yaml
from support.ports import free_port, taken_port
from support.ringway import command, environment
from support.waiting import DEADLINE, scaled, wait_until, within


def ringway(folder, *arguments):
    """Runs the binary to its end."""
    return subprocess.run(
        command(*arguments),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        env=environment(folder),
    )


def check(folder, text: str):
    path = folder / "checked.yaml"
    path.write_text(text)
    return ringway(folder, "--config", path, "--check")


@pytest.fixture
def good(bench):
    servers = [{"id": f"s{number}", "address": f"127.0.0.1:{number}"} for number in (1, 2, 3)]
    entry = listener(free_port(), "source_ip")
    pools = {"main": pool_of(servers, hash={"vnodes": 100})}
    return {"version": 1, "listeners": [entry], "pools": pools}


def test_version_and_help_are_printed(bench):
    version = ringway(bench.folder, "--version")
    assert version.returncode == 0 and re.search(r"\d+\.\d+\.\d+", version.stdout)
    help_ = ringway(bench.folder, "--help")
    assert help_.returncode == 0 and "--config" in help_.stdout


@pytest.mark.parametrize("arguments", [(), ("--nonsense",), ("--config",)])
def test_a_wrong_command_line_is_refused_with_a_word(bench, arguments):
    done = ringway(bench.folder, *arguments)
    assert done.returncode not in (0, None) and done.returncode > 0
    assert done.stderr


def test_a_good_file_passes_the_check_without_opening_anything(bench, good):
    with taken_port() as taken:
        good["listeners"][0]["bind"] = f"127.0.0.1:{taken.getsockname()[1]}"
        done = check(bench.folder, to_yaml(good))
    assert done.returncode == 0, done.stderr


SERVER = '      - id: s1\n        address: "127.0.0.1:1"\n'

BAD = {
    "negative weight": (SERVER, SERVER + "        weight: -1\n", "weight"),
    "weight that is no number": (SERVER, SERVER + "        weight: .nan\n", "weight"),
    "weight beyond all": (SERVER, SERVER + "        weight: 1e309\n", "weight"),
    "no vnodes": ("vnodes: 100", "vnodes: 0", "vnodes"),
    "a billion vnodes": ("vnodes: 100", "vnodes: 1000000000", "vnodes"),
    "a ring beyond the cap": (
        SERVER,
        "".join(
            f'      - {{id: x{n}, address: "127.0.0.1:1", weight: 1000}}\n' for n in range(200)
        ),
        "points",
    ),
    "duplicate id": ("id: s2", "id: s1", "s1"),
    "duplicate entry": ("    pool: main\n", "    pool: main\n    pool: main\n", "pool"),
    "unknown entry": ("version: 1\n", "version: 1\nworkerz: 2\n", "workers"),
    "unknown pool": ("    pool: main\n", "    pool: mian\n", "main"),
    "no such version": ("version: 1\n", "version: 2\n", "version"),
    "port beyond 65535": ("127.0.0.1:1", "127.0.0.1:65536", "address"),
    "a key from nowhere": ("key: source_ip", "key: sauce_ip", "source_ip"),
    "a duration without unit": ("    key:", "    timeouts: {key: 5}\n    key:", "ms"),
    "a tab": ("version: 1\n", "version:\t1\n\tworkers: 2\n", ""),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_file_is_refused_with_its_place(bench, good, what):
    old, new, word = BAD[what]
    text = to_yaml(good)
    assert old in text
    text = text.replace(old, new, 1)
    done = check(bench.folder, text)
    assert done.returncode == 1
    first = done.stderr.splitlines()[0]
    place = re.match(r".*checked\.yaml:(\d+):(\d+): ", first)
    assert place, first
    assert 1 <= int(place[1]) <= len(text.splitlines()) + 1
    assert word in done.stderr
    # Starting with it is refused in the same words.
    start = ringway(bench.folder, "--config", bench.folder / "checked.yaml")
    assert start.returncode != 0 and first.split("yaml:", 1)[1] in start.stderr


def test_both_places_of_a_duplicate_are_shown(bench, good):
    text = to_yaml(good).replace("id: s2", "id: s1")
    lines = [n + 1 for n, line in enumerate(text.splitlines()) if line.endswith("id: s1")]
    done = check(bench.folder, text)
    assert all(str(line) in done.stderr for line in lines), done.stderr


def test_a_missing_file_is_refused_by_name(bench):
    done = ringway(bench.folder, "--config", bench.folder / "nowhere.yaml")
    assert done.returncode != 0 and "nowhere.yaml" in done.stderr


def test_a_port_in_use_fails_the_start_and_is_named(bench):
    with taken_port() as taken:
        port = taken.getsockname()[1]
        config = {"listeners": [listener(port)], "pools": {"main": {"servers": []}}}
        proxy = bench.ringway(config, wait_ready=False)
        bench.forget(proxy)
        assert proxy.wait_exit() != 0
    assert f"127.0.0.1:{port}" in proxy.log()
    assert "ready:" not in proxy.log()
    assert not proxy.socket_path.exists()


def test_ipv6_clients_and_servers_are_served(bench):
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("no IPv6 on this machine")
    port = free_port()
    entry = {**listener(port, "source_ip"), "bind": f"[::1]:{port}"}
    pools = {"main": pool_of(bench.backends("a"))}
    bench.ringway({"listeners": [entry], "pools": pools})
    with dial(("::1", port)) as client:
        assert read_line(client) == b"a"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_connections_finish_and_accepts_no_more(bench, number):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    session = dial(proxy.address())
    assert read_line(session) == b"a"
    proxy.signal(number)
    wait_until(lambda: _refuses(proxy.address()), "new connections to be refused")
    for _ in range(20):
        session.sendall(b"still here")
        assert read_exactly(session, 10) == b"still here"
    assert proxy.running()
    session.shutdown(1)
    assert read_to_end(session) == (b"", EOF)
    begin = time.monotonic()
    assert proxy.wait_exit() == 0
    assert time.monotonic() - begin < within(1)


def _refuses(address) -> bool:
    try:
        dial(address).close()
    except (ConnectionRefusedError, ConnectionResetError):
        return True
    return False


def test_the_drain_ends_at_its_timeout(bench):
    backend = bench.backend("a")
    proxy = bench.ringway(
        {
            "listeners": [listener(free_port(), "source_ip")],
            "pools": {"main": pool_of([backend])},
            "drain_timeout": "500ms",
        }
    )
    session = dial(proxy.address())
    assert read_line(session) == b"a"
    begin = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert read_to_end(session) == (b"", RESET)
    assert proxy.wait_exit() == 0
    assert 0.35 < time.monotonic() - begin < within(1)
    wait_until(lambda: backend.peers[0].ending == RESET, "the server to be reset")
    assert proxy.access_log()[-1].end == "shutdown"


def test_a_second_signal_ends_the_drain_at_once(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    session = dial(proxy.address())
    assert read_line(session) == b"a"
    proxy.signal(signal.SIGTERM)
    wait_until(lambda: _refuses(proxy.address()), "the drain to begin")
    begin = time.monotonic()
    proxy.signal(signal.SIGTERM)
    assert read_to_end(session) == (b"", RESET)
    proxy.wait_exit()
    assert time.monotonic() - begin < within(1)
    bench.forget(proxy)  # ended in a hurry, by request
    proxy.check_sanitizer()


def test_a_drain_under_load_breaks_no_connection_that_was_accepted(bench):
    """Each client either is refused, or gets its whole answer."""
    answer = b"x" * 200_000

    def serve(peer, _backend):
        peer.receive_line()
        peer.sock.sendall(answer)

    proxy = bench.simple([bench.backend("a", serve)], key="source_ip")
    broken, refused, whole = [], [0], [0]

    def client():
        while not refused[0]:
            try:
                sock = dial(proxy.address())
            except (ConnectionRefusedError, ConnectionResetError):
                refused[0] += 1
                return
            with sock:
                try:
                    sock.sendall(b"question\n")
                    data, ending = read_to_end(sock)
                except ConnectionResetError:
                    data, ending = b"", RESET
                if (data, ending) == (answer, EOF):
                    whole[0] += 1
                elif data:
                    broken.append((len(data), ending))

    threads = [threading.Thread(target=client, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: whole[0] > scaled(200, least=40), "load", DEADLINE * 4)
    proxy.signal(signal.SIGTERM)
    for thread in threads:
        thread.join(DEADLINE)
    assert proxy.wait_exit() == 0
    assert refused[0] and not broken, broken


@pytest.mark.parametrize("farewell", ["the listener goes", "the proxy goes"])
def test_connections_in_the_queue_are_served_before_it_closes(bench, farewell):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    address = proxy.address()
    other = {**proxy.config, "listeners": [listener(free_port(), "source_ip", name="other")]}
    proxy.signal(signal.SIGSTOP)
    clients = [dial(address) for _ in range(50)]  # the kernel answers for it
    if farewell == "the listener goes":
        proxy.write(other)
        proxy.signal(signal.SIGHUP)
    else:
        proxy.signal(signal.SIGTERM)
    proxy.signal(signal.SIGCONT)
    for client in clients:
        assert read_line(client) == b"a"
        client.close()
    if farewell == "the listener goes":
        wait_until(lambda: _refuses(address), "the listener to go")
    else:
        assert proxy.wait_exit() == 0


def test_a_restart_on_the_same_port_is_immediate(bench):
    proxy = bench.simple(bench.backends("a"))
    for _ in range(3):
        for number in range(10):
            assert ask(proxy.address(), b"key-%d" % number) == "a"
        proxy.stop()
        proxy = bench.ringway(proxy.config)


def test_as_many_workers_are_started_as_processors_are_allowed(bench):
    """And no more than the machine has: two, or one on a machine with one."""
    allowed = sorted(os.sched_getaffinity(0))[:2]
    for processors in ([allowed[0]], allowed):
        mask = ",".join(map(str, processors))
        config = {
            "workers": "auto",
            "listeners": [listener(free_port())],
            "pools": {"main": {"servers": []}},
        }
        proxy = bench.ringway(config, prefix=["taskset", "-c", mask])
        status = proxy.status()
        assert f" {len(processors)} allowed by the affinity mask" in status["processors"]
        # A cgroup's quota may be narrower still.
        if status["processors"].endswith("quota none"):
            assert status["workers"] == len(processors)
        assert f"{status['workers']} workers (auto): " in proxy.log()
