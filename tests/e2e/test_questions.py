"""Traffic while everything that can be asked is asked, by clients that behave and others."""

import csv
import http.client
import itertools
import socket
import threading

from support.configuration import listener, pool_of
from support.ports import free_port
from support.programs import RealRedis, find, run
from support.ringway import quote
from support.waiting import DEADLINE, scaled, wait_until
from support.web import with_web

SCRAPES = scaled(100, 20)


class Asker(threading.Thread):
    """Does one thing over and over until stopped; keeps what went wrong.

    While all slots are taken, an answer that is not read within a second gives its slot to another
    client (HttpLimits::grace). On a slow machine that may meet one that behaves: it asks again.
    """

    def __init__(self, ask, pause: float = 0):
        super().__init__(daemon=True)
        self.ask, self.pause, self.rounds, self.errors = ask, pause, 0, []
        self.dropped = 0
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.wait(self.pause) and not self.errors:
            try:
                self.ask()
                self.rounds += 1
            except http.client.RemoteDisconnected:
                self.dropped += 1
            except Exception as error:  # the test reports every exception
                self.errors.append(repr(error))

    def stop(self):
        self.stopping.set()
        self.join()
        self.ask = None  # closes its sockets too


def every_command(proxy, extra) -> callable:
    """Asks every command of the admin socket in turn; all must be answered well."""
    commands = itertools.cycle(
        [
            "status", "servers", "servers redis", "server redis redis-1", "explain redis key",
            "ring redis", "events", "events 3", f"register redis extra {extra} --weight 2",
            "drain redis extra", "online redis extra", "offline redis extra", "auto redis extra",
            "overrides", "unregister redis extra", f"register redis extra {extra}",
            "forget redis extra", f"plan {quote(str(proxy.config_path))}", "reload",
            "reload --max-moved 100%",
        ]
    )  # fmt: skip
    return lambda: proxy.admin(next(commands))


def every_page(web) -> callable:
    pages = itertools.cycle(
        [
            "/", "/page.css", "/page.js", "/v1/status", "/v1/events", "/v1/pools/redis/servers",
            "/v1/pools/redis/servers/redis-1", "/v1/pools/redis/explain?key=k",
            "/v1/pools/redis/ring", "/healthz", "/readyz",
        ]
    )  # fmt: skip

    def ask():
        path = next(pages)
        answer = web.get(path)
        assert answer.status == 200 and answer.body, (path, answer)

    return ask


def misbehave(connect, bytes_to_send: bytes) -> callable:
    """Connects, sends garbage, reads nothing, and stays for the next five turns."""
    kept = []

    def ask():
        sock = connect()
        sock.settimeout(0.2)
        kept.append(sock)
        try:
            sock.sendall(bytes_to_send)
        except OSError:
            pass  # it was closed in the middle of it, or is not read from any more
        if len(kept) > 5:
            kept.pop(0).close()

    return ask


def wrongdoers(proxy, web) -> list:
    def http():
        return socket.create_connection(web.address, timeout=DEADLINE)

    def admin():
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(proxy.socket_path))
        return sock

    ask_often = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 200
    return [
        misbehave(http, ask_often),  # and never reads
        misbehave(http, b"\x16\x03\x01 no HTTP\r\n\r\n"),
        misbehave(http, b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 20)),
        misbehave(http, b"GET / HT"),  # and no more
        misbehave(admin, b"status\n" * 2000),  # and never reads
        misbehave(admin, b"\xff" * (1 << 20)),
        misbehave(admin, b"half a li"),
    ]


def benchmark(proxy) -> dict:
    """The p99 of a redis-benchmark by test, in milliseconds; every request was answered."""
    output = run(
        find("redis-benchmark"), "-p", proxy.address("redis")[1], "-n", scaled(50_000, least=3000),
        "-c", 50, "-t", "set,get", "--csv",
    ).stdout  # fmt: skip
    assert "error" not in output.lower(), output
    rows = list(csv.DictReader(line for line in output.splitlines() if line.startswith('"')))
    assert [row["test"] for row in rows] == ["SET", "GET"], output
    return {row["test"]: float(row["p99_latency_ms"]) for row in rows}


def test_redis_benchmark_runs_while_everything_is_asked(bench):
    redises = [bench.start(RealRedis(bench.folder, f"redis-{n}")) for n in (1, 2)]
    extra = bench.start(RealRedis(bench.folder, "redis-extra"))
    ping = {"interval": "1s", "timeout": "1s", "fall": 5, "send": r"PING\r\n", "expect": "+PONG"}
    config, web = with_web(
        bench,
        {
            "listeners": [listener(free_port(), "source", "redis", "redis")],
            "pools": {"redis": pool_of(redises, health=ping)},
            "log": {"access": False},
        },
    )
    proxy = bench.ringway(config)
    quiet = benchmark(proxy)
    proxy.wait_idle()
    descriptors = proxy.settled_descriptors()

    def scrape():
        assert "ringway_pool_picks_total" in web.get("/metrics").body.decode()

    scraper = Asker(scrape)
    askers = [scraper, Asker(every_command(proxy, extra.address)), Asker(every_page(web))]
    wrong = [Asker(ask, pause=0.02) for ask in wrongdoers(proxy, web)]
    asked = benchmark(proxy)
    while scraper.rounds < SCRAPES and not scraper.errors:
        asked = benchmark(proxy)
    wait_until(lambda: all(asker.rounds > 20 or asker.errors for asker in askers), "all rounds")
    for asker in askers + wrong:
        asker.stop()
    assert [asker.errors for asker in askers + wrong] == [[]] * len(askers + wrong)
    dropped = [asker.dropped for asker in askers]
    assert all(asker.dropped * 10 <= asker.rounds for asker in askers), dropped
    print(f"p99 in ms: {quiet} alone, {asked} while asked")
    proxy.wait_idle()
    metrics = web.metrics()
    ended = {reason: metrics.value("ringway_listener_connections_ended_total",
                                   listener="redis", reason=reason)
             for reason in ("done", "client_reset")}  # fmt: skip
    assert sum(ended.values()) == metrics.total("ringway_listener_connections_ended_total"), ended
    assert metrics.value("ringway_server_up", pool="redis", server="redis-1") == 1
    # Nobody of the wrongdoers has a place any more.
    wait_until(lambda: proxy.settled_descriptors() <= descriptors, "their places to be free")
