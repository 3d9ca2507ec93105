"""Three real nginx behind the proxy, placed by a header; curl and wrk as clients."""

import hashlib
import os
import subprocess

import pytest

from support.clients import RESET, dial, read_to_end
from support.configuration import ANSWERED_CHECKS, listener, pool_of
from support.ports import free_port
from support.programs import RealNginx, find, run
from support.waiting import DEADLINE, scaled, wait_until

LARGE_BYTES = scaled(1 << 30, least=16 << 20)
KEY = {"from": "header", "name": "X-User"}
CHUNK = 1 << 20


@pytest.fixture
def nginxes(bench):
    return [bench.start(RealNginx(bench.folder, f"web-{number}")) for number in (1, 2, 3)]


@pytest.fixture
def proxy(bench, nginxes):
    entry = listener(free_port(), KEY, "web", "web")
    config = {"listeners": [entry], "pools": {"web": pool_of(nginxes)}, "log": {"access": False}}
    return bench.ringway(config)


def url(proxy, path: str) -> str:
    host, port = proxy.address("web")
    return f"http://{host}:{port}{path}"


def curl(proxy, path: str, user: str, *options) -> str:
    return run(
        find("curl"), "--silent", "--show-error", "--fail", "--noproxy", "*",
        "-H", f"X-User: {user}", *options, url(proxy, path),
    ).stdout  # fmt: skip


def large_file(path):
    """Mostly a hole, with a random block in every MiB, so that order and loss show."""
    with open(path, "wb") as file:
        file.truncate(LARGE_BYTES)
        for start in range(0, LARGE_BYTES - CHUNK + 1, CHUNK):
            file.seek(start + 12_345)
            file.write(os.urandom(4096))
    return path


def checksum(stream) -> str:
    digest = hashlib.sha1()
    while piece := stream.read(CHUNK):
        digest.update(piece)
    return digest.hexdigest()


def checksum_of(path) -> str:
    with open(path, "rb") as file:
        return checksum(file)


def test_nginx_is_checked_by_requests(bench, nginxes):
    def state(path):
        checks = {**ANSWERED_CHECKS, "http": {"path": path}}
        pool = pool_of(nginxes, health=checks)
        proxy = bench.ringway({"pools": {"main": pool}})
        known = wait_until(
            lambda: all(s["last_check"] for s in proxy.servers().values()) and proxy.servers(),
            "every server to be checked",
        )
        return {server["detail"] for server in known.values()}

    assert state("/name") == {"checked ok"}
    assert state("/nothing-there") == {"down: status 404"}


def test_a_user_stays_with_the_server_that_explain_names(proxy):
    users = [f"user-{number}" for number in range(40)]
    reached = {user: curl(proxy, "/name", user).strip() for user in users}
    assert reached == {user: proxy.owner(user, "web") for user in users}
    assert set(reached.values()) == {"web-1", "web-2", "web-3"}


def test_the_headers_name_is_compared_without_case_and_its_value_trimmed(proxy):
    for head in (b"x-user:ann", b"X-USER: \t ann \t", b"X-User: ann"):
        with dial(proxy.address("web")) as sock:
            sock.sendall(b"GET /name HTTP/1.0\r\nHost: x\r\n" + head + b"\r\n\r\n")
            body, _ = read_to_end(sock)
        assert body.split(b"\r\n\r\n")[1].strip().decode() == proxy.owner("ann", "web")


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.0\r\nHost: x\r\n\r\n", b"GET / HTTP/1.0\r\nno colon here\r\n\r\n"]
)
def test_a_head_without_the_header_is_reset_and_reaches_no_server(proxy, head):
    with dial(proxy.address("web")) as sock:
        sock.sendall(head)
        assert read_to_end(sock) == (b"", RESET)
    wait_until(lambda: proxy.listener_status("web")["refused"] == 1, "the count")
    assert [server["total"] for server in proxy.servers("web").values()] == [0, 0, 0]


def test_a_head_in_one_byte_segments_is_placed_like_a_whole_one(proxy):
    with dial(proxy.address("web")) as sock:
        for byte in b"GET /name HTTP/1.0\r\nHost: x\r\nX-User: ann\r\n\r\n":
            sock.sendall(bytes([byte]))
        body, _ = read_to_end(sock)
    assert body.split(b"\r\n\r\n")[1].strip().decode() == proxy.owner("ann", "web")


def test_wrk_sees_no_error_on_kept_and_on_fresh_connections(proxy):
    seconds = max(1, scaled(3))
    for options in ((), ("-H", "Connection: close")):
        output = run(
            find("wrk"), "-t", 2, "-c", 32, "-d", f"{seconds}s", "--timeout", "30s",
            "-H", "X-User: ann", *options, url(proxy, "/name"),
        ).stdout  # fmt: skip
        assert "Socket errors" not in output, output
        assert "Non-2xx" not in output, output
        assert " 0 requests" not in output, output


def test_a_large_download_arrives_unchanged(proxy, nginxes):
    owner = next(nginx for nginx in nginxes if nginx.name == proxy.owner("ann", "web"))
    expected = checksum_of(large_file(owner.folder / "www" / "large"))
    client = subprocess.Popen(
        [find("curl"), "--silent", "--fail", "--noproxy", "*", "-H", "X-User: ann",
         url(proxy, "/large")],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    with client:
        assert checksum(client.stdout) == expected
    assert client.returncode == 0
    wait_until(lambda: proxy.server(owner.name, "web")["bytes_down"] > LARGE_BYTES, "the count")


def test_a_large_upload_arrives_unchanged(bench, proxy, nginxes):
    source = large_file(bench.folder / "source")
    curl(proxy, "/uploaded", "ann", "--upload-file", source, "-H", "Expect:")
    owner = next(nginx for nginx in nginxes if nginx.name == proxy.owner("ann", "web"))
    assert checksum_of(owner.folder / "www" / "uploaded") == checksum_of(source)
    wait_until(lambda: proxy.server(owner.name, "web")["bytes_up"] > LARGE_BYTES, "the count")


def test_many_downloads_at_once_arrive_unchanged(bench, proxy, nginxes):
    content = os.urandom(scaled(8 << 20, least=1 << 20))
    for nginx in nginxes:
        (nginx.folder / "www" / "shared").write_bytes(content)
    clients = [
        subprocess.Popen(
            [find("curl"), "--silent", "--fail", "--noproxy", "*", "-H", f"X-User: user-{number}",
             "--limit-rate", "40M", "-o", bench.folder / f"copy-{number}", url(proxy, "/shared")]
        )
        for number in range(12)
    ]  # fmt: skip
    assert [client.wait(timeout=DEADLINE * 4) for client in clients] == [0] * 12
    for number in range(12):
        assert (bench.folder / f"copy-{number}").read_bytes() == content
