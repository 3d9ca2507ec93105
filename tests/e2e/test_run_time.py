"""Servers changed at run time: their weight and address, what is known of them, many at once."""

import json
import os
import select
import subprocess

from support.clients import ask
from support.configuration import listener, pool_of
from support.ports import free_port
from support.waiting import BIN_DIR, DEADLINE, scaled, wait_until
from support.web import with_web

KEYS = [b"key-%d" % number for number in range(scaled(200, least=100))]


def configuration(bench, backends, **pool):
    admin = {"socket": f"{bench.folder}/admin.sock", "state": f"{bench.folder}/state.json"}
    return {
        "listeners": [listener(free_port())],
        "pools": {"main": pool_of(backends, **pool)},
        "admin": admin,
    }


def restarted(bench, proxy):
    """SIGKILL, and a new process with the same file."""
    bench.forget(proxy).kill()
    return bench.ringway(proxy.config)


def reached(proxy) -> dict:
    """The backend that a connection with each key is placed on, once all changes serve."""
    proxy.status()
    return {key: ask(proxy.address(), key) for key in KEYS}


def registrations(backend, ids) -> str:
    return " ".join(f"{id} {backend.address}" for id in ids)


def test_a_weight_that_is_set_moves_keys_of_its_server_alone_until_it_is_forgotten(bench):
    proxy = bench.ringway(configuration(bench, bench.backends("a", "b", "c")))
    before = reached(proxy)
    answer = proxy.admin("set main a weight 3")
    assert answer["kept"] and answer["server"]["weight"] == 3
    after = reached(proxy)
    assert after == proxy.owners(KEYS)
    moved = {key for key in KEYS if after[key] != before[key]}
    assert moved and {after[key] for key in moved} == {"a"}

    proxy.reload_well()
    proxy.wait_log("pool main: server a has weight 3, set at run time")
    assert reached(proxy) == after
    proxy = restarted(bench, proxy)
    assert reached(proxy) == after
    (override,) = proxy.admin("overrides")["overrides"]
    assert (override["id"], override["weight"], override["address"]) == ("a", 3, None)

    proxy.admin("set main a weight 0")
    without = reached(proxy)
    assert "a" not in without.values()
    assert all(without[key] == before[key] for key in KEYS if before[key] != "a")

    assert proxy.admin("forget main a")["kept"]
    assert proxy.server("a")["weight"] == 1 and reached(proxy) == before
    proxy = restarted(bench, proxy)
    assert proxy.admin("overrides")["overrides"] == [] and reached(proxy) == before


def test_an_address_that_is_set_takes_the_same_keys_to_another_server(bench):
    a, b, other = bench.backends("a", "b", "other")
    proxy = bench.ringway(configuration(bench, [a, b]))
    before, owners = reached(proxy), proxy.owners(KEYS)
    answer = proxy.admin(f"set main a address {other.address}")
    assert answer["kept"] and answer["server"]["address"] == other.address
    after = {key: "other" if name == "a" else name for key, name in before.items()}
    assert reached(proxy) == after and proxy.owners(KEYS) == owners

    proxy.reload_well()
    proxy.wait_log(f"pool main: server a has address {other.address}, set at run time")
    assert reached(proxy) == after
    proxy = restarted(bench, proxy)
    assert reached(proxy) == after
    (override,) = proxy.admin("overrides")["overrides"]
    assert (override["weight"], override["address"]) == (None, other.address)

    proxy.admin("forget main a")
    assert reached(proxy) == before
    proxy = restarted(bench, proxy)
    assert reached(proxy) == before


def test_clear_ends_the_time_out_that_clients_put_a_server_in(bench):
    a, b = bench.backends("a", "b")
    proxy = bench.simple([a, b], passive={"failures": 1, "retry": "5m"})
    key = next(key for key, owner in proxy.owners(KEYS).items() if owner == "a")
    a.stop()
    assert ask(proxy.address(), key) == "b"
    proxy.wait_server("a", "offline")
    a.start()
    assert proxy.admin("auto main a")["server"]["detail"] == "down: connections failed"
    assert ask(proxy.address(), key) == "b"
    assert proxy.admin("clear main a")["server"]["status"] == "online"
    assert proxy.owner(key) == "a" and ask(proxy.address(), key) == "a"
    # Nothing that is known of it is left: the next failure is the first.
    a.stop()
    assert ask(proxy.address(), key) == "b"
    proxy.wait_server("a", "offline")
    assert proxy.server("a")["detail"] == "down: connections failed"


def test_a_question_sees_every_change_that_was_answered_before_it(bench):
    (a,) = bench.backends("a")
    proxy = bench.simple([a])
    crowd = [f"r-{number}" for number in range(scaled(300, least=100))]
    # So many points that their ring takes a while.
    with proxy.admin_client() as client, client.makefile("rb") as answers:

        def answer():
            found = json.loads(answers.readline())
            assert found["ok"], found
            return found

        def check(walk, shares, ids):
            assert {step["id"] for step in walk} == ids == set(shares)
            assert abs(sum(shares.values()) - 1) < 1e-6

        def shares_of(servers):
            return {server["id"]: server["share"] for server in servers["servers"]}

        # On one connection, without a wait for the answer between them.
        client.sendall(
            f"register main {registrations(a, crowd)}\nexplain main k\nservers main\n".encode()
        )
        assert answer()["registered"] == crowd
        check(answer()["walk"], shares_of(answer()), {"a", *crowd})

        # And on another.
        for number in range(5):
            client.sendall(f"register main late-{number} {a.address} --weight 5\n".encode())
            answer()
            ids = {"a", *crowd, *(f"late-{n}" for n in range(number + 1))}
            check(proxy.explain(b"k")["walk"], shares_of(proxy.admin("servers main")), ids)
            client.sendall(f"unregister main {crowd.pop()}\n".encode())
            answer()
            assert {step["id"] for step in proxy.explain(b"k")["walk"]} == {
                "a", *crowd, *(f"late-{n}" for n in range(number + 1))
            }  # fmt: skip


def test_the_endpoint_answers_at_once_and_of_the_ring_that_serves(bench):
    (a,) = bench.backends("a")
    config, web = with_web(bench, {"pools": {"main": pool_of([a])}})
    proxy = bench.ringway(config)
    crowd = [f"r-{number}" for number in range(scaled(300, least=100))]

    def walk() -> set:
        return {step["id"] for step in web.json("/v1/pools/main/explain?key=k")["walk"]}

    proxy.admin(f"register main {registrations(a, crowd)}")
    servers = web.json("/v1/pools/main/servers")["servers"]
    assert {server["id"] for server in servers} == {"a", *crowd}
    # Those that are not on the ring yet have no share of it.
    assert all(server["share"] is None or server["share"] > 0 for server in servers)
    assert walk() in ({"a"}, {"a", *crowd})
    wait_until(lambda: walk() == {"a", *crowd}, "the ring with all of them")
    shares = [each["share"] for each in web.json("/v1/pools/main/servers")["servers"]]
    assert abs(sum(shares) - 1) < 1e-6
    assert set(web.json("/v1/pools/main/ring")["servers"]) == {"a", *crowd}


def test_clients_go_where_an_answer_says_that_they_go(bench):
    a, b, c = bench.backends("a", "b", "c")
    proxy = bench.simple([a, b])
    proxy.admin(f"register main more {a.address}")
    for weight in (2, 0, 7, 1):
        proxy.admin(f"set main b weight {weight}")
        owners = proxy.owners(KEYS[:50])
        names = {"more": "a"}
        for key, owner in owners.items():
            assert ask(proxy.address(), key) == names.get(owner, owner)
    proxy.admin(f"set main b address {c.address}")
    assert {ask(proxy.address(), key) for key, o in proxy.owners(KEYS).items() if o == "b"} == {"c"}


def test_200_servers_are_registered_in_one_command_or_none_of_them(bench):
    a, r = bench.backends("a", "r")
    proxy = bench.ringway(configuration(bench, [a]))
    ids = [f"r-{number}" for number in range(200)]
    taken = proxy.ask(f"register main {registrations(r, ids)} a {r.address}")
    assert not taken["ok"] and "has a server a already" in taken["error"]
    twice = proxy.ask(f"register main {registrations(r, ids)} r-7 {r.address} --weight 2")
    assert twice["error"] == "server r-7 is named more than once"
    assert proxy.admin("overrides")["overrides"] == [] and list(proxy.servers()) == ["a"]

    answer = proxy.admin(f"register main {registrations(r, ids)} heavy {r.address} --weight 9")
    assert answer["registered"] == [*ids, "heavy"] and answer["kept"] is True
    assert set(proxy.servers()) == {"a", "heavy", *ids}
    assert proxy.server("heavy")["weight"] == 9
    assert "r" in reached(proxy).values()
    proxy = restarted(bench, proxy)
    assert set(proxy.servers()) == {"a", "heavy", *ids}


def test_ringctl_registers_thousands_of_servers_from_its_input(bench):
    (a,) = bench.backends("a")
    proxy = bench.simple([a], hash={"vnodes": 16})
    ids = [f"server-with-a-long-name-{number}" for number in range(scaled(3000, least=1800))]
    lines = "# id, address, weight\n" + "".join(f"{id} {a.address} 2\n" for id in ids)

    def register(text):
        return subprocess.run(
            [str(BIN_DIR / "ringctl"), "register", "main", "-"],
            input=text,
            capture_output=True,
            text=True,
            timeout=DEADLINE * 4,
            env={**os.environ, "RINGWAY_SOCKET": str(proxy.socket_path)},
        )

    wrong = register(lines + "one-word\n")
    assert wrong.returncode == 2 and f"line {len(ids) + 2}: " in wrong.stderr
    assert list(proxy.servers()) == ["a"]
    done = register(lines)
    assert done.returncode == 0, done.stderr
    counts = [int(line.split()[0]) for line in done.stdout.splitlines() if "registered" in line]
    assert len(counts) > 1 and sum(counts) == len(ids)
    servers = proxy.servers()
    assert set(servers) == {"a", *ids}
    assert all(servers[id]["weight"] == 2 for id in ids)

    # What a later part is refused for leaves the parts before it.
    more = "".join(f"more-{line}" for line in lines.splitlines(keepends=True)[1:])
    again = register(more + f"a {a.address}\n")
    assert again.returncode == 1 and "has a server a already" in again.stderr
    kept = len(proxy.servers()) - len(servers)
    assert 0 < kept < len(ids) and f"{kept} servers were registered before" in again.stderr


def test_what_is_registered_while_a_reload_is_under_way_is_there_after_it(bench):
    a, r = bench.backends("a", "r")
    proxy = bench.ringway(configuration(bench, [a]))
    crowd = [{"id": f"c-{n}", "address": a.address} for n in range(scaled(400, least=200))]
    registered = []
    for round_ in range(3):
        servers = [a, *crowd[: len(crowd) - 20 * round_]]
        proxy.write({**proxy.config, "pools": {"main": pool_of(servers)}})
        with proxy.admin_client() as client, client.makefile("rb") as answers:
            client.sendall(b"reload\n")
            # From before the reload to after it.
            ended = False
            while not ended:
                ended = bool(select.select([client], [], [], 0)[0])
                registered.append(f"r-{len(registered)}")
                assert proxy.admin(f"register main {registered[-1]} {r.address}")["kept"]
            assert json.loads(answers.readline())["ok"]
        expected = {"a", *registered, *(server["id"] for server in servers[1:])}
        assert set(proxy.servers()) == expected
        assert {step["id"] for step in proxy.explain(b"k")["walk"]} == expected
    owners = proxy.owners(KEYS)
    names = {key: "r" if owner in registered else "a" for key, owner in owners.items()}
    assert reached(proxy) == names
    proxy = restarted(bench, proxy)
    assert set(registered) <= set(proxy.servers()) and proxy.owners(KEYS) == owners
