"""Bytes are sacred: what arrives is a prefix of what was sent, and a broken stream ends broken."""

import hashlib
import os
import select
import socket
import threading
import time

import pytest

from support.backends import record, silent
from support.clients import (
    EOF,
    RESET,
    dial,
    read_exactly,
    read_line,
    read_to_end,
    reset,
    send_ignoring_reset,
)
from support.waiting import DEADLINE, scaled, wait_until, within

SIZES = [1, 1000, 100_000, 3_000_000]
# A timeout that who moves something now and then must not meet, though a busy machine keeps
# him from it for a while.
LIMIT = 2.0
LIMIT_TEXT = f"{int(LIMIT * 1000)}ms"


def noise(count: int) -> bytes:
    return os.urandom(count)


@pytest.mark.parametrize("count", SIZES)
@pytest.mark.parametrize("reading", ["at once", "late"])
def test_a_server_that_resets_in_midstream_is_cut_after_exactly_its_bytes(bench, count, reading):
    data = noise(count)
    ready, broke = threading.Event(), threading.Event()

    def send_and_reset(peer, _backend):
        assert ready.wait(DEADLINE)  # or the client's connect() is what meets the reset
        peer.sock.sendall(data)
        peer.wait_acknowledged()
        reset(peer.sock)
        broke.set()

    proxy = bench.simple(bench.backends("a", serve=send_and_reset), key="source_ip")
    with dial(proxy.address()) as client:
        me = client.getsockname()
        ready.set()
        if reading == "late":
            assert broke.wait(DEADLINE)
        received, ending = read_to_end(client)
    assert len(received) == len(data)
    assert (received == data, ending) == (True, RESET)
    line = proxy.wait_access(client=me)
    assert (line.down, line.end) == (count, "server_reset")


@pytest.mark.parametrize("count", SIZES)
def test_a_client_that_resets_in_midstream_is_cut_at_the_server_too(bench, count):
    data = noise(count)
    backend = bench.backend("a", record)
    proxy = bench.simple([backend], key="source_ip")
    client = dial(proxy.address())
    assert read_line(client) == b"a"
    client.sendall(data)
    peer = backend.peers[0]
    wait_until(lambda: len(peer.received) == count, "the server to have it all")
    reset(client)
    wait_until(lambda: peer.ending, "the server to see the end")
    assert peer.ending == RESET
    assert bytes(peer.received) == data
    assert proxy.wait_access(listener="main").end == "client_reset"


@pytest.mark.parametrize("count", [1000, 2_000_000])
def test_what_a_client_sent_before_its_reset_is_a_prefix_and_never_a_clean_end(bench, count):
    data = noise(count)
    backend = bench.backend("a", record)
    proxy = bench.simple([backend], key="source_ip")
    client = dial(proxy.address())
    assert read_line(client) == b"a"
    client.sendall(data)
    reset(client)
    peer = backend.peers[0]
    wait_until(lambda: peer.ending, "the server to see the end")
    assert peer.ending == RESET
    assert data.startswith(bytes(peer.received))


def test_an_upload_goes_on_after_the_server_has_ended_its_side(bench):
    data = noise(scaled(20 << 20, least=2 << 20))

    def answer_first(peer, _backend):
        peer.sock.sendall(b"enough said\n")
        peer.sock.shutdown(1)
        peer.receive_to_end()

    backend = bench.backend("a", answer_first)
    proxy = bench.simple([backend], key="source_ip")
    with dial(proxy.address()) as client:
        assert read_to_end(client) == (b"enough said\n", EOF)
        client.sendall(data)
        me = client.getsockname()
    peer = backend.peers[0]
    wait_until(lambda: peer.ending, "the upload to end")
    assert (peer.ending, bytes(peer.received) == data) == (EOF, True)
    assert proxy.wait_access(client=me).end == "done"


def test_the_whole_answer_arrives_after_the_client_has_ended_its_side(bench):
    question = noise(scaled(5 << 20, least=1 << 20))
    answer = noise(scaled(20 << 20, least=2 << 20))

    def answer_last(peer, _backend):
        peer.receive_to_end()
        assert peer.ending == EOF
        peer.sock.sendall(answer)

    backend = bench.backend("a", answer_last)
    proxy = bench.simple([backend], key="source_ip")
    with dial(proxy.address()) as client:
        client.sendall(question)
        client.shutdown(1)
        received, ending = read_to_end(client)
        me = client.getsockname()
    assert (ending, received == answer) == (EOF, True)
    assert bytes(backend.peers[0].received) == question
    line = proxy.wait_access(client=me)
    assert (line.up, line.down, line.end) == (len(question), len(answer), "done")


def test_a_connection_without_a_byte_ends_cleanly(bench):
    def close_at_once(_peer, _backend):
        pass

    proxy = bench.simple(bench.backends("a", serve=close_at_once), key="source_ip")
    for _ in range(20):
        with dial(proxy.address()) as client:
            assert read_to_end(client) == (b"", EOF)


def test_both_directions_at_once_arrive_unchanged(bench):
    proxy = bench.simple(bench.backends("a"), key="source_ip")
    block = noise(1 << 20)
    total = scaled(64, least=8) * len(block)
    with dial(proxy.address()) as client:
        assert read_line(client) == b"a"

        def send():
            for _ in range(total // len(block)):
                client.sendall(block)
            client.shutdown(1)

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        sent, received, count = hashlib.sha1(), hashlib.sha1(), 0
        while piece := client.recv(1 << 20):
            received.update(piece)
            count += len(piece)
        sender.join()
    for _ in range(total // len(block)):
        sent.update(block)
    assert (count, received.digest()) == (total, sent.digest())


@pytest.mark.parametrize("count", [10, 5_000_000], ids=["small", "bulk"])
def test_an_urgent_byte_stays_in_its_place(bench, count):
    before, after = noise(count), noise(count)
    backend = bench.backend("a", record)
    proxy = bench.simple([backend], key="source_ip")
    with dial(proxy.address()) as client:
        assert read_line(client) == b"a"
        client.sendall(before)
        client.send(b"!", socket.MSG_OOB)
        client.sendall(after)
        client.shutdown(1)
        assert read_to_end(client) == (b"", EOF)
    assert bytes(backend.peers[0].received) == before + b"!" + after


def test_a_slow_reader_is_not_idle_while_it_reads(bench):
    answer = noise(300_000)

    def answer_and_end(peer, _backend):
        peer.sock.sendall(answer)

    proxy = bench.simple(
        bench.backends("a", serve=answer_and_end),
        key="source_ip",
        listen={"timeouts": {"half_close": LIMIT_TEXT, "idle": LIMIT_TEXT}},
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(DEADLINE)
        client.connect(proxy.address())
        received = bytearray()
        while piece := client.recv(20_000):
            received += piece
            time.sleep(LIMIT / 20)  # the client's own pace: three times the limit in all
        assert received == answer


def test_a_reader_that_pauses_gets_everything_and_costs_bounded_memory(bench):
    block = noise(1 << 20)
    total = scaled(256, least=64) * len(block)
    sent = [0]

    def flood(peer, _backend):
        for _ in range(total // len(block)):
            peer.sock.sendall(block)
            sent[0] += len(block)

    proxy = bench.simple(bench.backends("a", serve=flood), key="source_ip")
    with dial(proxy.address()) as client:
        before = proxy.resident_bytes()

        def stalled():
            seen = sent[0]
            # The buffers are full once nothing has moved for a while.
            return seen and not _changes(lambda: sent[0] != seen, 0.5)

        wait_until(stalled, "the sender to stall")
        assert sent[0] < total
        assert proxy.resident_bytes() - before < 32 << 20
        for _ in range(total // len(block)):
            assert read_exactly(client, len(block)) == block
        assert client.recv(1) == b""


def _changes(predicate, seconds: float) -> bool:
    try:
        wait_until(predicate, deadline=seconds)
    except AssertionError:
        return False
    return True


def test_a_client_that_resets_frees_a_stalled_servers_side_at_once(bench):
    release = threading.Event()

    def stall(_peer, _backend):
        release.wait(DEADLINE)  # never reads

    backend = bench.backend("a", stall)
    proxy = bench.simple([backend], key="source_ip")
    client = dial(proxy.address())
    client.settimeout(0.5)
    with pytest.raises(TimeoutError):  # until every buffer on the way is full
        while True:
            client.send(noise(1 << 20))
    watch = select.poll()
    watch.register(backend.peers[0].sock, select.POLLRDHUP)
    begin = time.monotonic()
    reset(client)
    wait_until(lambda: proxy.server("a")["active"] == 0, "the relay to be freed")
    assert watch.poll(DEADLINE * 1000), "the server saw no end"
    assert time.monotonic() - begin < within(0.1)
    release.set()


def test_a_server_that_resets_frees_a_stalled_clients_side(bench):
    go = threading.Event()

    def fill_and_reset(peer, _backend):
        peer.sock.settimeout(0.5)
        try:
            while True:
                peer.sock.send(b"x" * (1 << 20))
        except TimeoutError:
            pass
        go.wait(DEADLINE)
        reset(peer.sock)

    proxy = bench.simple(
        bench.backends("a", serve=fill_and_reset),
        key="source_ip",
        listen={"timeouts": {"half_close": "500ms"}},
    )
    with dial(proxy.address()):  # never reads
        go.set()
        wait_until(lambda: proxy.server("a")["total"] == 1, "the relay")
        assert proxy.wait_access(listener="main").end == "server_reset"
        proxy.wait_idle()


def test_a_side_half_closed_for_ever_ends_at_the_timeout(bench):
    proxy = bench.simple(
        bench.backends("a", serve=silent),
        key="source_ip",
        listen={"timeouts": {"half_close": "300ms"}},
    )
    with dial(proxy.address()) as client:
        client.sendall(b"question")
        begin = time.monotonic()
        client.shutdown(1)
        assert read_to_end(client) == (b"", RESET)
        assert 0.25 < time.monotonic() - begin < within(0.3)
        me = client.getsockname()
    assert proxy.wait_access(client=me).end == "half_close_timeout"


def test_a_server_half_closed_for_ever_ends_at_the_timeout(bench):
    def end_and_wait(peer, _backend):
        peer.sock.shutdown(1)
        peer.receive_to_end()

    backend = bench.backend("a", end_and_wait)
    proxy = bench.simple(
        [backend], key="source_ip", listen={"timeouts": {"half_close": "300ms"}}
    )
    with dial(proxy.address()) as client:
        assert read_to_end(client) == (b"", EOF)
        me = client.getsockname()
        assert proxy.wait_access(client=me).end == "half_close_timeout"
        wait_until(lambda: backend.peers[0].ending == RESET, "the server to be reset")


def test_moving_bytes_push_the_half_close_timeout_out(bench):
    def dribble(peer, _backend):
        peer.receive_to_end()
        for number in range(12):
            peer.sock.sendall(b"%x" % number)
            time.sleep(LIMIT / 10)  # the server's own pace: more than the limit in all

    proxy = bench.simple(
        bench.backends("a", serve=dribble),
        key="source_ip",
        listen={"timeouts": {"half_close": LIMIT_TEXT}},
    )
    with dial(proxy.address()) as client:
        client.shutdown(1)
        assert read_to_end(client) == (b"0123456789ab", EOF)


def test_an_idle_connection_ends_at_the_timeout_and_a_busy_one_does_not(bench):
    proxy = bench.simple(
        bench.backends("a"),
        key="source_ip",
        listen={"timeouts": {"idle": LIMIT_TEXT}},
    )
    idle, busy = dial(proxy.address()), dial(proxy.address())
    assert read_line(idle) == read_line(busy) == b"a"
    begin = time.monotonic()
    while time.monotonic() - begin < LIMIT * 2:
        busy.sendall(b"x")
        assert busy.recv(1) == b"x"
        time.sleep(0.02)  # the client's own pace
    assert read_to_end(idle) == (b"", RESET)
    assert proxy.wait_access(client=idle.getsockname()).end == "idle_timeout"
    idle.close()
    busy.close()


def test_writing_to_clients_that_left_harms_nobody_else(bench):
    def flood(peer, _backend):
        while True:
            peer.sock.sendall(b"x" * 65536)

    proxy = bench.simple(
        [bench.backend("a", flood)], key="source_ip", listen={"timeouts": {"half_close": "1s"}}
    )
    for number in range(scaled(100, least=20)):
        client = dial(proxy.address())
        read_exactly(client, 100)
        if number % 2:
            reset(client)
        else:
            client.close()  # with unread bytes: the kernel resets as well
    assert proxy.running()
    proxy.wait_idle()


def test_a_client_that_writes_to_a_server_that_left_is_reset(bench):
    def leave(peer, _backend):
        reset(peer.sock)

    proxy = bench.simple([bench.backend("a", leave)], key="source_ip")
    for _ in range(20):
        try:
            with dial(proxy.address()) as client:
                send_ignoring_reset(client, b"x" * 300_000)
                assert read_to_end(client)[0] == b""
        except ConnectionResetError:
            pass  # so soon that connecting was not over
    assert proxy.running()
