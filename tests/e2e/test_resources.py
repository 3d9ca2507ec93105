"""When something runs out or stands still: descriptors, the log's reader, the wall clock."""

import os
import resource
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from support.clients import ask, dial, read_exactly, read_line
from support.configuration import FAST_CHECKS
from support.waiting import DEADLINE, sanitizer, scaled, wait_until, within


# It asks by way of a pipe whether an object is there, and without one says that it is not.
needs_descriptors_itself = pytest.mark.skipif(
    sanitizer() == "address", reason="UBSan's check of vtables fails without descriptors"
)


def limit_descriptors(proxy, soft: int):
    _, hard = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE, (soft, hard))


# A connection takes two descriptors: the last one left may be its first or its second.
@needs_descriptors_itself
@pytest.mark.parametrize("spare", [6, 7])
def test_without_descriptors_accepting_pauses_and_live_traffic_goes_on(bench, spare):
    proxy = bench.simple(bench.backends("a"), key="source_ip", connect={"timeout": "30s"})
    live = dial(proxy.address())
    assert read_line(live) == b"a"
    for _ in range(3):
        assert ask(proxy.address(), b"warm") == "a"
    # Room for a handful more, then none; what the kernel queues stays queued.
    limited = time.monotonic()
    limit_descriptors(proxy, proxy.descriptors() + spare)
    waiting = [dial(proxy.address()) for _ in range(20)]

    def full():
        limit, _ = resource.prlimit(proxy.pid, resource.RLIMIT_NOFILE)
        return proxy.descriptors() >= limit - 1

    wait_until(full, "the descriptors to run out")
    proxy.wait_log("Too many open files")
    spent, begin = proxy.cpu_seconds(), time.monotonic()
    while time.monotonic() - begin < 1.0:
        live.sendall(b"alive")
        assert read_exactly(live, 5) == b"alive"
        time.sleep(0.05)  # the client's own pace, during which the proxy must not spin
    assert proxy.cpu_seconds() - spent < 0.15 * (time.monotonic() - begin)
    # A line a second from each of two workers.
    complaints = proxy.log().count("Too many open files")
    assert complaints <= 2 * (1 + int(time.monotonic() - limited))

    limit_descriptors(proxy, 4096)
    begin = time.monotonic()
    served = sum(_is_served(client) for client in waiting)
    assert time.monotonic() - begin < within(0.2)
    # Each of two workers may have taken one in before it knew.
    assert served >= len(waiting) - 2
    assert proxy.server("a")["connect_failures"] == 0, "the server is blamed for it"
    for client in [live, *waiting]:
        client.close()


@needs_descriptors_itself
def test_without_descriptors_for_pipes_bulk_goes_on(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    total, block = scaled(64 << 20, least=16 << 20), os.urandom(1 << 20)
    with dial(proxy.address()) as client:
        assert read_line(client) == b"a"
        limit_descriptors(proxy, proxy.descriptors())

        def send():
            for _ in range(total >> 20):
                client.sendall(block)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        for _ in range(total >> 20):
            assert read_exactly(client, 1 << 20) == block
        sender.join()
        limit_descriptors(proxy, 4096)


def _is_served(client) -> bool:
    try:
        return read_line(client) == b"a"
    except (ConnectionResetError, EOFError):
        return False


@needs_descriptors_itself
def test_closing_connections_makes_room_for_those_that_wait(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    assert ask(proxy.address(), b"warm") == "a"
    limit_descriptors(proxy, proxy.descriptors() + 8)
    clients = [dial(proxy.address()) for _ in range(30)]
    served = 0
    while clients:
        # Whoever has been accepted is served and leaves, until all have been.
        for client in list(clients):
            client.settimeout(0.05)
            try:
                line = read_line(client)
            except TimeoutError:
                continue
            except (ConnectionResetError, EOFError):
                line = None  # accepted, but without a descriptor for the server's side
            served += line == b"a"
            client.close()
            clients.remove(client)
    assert served > 0
    limit_descriptors(proxy, 4096)
    assert ask(proxy.address(), b"after") == "a"


def test_a_log_that_nobody_reads_holds_up_no_traffic_and_no_end(bench):
    reading, writing = os.pipe()
    try:
        proxy = bench.simple(bench.backends("a"))
        proxy.stop()
        blocked = bench.ringway(proxy.config, stderr=writing, wait_ready=False)
        os.close(writing)
        wait_until(lambda: blocked.socket_path.exists(), "the admin socket")
        wait_until(lambda: blocked.status()["ok"], "an answer")
        for number in range(1200):  # some 200 bytes each, far more than a pipe holds
            assert ask(blocked.address(), b"key-%d" % number + b"x" * 100) == "a"
        assert blocked.status()["listeners"][0]["accepted"] == 1200
        blocked.wait_idle()
        blocked.signal(signal.SIGTERM)
        assert blocked.wait_exit() == 0
    finally:
        os.close(reading)


CLOCK_SHIM = r"""
// Preloaded: the wall clock is an hour later once the file in JUMP_FILE exists.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec* now) {
    static int (*real)(clockid_t, struct timespec*);
    if (!real) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME && access(getenv("JUMP_FILE"), F_OK) == 0) now->tv_sec += 3600;
    return result;
}
"""


@pytest.mark.skipif(bool(sanitizer()), reason="a preloaded library and a sanitizer do not mix")
@pytest.mark.skipif(not shutil.which("cc"), reason="needs a C compiler")
def test_a_wall_clock_that_jumps_an_hour_moves_no_timer(bench):
    shim, jump = bench.folder / "shim.so", bench.folder / "jump"
    (bench.folder / "shim.c").write_text(CLOCK_SHIM)
    source = str(bench.folder / "shim.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", str(shim), source], check=True)
    backends = bench.backends("a", "b")
    plain = bench.simple(
        backends,
        key="source_ip",
        health=FAST_CHECKS,
        listen={"timeouts": {"idle": "10s", "half_close": "500ms"}},
    )
    plain.stop()
    proxy = bench.ringway(plain.config, environ={"LD_PRELOAD": str(shim), "JUMP_FILE": str(jump)})
    with dial(proxy.address()) as idle, dial(proxy.address()) as halved:
        read_line(idle), read_line(halved)
        begin = time.monotonic()
        jump.touch()
        assert ask(proxy.address(), b"after the jump") in ("a", "b")
        halved.shutdown(1)
        assert halved.recv(1) == b""  # the echo ends when its client does
        idle.sendall(b"still here")
        assert read_exactly(idle, 10) == b"still here"
        backends[0].stop()
        proxy.wait_server("a", "offline")  # the checks go on at their pace
        backends[0].start()
        proxy.wait_server("a", "online")
        assert time.monotonic() - begin < within(2)


def test_load_leaves_no_descriptor_and_no_connection_behind(bench):
    backends = bench.backends("a", "b", "c")
    proxy = bench.simple(backends, health=FAST_CHECKS)

    def load(count: int):
        def client():
            for number in range(count):
                with dial(proxy.address()) as sock:
                    sock.sendall(b"key-%d\n" % number + b"x" * (number * 37 % 30_000))
                    if number % 3 == 0:
                        read_line(sock)
                    if number % 5 == 0:
                        sock.shutdown(1)

        threads = [threading.Thread(target=client, daemon=True) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE * 4)
        proxy.wait_idle()

    load(scaled(50, least=20))  # what is allocated once is allocated now
    before, memory = proxy.settled_descriptors(), proxy.resident_bytes()
    load(scaled(250, least=50))
    wait_until(lambda: proxy.descriptors() <= before, f"no more than {before} descriptors")
    if not sanitizer():
        assert proxy.resident_bytes() - memory < 8 << 20
    assert Path(f"/proc/{proxy.pid}").exists()
