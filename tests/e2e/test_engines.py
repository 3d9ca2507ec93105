"""Real sessions through either engine of the workers."""

import random
from contextlib import ExitStack

import pytest
from support.configuration import listener, pool_of
from support.ports import free_port
from support.programs import RealRedis
from support.resp import Resp
from support.waiting import wait_until

CLIENTS = 24
ROUNDS = 40


@pytest.mark.parametrize("engine", ["epoll", "io_uring"])
def test_many_sessions_at_once_get_their_own_answers(bench, engine):
    redis = bench.start(RealRedis(bench.folder, "redis"))
    entry = listener(free_port(), "source_ip")
    config = {"listeners": [entry], "pools": {"main": pool_of([redis])}, "workers": 1}
    proxy = bench.ringway({**config, "engine": "auto"})
    refused = proxy.status()["engine"]["reason"]
    proxy.stop()
    if engine == "io_uring" and refused:
        pytest.skip(f"the kernel refuses io_uring: {refused}")
    proxy = bench.ringway({**config, "engine": engine})
    assert proxy.status()["engine"] == {"name": engine, "reason": None}

    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    with ExitStack() as open_sessions:
        sessions = [open_sessions.enter_context(Resp(proxy.address())) for _ in range(CLIENTS)]
        for turn in range(ROUNDS):
            # Everybody asks before anybody reads, so that rounds of the loop have many events.
            sizes = [chance.choice((1, 64, 4_000, 200_000)) for _ in sessions]
            values = [f"{turn} {i} ".ljust(size, "x") for i, size in enumerate(sizes)]
            for number, (session, value) in enumerate(zip(sessions, values, strict=True)):
                session.send(("SET", number, value), ("GET", number))
            for session, value in zip(sessions, values, strict=True):
                assert session.answer() == "OK"
                assert session.answer() == value.encode()
    wait_until(lambda: len(proxy.access_log()) == CLIENTS, "the log")
    assert [access.end for access in proxy.access_log()] == ["done"] * CLIENTS
