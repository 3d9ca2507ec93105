"""The admin socket: its answers, and clients that do not behave."""

import json
import os
import random
import socket
import stat
import threading

import pytest

from support.clients import ask
from support.configuration import FAST_CHECKS, listener
from support.ports import free_port
from support.programs import find, run
from support.ringway import quote
from support.waiting import BIN_DIR, DEADLINE, PATIENCE, wait_until

SERVER_FIELDS = {
    "pool", "id", "address", "weight", "status", "detail", "since_s", "active", "total",
    "bytes_up", "bytes_down", "connect_failures", "source", "last_check",
}  # fmt: skip


def receive_answers(client: socket.socket) -> list[dict]:
    """Every answer until the proxy closes."""
    data = bytearray()
    try:
        while piece := client.recv(1 << 16):
            data += piece
    except ConnectionResetError:
        pass
    return [json.loads(line) for line in data.splitlines()]


def test_status_tells_the_documented_things(bench):
    proxy = bench.simple(bench.backends("a", "b"), hash={"vnodes": 100})
    ask(proxy.address(), b"any")
    proxy.wait_idle()
    status = proxy.status()
    assert status["pid"] == proxy.pid
    assert status["workers"] == 2
    assert status["uptime_s"] >= 0 and status["version"] and status["generation"] >= 1
    config = status["config"]
    assert config["file"] == str(proxy.config_path)
    assert config["result"] == "ok" and config["loaded_at"]
    assert (config["reloads"], config["failed_reloads"]) == (0, 0)
    (listener,) = status["listeners"]
    host, port = proxy.address()
    assert (listener["name"], listener["bind"], listener["pool"], listener["key"]) == (
        "main", f"{host}:{port}", "main", "first_line",
    )  # fmt: skip
    assert (listener["accepted"], listener["active"], listener["refused"]) == (1, 0, 0)
    (pool,) = status["pools"]
    assert (pool["name"], pool["servers"], pool["online"], pool["points"], pool["active"]) == (
        "main", 2, 2, 200, 0,
    )  # fmt: skip


def test_servers_tell_the_documented_things(bench):
    backends = bench.backends("a", "b")
    proxy = bench.simple(backends, health=FAST_CHECKS)
    assert ask(proxy.address(), b"any") == proxy.owner(b"any")
    proxy.wait_idle()
    wait_until(lambda: all(s["last_check"] for s in proxy.servers().values()), "the first checks")
    servers = proxy.servers()
    for backend in backends:
        server = servers[backend.name]
        assert SERVER_FIELDS <= server.keys()
        assert (server["pool"], server["address"]) == ("main", backend.address)
        assert (server["weight"], server["status"], server["source"]) == (1, "online", "file")
        assert server["last_check"]["successes"] >= 1
        assert server["last_check"]["failures"] == 0
        assert server["last_check"]["ago_ms"] >= 0
        assert proxy.admin(f"server main {backend.name}")["server"]["id"] == backend.name
    owner = servers[proxy.owner(b"any")]
    assert (owner["total"], owner["bytes_up"]) == (1, len(b"any\n"))
    assert owner["bytes_down"] >= len("a\n")
    assert {server["id"] for server in proxy.admin("servers")["servers"]} == {"a", "b"}


def test_a_server_that_is_down_says_why_and_since_when(bench):
    proxy = bench.simple([bench.nobody("gone"), bench.backend("a")], health=FAST_CHECKS)
    proxy.wait_server("gone", "offline")
    server = proxy.server("gone")
    assert "refused" in (server["detail"] + server["last_check"]["result"]).lower()
    assert server["since_s"] >= 0
    assert server["last_check"]["failures"] >= 1


def test_words_may_be_quoted_and_escaped(bench):
    proxy = bench.simple([{"id": "a b", "address": bench.backend("x").address}])
    assert proxy.admin('server main "a b"')["server"]["id"] == "a b"
    assert proxy.admin(r'server main "a\x20b"')["server"]["id"] == "a b"
    assert proxy.admin(r'"server"   "main"	"a\x20b"')["server"]["id"] == "a b"
    same = [proxy.admin(line)["hash"] for line in ("explain main k", r'explain main "\x6b"')]
    assert same[0] == same[1]
    proxy.admin(f"register main {quote('c d')} {bench.backend('c').address}")
    assert set(proxy.servers()) == {"a b", "c d"}
    proxy.admin(f"unregister main {quote('c d')}")


@pytest.mark.parametrize(
    "line",
    [
        "", "nonsense", "status extra words", "server", "server main", "server main nobody",
        "servers nopool", "explain", "explain main", "explain nopool key", 'explain main "open',
        r'explain main "\xzz"', "register main", "register main x", "register main x nowhere",
        "register main x 127.0.0.1:0", "register main x 127.0.0.1:99999",
        "register main a 127.0.0.1:1", "register nopool x 127.0.0.1:1",
        "register main x 127.0.0.1:1 --weight", "register main x 127.0.0.1:1 --weight -1",
        "register main x 127.0.0.1:1 --weight 1e9", "register main x 127.0.0.1:1 --wait 1",
        "unregister main nobody", "drain main nobody", "auto main nobody", "\xff\xfe", "\0", "{}",
    ],
    ids=repr,
)  # fmt: skip
def test_a_wrong_command_is_answered_with_an_error_and_changes_nothing(bench, line):
    proxy = bench.simple(bench.backends("a"))
    before = proxy.admin("servers")
    with proxy.admin_client() as client, client.makefile("rb") as answers:
        client.sendall(line.encode("latin-1") + b"\n")
        answer = json.loads(answers.readline())
        assert answer["ok"] is False and answer["error"]
        client.sendall(b"status\n")  # the client may go on
        assert json.loads(answers.readline())["ok"] is True
    for server in before["servers"]:
        server.pop("since_s")
    assert [
        {name: value for name, value in server.items() if name != "since_s"}
        for server in proxy.admin("servers")["servers"]
    ] == before["servers"]


def test_commands_in_one_write_and_in_single_bytes_are_answered_in_order(bench):
    proxy = bench.simple(bench.backends("a"))
    with proxy.admin_client() as client, client.makefile("rb") as answers:
        client.sendall(b"status\nnonsense\nservers main\n" * 50)
        for _ in range(50):
            assert "pid" in json.loads(answers.readline())
            assert json.loads(answers.readline())["ok"] is False
            assert "servers" in json.loads(answers.readline())
        for byte in b"status\r\n":
            client.sendall(bytes([byte]))
        assert json.loads(answers.readline())["ok"] is True


def test_a_client_that_ends_its_side_still_gets_its_answer(bench):
    """As `echo status | socat - UNIX:...` has it."""
    proxy = bench.simple(bench.backends("a"))
    with proxy.admin_client() as client:
        client.sendall(b"status\n")
        client.shutdown(1)
        (answer,) = receive_answers(client)
        assert answer["ok"] is True
    socat = run(find("socat"), "-", f"UNIX-CONNECT:{proxy.socket_path}", input="servers main\n")
    assert json.loads(socat.stdout)["servers"][0]["id"] == "a"


def test_a_line_without_end_is_refused_and_closed(bench):
    proxy = bench.simple(bench.backends("a"))
    for size in (64 << 10, 1 << 20):
        with proxy.admin_client() as client:
            try:
                client.sendall(b"x" * (size + 1))
            except (BrokenPipeError, ConnectionResetError):
                pass
            answers = receive_answers(client)
        assert all(answer["ok"] is False for answer in answers)
    assert ask(proxy.address(), b"any") == "a"


def test_garbage_is_answered_with_errors_or_closed(bench):
    proxy = bench.simple(bench.backends("a"))
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    for _ in range(30):
        with proxy.admin_client() as client:
            try:
                client.sendall(dice.randbytes(dice.randrange(1, 100_000)))
                client.shutdown(1)
            except (BrokenPipeError, ConnectionResetError):
                pass
            answers = receive_answers(client)
        assert all(answer["ok"] is False for answer in answers), f"seed {seed}"
    assert ask(proxy.address(), b"any") == "a"


def test_a_client_that_never_reads_is_bounded_and_harms_nobody(bench):
    proxy = bench.simple(bench.backends(*(f"server-{number}" for number in range(20))))
    before = proxy.resident_bytes()
    with proxy.admin_client() as greedy:
        greedy.settimeout(0.5)
        sent = 0
        try:
            while sent < 8 << 20:
                sent += greedy.send(b"servers main\n" * 1000)
        except (TimeoutError, BrokenPipeError, ConnectionResetError):
            pass
        assert proxy.status()["ok"]
        assert ask(proxy.address(), b"any").startswith("server-")
        assert proxy.resident_bytes() - before < (16 << 20) * PATIENCE
        assert sent < 8 << 20, "what it asks for is queued without a bound"


def test_clients_that_only_wait_lock_nobody_out(bench):
    proxy = bench.simple(bench.backends("a"))
    clients = [proxy.admin_client() for _ in range(40)]
    try:
        assert proxy.status()["ok"] is True
        assert ask(proxy.address(), b"any") == "a"
        # Some have given way; who is left may still ask.
        clients[-1].sendall(b"status")
        clients[-1].shutdown(socket.SHUT_WR)
        assert [answer["ok"] for answer in receive_answers(clients[-1])] == [True]
    finally:
        for client in clients:
            client.close()


def test_commands_from_many_clients_at_once_leave_a_whole_state(bench):
    proxy = bench.simple(bench.backends("a"))
    address = bench.backend("x").address
    errors = []

    def client(number: int):
        for _ in range(20):
            for line in (
                f"register main s{number} {address}",
                f"drain main s{number}",
                f"auto main s{number}",
                f"unregister main s{number}",
            ):
                answer = proxy.ask(line)
                if not answer["ok"]:
                    errors.append((line, answer))

    threads = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert not errors, errors[:3]
    assert set(proxy.servers()) == {"a"}
    assert ask(proxy.address(), b"any") == "a"


def test_the_socket_is_for_its_owner_alone_and_goes_with_the_proxy(bench):
    proxy = bench.simple(bench.backends("a"))
    mode = os.stat(proxy.socket_path).st_mode
    assert stat.S_ISSOCK(mode) and stat.S_IMODE(mode) == 0o600
    proxy.stop()
    assert not proxy.socket_path.exists()


def test_a_stale_socket_is_replaced(bench):
    proxy = bench.simple(bench.backends("a"))
    proxy.kill()
    bench.forget(proxy)  # killed: there is no clean end to check
    assert proxy.socket_path.exists()
    again = bench.ringway(proxy.config)
    assert again.status()["pid"] == again.pid


def test_a_socket_on_which_somebody_listens_is_left_alone(bench):
    proxy = bench.simple(bench.backends("a"))
    config = {**proxy.config, "listeners": [listener(free_port())]}
    second = bench.ringway(config, wait_ready=False)
    bench.forget(second)
    assert second.wait_exit() != 0
    assert str(proxy.socket_path) in second.log()
    assert proxy.status()["pid"] == proxy.pid


def test_a_plain_file_in_the_sockets_place_is_left_alone(bench):
    path = bench.folder / "precious"
    path.write_text("data")
    pools = {"main": {"servers": []}}
    proxy = bench.ringway({"pools": pools, "admin": {"socket": str(path)}}, wait_ready=False)
    bench.forget(proxy)
    assert proxy.wait_exit() != 0
    assert str(path) in proxy.log()
    assert path.read_text() == "data"


class TestRingctl:
    """The command line tool against the real socket."""

    @pytest.fixture
    def proxy(self, bench):
        if not (BIN_DIR / "ringctl").exists():
            pytest.skip("ringctl is not built")
        return bench.simple(bench.backends("a", "b"))

    def ringctl(self, proxy, *arguments, check=True):
        return run(BIN_DIR / "ringctl", "--socket", proxy.socket_path, *arguments, check=check)

    def test_status_and_servers_are_shown(self, proxy):
        assert "main" in self.ringctl(proxy, "status").stdout
        shown = self.ringctl(proxy, "servers", "main").stdout
        for id, server in proxy.servers().items():
            assert id in shown and server["address"] in shown

    def test_json_is_the_answer_as_it_came(self, proxy):
        answer = json.loads(self.ringctl(proxy, "--json", "explain", "main", 'odd "key" \\').stdout)
        assert answer == proxy.explain('odd "key" \\')

    def test_servers_are_registered_drained_and_unregistered(self, proxy):
        address = proxy.server("a")["address"]
        self.ringctl(proxy, "register", "main", "c d", address, "--weight", "3")
        assert proxy.server("c d")["weight"] == 3
        self.ringctl(proxy, "drain", "main", "c d")
        assert "drain" in proxy.server("c d")["detail"]
        self.ringctl(proxy, "auto", "main", "c d")
        self.ringctl(proxy, "unregister", "main", "c d")
        assert set(proxy.servers()) == {"a", "b"}

    def test_the_exit_code_tells_a_refusal_from_a_failure(self, proxy):
        assert self.ringctl(proxy, "status").returncode == 0
        refused = self.ringctl(proxy, "drain", "main", "nobody", check=False)
        assert refused.returncode == 1 and "nobody" in refused.stdout
        assert self.ringctl(proxy, "nonsense", check=False).returncode in (1, 2)
        proxy.stop()
        assert self.ringctl(proxy, "status", check=False).returncode == 3
