"""A thousand servers by the names of their hosts; the addresses of a hundred change under load."""

import time
from contextlib import ExitStack

from support.backends import Backend
from support.clients import RESET, dial, read_line, read_to_end
from support.configuration import listener
from support.names import NameServer
from support.ports import free_port
from support.steady_load import SteadyLoad
from support.waiting import scaled, wait_until

SERVERS = scaled(1000, least=200)
FLIPPED = range(0, SERVERS, 10)
KEYS = [b"key-%d" % number for number in range(500)]
HELD = KEYS[:300]


def where(number: int, flipped: bool = False) -> str:
    return f"127.{2 if flipped else 1}.{number // 250}.{number % 250 + 1}"


def say_where(peer, _backend):
    """Names the address that the connection came to, then echoes all bytes."""
    peer.sock.sendall(peer.sock.getsockname()[0].encode() + b"\n")
    while data := peer.receive():
        peer.sock.sendall(data)


def records(flipped=()) -> list[str]:
    return [f"h-{number} A {where(number, number in flipped)}" for number in range(SERVERS)]


def addresses_of(key_owners: dict, flipped=()) -> dict:
    """The address that each key's connections come to."""
    numbers = {key: int(owner.split("-")[1]) for key, owner in key_owners.items()}
    return {key: where(number, number in flipped) for key, number in numbers.items()}


def hold(proxy, key: bytes, address: str):
    held = dial(proxy.address())
    held.sendall(key + b"\n")
    assert read_line(held).decode() == address
    assert read_line(held) == key
    return held


def still_answers(held) -> bool:
    held.sendall(b"more\n")
    return read_line(held) == b"more"


def test_addresses_change_under_load_and_no_key_moves(bench):
    names = bench.start(NameServer(bench.folder / "knot", records()))
    backend = bench.start(Backend("everyone", say_where, host="0.0.0.0"))
    servers = [
        {"id": f"s-{number}", "address": f"h-{number}.test:{backend.port}"}
        for number in range(SERVERS)
    ]
    proxy = bench.ringway(
        {
            "listeners": [listener(free_port())],
            "pools": {
                "main": {"hash": {"vnodes": 64}, "servers": servers, "on_removed": "reset"},
            },
            "dns": {"nameservers": [names.address], "min_ttl": "2s", "family": "v4"},
        }
    )
    wait_until(
        lambda: all(each["status"] == "online" for each in proxy.servers().values()),
        "every address",
        every=0.1,
    )
    owners = proxy.owners(KEYS)
    fingerprint = proxy.status()["pools"][0]["fingerprint"]
    before, after = addresses_of(owners), addresses_of(owners, FLIPPED)
    leave = {key for key in KEYS if before[key] != after[key]}
    assert leave & {*HELD} and {*HELD} - leave

    with ExitStack() as stack:
        helds = {key: stack.enter_context(hold(proxy, key, before[key])) for key in HELD}
        load = SteadyLoad(proxy.address(), KEYS, rate=scaled(200, least=100))
        bench.start(load)
        wait_until(lambda: len(load.answers) > len(KEYS), "every key to be asked for")
        names.set(records(FLIPPED))

        def has_flipped():
            assert proxy.status()["pools"][0]["fingerprint"] == fingerprint
            found = proxy.servers()
            hosts = [found[f"s-{number}"]["address"].split(":")[0] for number in FLIPPED]
            return hosts == [where(number, True) for number in FLIPPED]

        wait_until(has_flipped, "the new addresses", every=0.1)
        seen = time.monotonic()
        wait_until(lambda: len(load.since(seen)) > len(KEYS), "every key once more")
        load.stop()

        assert proxy.owners(KEYS) == owners
        for key, held in helds.items():
            if key in leave:
                assert read_to_end(held)[1] == RESET, key
            else:
                assert still_answers(held), key

    for answer in load.since(seen):
        assert answer.server == after[answer.key], answer
    for answer in load.answers:
        # A connection of the moment may be one to the address that was left.
        may_be = {before[answer.key], after[answer.key]}
        assert answer.server in may_be or (answer.key in leave and answer.error == RESET), answer
