"""The works that are compared: what is served, what the clients do, what one unit is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    unit: str  # the unit of processor time per operation
    serve: tuple[str, ...]  # the server's mode
    run: tuple[str, ...]  # the clients' mode
    probe: tuple[bytes, int]  # sent first, and how many bytes then come back
    is_bulk: bool = False
    is_idle: bool = False
    # Operations a second of a second run at a fixed rate (open loop), far below the capacity of
    # every proxy here, so that latencies measure the proxy and not a queue. 0 for no such run.
    even_rate: int = 0
    is_tls: bool = False  # clients speak TLS, servers get bytes in clear
    # Clients that do nothing but handshakes meanwhile, on another listener of the same worker.
    handshaking: int = 0


IDLE_CONNECTIONS = 4_000
TLS_IDLE_CONNECTIONS = 2_000
TLS_NAME = "site.example"
_TLS = ("--tls", TLS_NAME)
# Besides 64, which is the work round-trip-64.
OTHER_CLIENT_COUNTS = (1, 4, 16, 256, 1024)


def _small_round_trips(name: str, clients: int, even_rate: int = 0) -> Work:
    count = f"{clients:,} client" + ("s" if clients > 1 else "")
    return Work(name, f"Round trips of 64 B, {count}", "round trip", ("echo", "--bytes", "64"),
                ("round-trip", "--connections", str(clients), "--bytes", "64"),
                (b"x" * 64, 64), even_rate=even_rate)  # fmt: skip


WORKS = (
    Work("bulk-up", "Bulk up, 16 streams", "GB",
         ("sink",), ("bulk-up", "--connections", "16"), (b"x", 0), is_bulk=True),
    Work("bulk-down", "Bulk down, 16 streams", "GB",
         ("source",), ("bulk-down", "--connections", "16"), (b"", 1), is_bulk=True),
    _small_round_trips("round-trip-64", 64, even_rate=25_000),
    *(_small_round_trips(f"round-trip-64x{count}", count) for count in OTHER_CLIENT_COUNTS),
    Work("round-trip-16k", "Round trips of 16 KiB, 64 clients", "round trip",
         ("echo", "--bytes", "16384"), ("round-trip", "--connections", "64", "--bytes", "16384"),
         (b"x" * 16384, 16384), even_rate=15_000),
    Work("connect", "Connect, request, answer, close, 64 clients", "connection",
         ("answer", "--request", "64", "--bytes", "64"),
         ("connect", "--connections", "64", "--request", "64", "--bytes", "64"), (b"x" * 64, 64),
         even_rate=4_000),
    Work("idle", f"{IDLE_CONNECTIONS:,} idle connections", "connection",
         ("echo", "--bytes", "64"), ("idle", "--connections", str(IDLE_CONNECTIONS)),
         (b"x" * 64, 64), is_idle=True),
)

_CONNECT = ("connect", "--connections", "64", "--request", "64", "--bytes", "64", *_TLS)
_ANSWER = ("answer", "--request", "64", "--bytes", "64")

# Clients that do nothing but handshakes.
HANDSHAKES = Work("handshakes", "", "", _ANSWER,
                  ("connect", "--connections", "64", "--bytes", "0", *_TLS), (b"", 0), is_tls=True)

# Works within TLS 1.3: the clients' side alone.
TLS_WORKS = (
    Work("tls-connect", "TLS: full handshake, request, answer, close, 64 clients", "connection",
         _ANSWER, _CONNECT, (b"x" * 64, 64), is_tls=True),
    Work("tls-resume", "TLS: resumed handshake, request, answer, close, 64 clients", "connection",
         _ANSWER, (*_CONNECT, "--tls-resume"), (b"x" * 64, 64), is_tls=True),
    Work("tls-bulk-up", "TLS: bulk up, 16 streams", "GB", ("sink",),
         ("bulk-up", "--connections", "16", *_TLS), (b"x", 0), is_bulk=True, is_tls=True),
    Work("tls-bulk-down", "TLS: bulk down, 16 streams", "GB", ("source",),
         ("bulk-down", "--connections", "16", *_TLS), (b"", 1), is_bulk=True, is_tls=True),
    Work("tls-round-trip-64", "TLS: round trips of 64 B, 64 clients", "round trip",
         ("echo", "--bytes", "64"), ("round-trip", "--connections", "64", "--bytes", "64", *_TLS),
         (b"x" * 64, 64), is_tls=True),
    Work("tls-round-trip-16k", "TLS: round trips of 16 KiB, 64 clients", "round trip",
         ("echo", "--bytes", "16384"),
         ("round-trip", "--connections", "64", "--bytes", "16384", *_TLS), (b"x" * 16384, 16384),
         is_tls=True),
    Work("tls-idle", f"TLS: {TLS_IDLE_CONNECTIONS:,} idle connections", "connection",
         ("echo", "--bytes", "64"), ("idle", "--connections", str(TLS_IDLE_CONNECTIONS), *_TLS),
         (b"x" * 64, 64), is_idle=True, is_tls=True),
    Work("tls-storm", "Round trips of 64 B in clear, 4 clients, beside 64 that do handshakes",
         "round trip", ("echo", "--bytes", "64"),
         ("round-trip", "--connections", "4", "--bytes", "64"), (b"x" * 64, 64), is_tls=True,
         handshaking=64),
)

BY_NAME = {work.name: work for work in (*WORKS, *TLS_WORKS)}
