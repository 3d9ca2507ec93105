"""Three real redis-servers behind the proxy, clients distinguished by source address."""

import threading
import time

import pytest

from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.ports import free_port
from support.programs import RealRedis, find, run
from support.resp import Resp
from support.waiting import scaled, wait_until, within

SOURCES = [f"127.0.0.{last}" for last in range(2, 42)]


@pytest.fixture
def redises(bench):
    return [bench.start(RealRedis(bench.folder, f"redis-{number}")) for number in (1, 2, 3)]


@pytest.fixture
def proxy(bench, redises):
    ping = {**ANSWERED_CHECKS, "send": r"PING\r\n", "expect": "+PONG"}
    pool = pool_of(redises, health=ping)
    entry = listener(free_port(), "source_ip", "redis", "redis")
    return bench.ringway({"listeners": [entry], "pools": {"redis": pool}})


def reached(proxy, source: str) -> int:
    """The port of the redis-server that a new session from `source` speaks to."""
    with Resp(proxy.address("redis"), source) as session:
        return int(session("CONFIG", "GET", "port")[1])


def placements(proxy) -> dict:
    return {source: reached(proxy, source) for source in SOURCES}


def test_values_come_back_and_a_source_stays_with_its_server(proxy, redises):
    for source in SOURCES:
        with Resp(proxy.address("redis"), source) as session:
            assert session("SET", f"key of {source}", source) == "OK"
    for source in SOURCES:
        with Resp(proxy.address("redis"), source) as session:
            assert session("GET", f"key of {source}").decode() == source
    held = [_count(redis) for redis in redises]
    assert sum(held) == len(SOURCES) and all(held)


def _count(redis) -> int:
    with Resp(("127.0.0.1", redis.port)) as session:
        return session("DBSIZE")


def test_connections_go_where_explain_says(proxy, redises):
    names = {redis.port: redis.name for redis in redises}
    for source in SOURCES:
        assert names[reached(proxy, source)] == proxy.owner(source, "redis")


def test_pipelined_commands_are_answered_in_order(proxy):
    count = scaled(20_000, least=1000)
    with Resp(proxy.address("redis")) as session:
        session.send(("DEL", "n"))
        assert session.answer() == 0
        sender = threading.Thread(target=session.send, args=[("INCR", "n")] * count)
        sender.start()
        assert [session.answer() for _ in range(count)] == list(range(1, count + 1))
        sender.join()


def test_large_values_come_back_whole(proxy):
    value = bytes(range(256)) * scaled(40_000, least=4000)
    with Resp(proxy.address("redis")) as session:
        assert session("SET", "large", value) == "OK"
        assert session("GET", "large") == value


def test_redis_cli_works(proxy):
    port = str(proxy.address("redis")[1])
    assert run(find("redis-cli"), "-p", port, "SET", "a", "1").stdout.strip() == "OK"
    assert run(find("redis-cli"), "-p", port, "GET", "a").stdout.strip() == "1"


def test_redis_benchmark_completes(proxy):
    port = proxy.address("redis")[1]
    requests = scaled(100_000, least=2000)
    output = run(
        find("redis-benchmark"), "-p", port, "-n", requests, "-c", 50, "-P", 8,
        "-t", "set,get,incr,lpush,mset", "-q",
    ).stdout  # fmt: skip
    assert "error" not in output.lower(), output
    assert output.count("requests per second") >= 5, output
    # A connection for every request: -k 0 has redis-benchmark reconnect.
    output = run(
        find("redis-benchmark"), "-p", port, "-n", scaled(5000, least=500), "-c", 20,
        "-k", 0, "-t", "set,get", "-q",
    ).stdout  # fmt: skip
    assert "error" not in output.lower(), output


class Session(threading.Thread):
    """Sets and gets without a pause until stopped; keeps the first error and its time."""

    def __init__(self, address, source: str):
        super().__init__(daemon=True)
        self.source = source
        self.resp = Resp(address, source)
        self.port = int(self.resp("CONFIG", "GET", "port")[1])
        self.stopping = False
        self.rounds = 0
        self.error = None
        self.failed_at = None

    def run(self):
        try:
            while not self.stopping:
                value = f"{self.source} {self.rounds}".encode()
                self.resp.send(("SET", self.source, value), ("GET", self.source))
                assert self.resp.answer() == "OK"
                assert self.resp.answer() == value
                self.rounds += 1
                time.sleep(0.001)  # many sessions share this one interpreter
        except OSError as error:
            self.error, self.failed_at = error, time.monotonic()

    def end(self):
        self.stopping = True
        self.join()
        self.resp.close()


def test_a_killed_server_costs_its_own_sessions_and_nobody_else(bench, proxy, redises):
    names = {redis.port: redis.name for redis in redises}
    before = placements(proxy)
    walks = {source: proxy.walk(source, "redis") for source in SOURCES}
    victim = redises[1]
    sessions = [Session(proxy.address("redis"), source) for source in SOURCES[:24]]
    its_own = [session for session in sessions if session.port == victim.port]
    others = [session for session in sessions if session.port != victim.port]
    assert its_own and others
    for session in sessions:
        session.start()
    wait_until(lambda: all(session.rounds > 5 for session in sessions), "load on all sessions")

    victim.kill()
    killed_at = time.monotonic()
    # New connections go on at once, whether or not a check has noticed.
    for source, port in before.items():
        expected = walks[source][1] if port == victim.port else names[port]
        assert names[reached(proxy, source)] == expected, source
    wait_until(lambda: all(session.error for session in its_own), "its sessions to end")
    assert max(session.failed_at for session in its_own) - killed_at < within(0.1)

    proxy.wait_server(victim.name, "offline", "redis")
    rounds = {session: session.rounds for session in others}
    wait_until(lambda: all(s.rounds > rounds[s] + 5 for s in others), "load to go on")
    victim.start()
    proxy.wait_server(victim.name, "online", "redis")
    assert placements(proxy) == before
    for session in sessions:
        session.end()
    assert [session.error for session in others] == [None] * len(others)
