"""TLS that ends at the proxy, with real programs, many connections and hostile clients."""

import datetime
import json
import os
import socket
import subprocess
import urllib.request

import pytest

from support.clients import dial, read_to_end
from support.configuration import listener, pool_of
from support.mqtt import Subscriber, publish, subscribe
from support.page import Page, trust
from support.ports import free_port
from support.programs import RealNginx, RealRedis, find, run
from support.tls_clients import SITE, TlsClient, tls_proxy
from support.tls_programs import RealMosquitto
from support.waiting import BIN_DIR, DEADLINE, sanitizer, wait_until


# The protocols, ciphers, key exchanges, choices of the server, its extensions and known flaws.
TESTSSL_PARTS = ("-p", "-s", "-f", "-P", "-S", "-U")
# What a certificate of a day's authority does not have.
OF_THE_AUTHORITY = ("cert_expirationStatus", "cert_notAfter", "cert_revocation")


def test_curl_and_redis_speak_through_it(bench, authority):
    redis = bench.start(RealRedis(bench.folder, "redis"))
    proxy = tls_proxy(bench, authority, [redis], key="source_ip")
    host, port = proxy.address()
    words = [find("redis-cli"), "-h", host, "-p", port, "--tls", "--cacert", authority.ca,
             "--sni", SITE]  # fmt: skip
    assert run(*words, "set", "x", "y" * 100_000).stdout == "OK\n"
    assert run(*words, "strlen", "x").stdout == "100000\n"
    nginx = bench.start(RealNginx(bench.folder, "nginx"))
    proxy = tls_proxy(bench, authority, [nginx], key={"from": "header", "name": "Host"})
    host, port = proxy.address()
    answer = run(
        find("curl"), "-sS", "--cacert", authority.ca, "--connect-to",
        f"{SITE}:443:{host}:{port}", f"https://{SITE}/name", "--max-time", str(DEADLINE),
    )  # fmt: skip
    assert answer.stdout == "nginx\n"
    proxy.wait_access(key=SITE, end="done")


@pytest.mark.parametrize(
    ("serve", "words"),
    [
        (("echo", "--bytes", "64"), ("round-trip", "--connections", "64", "--bytes", "64")),
        (("echo", "--bytes", "16384"), ("round-trip", "--connections", "32", "--bytes", "16384")),
        (("sink",), ("bulk-up", "--connections", "8")),
        (("source",), ("bulk-down", "--connections", "8")),
        (("answer", "--request", "64", "--bytes", "64"),
         ("connect", "--connections", "16", "--request", "64", "--tls-resume")),
        (("echo",), ("connect", "--connections", "16", "--bytes", "0")),
    ],
)  # fmt: skip
def test_a_load_of_many_connections_loses_nothing(bench, authority, engine, serve, words):
    server = subprocess.Popen(
        [BIN_DIR / "loadgen", "serve", "--listen", "127.0.0.1:0", "--mode", *serve],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        port = int(server.stdout.readline().rsplit(":", 1)[1])
        servers = [{"id": "a", "address": f"127.0.0.1:{port}"}]
        proxy = tls_proxy(bench, authority, servers, key="source_ip", engine=engine)
        host, port = proxy.address()
        done = run(
            BIN_DIR / "loadgen", "run", "--connect", f"{host}:{port}", "--seconds", "1",
            "--timeout", "60", "--tls", SITE, "--mode", *words, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()


def test_hostile_clients_cost_little(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    context = authority.client_context()
    before = proxy.resident_bytes()
    record = b"\x16\x03\x01\x40\x00" + b"\x01\x00\xff\xff" + b"\0" * 16380
    warning = b"\x15\x03\x03\x00\x02\x01\x5a"
    floods = (b"\x16\x03\x01\x00\x00" * 5000, warning * 10_000, record * 40, b"\x16\x03\x01\xff\xff")
    for flood in floods:
        for _ in range(5):
            with dial(proxy.address()) as sock:
                try:
                    sock.sendall(flood)
                    sock.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                read_to_end(sock)
    with TlsClient(proxy.address(), context).handshake() as client:
        assert client.read().startswith(b"a\n")
        for byte in b"one byte in each record":
            client.send(bytes([byte]))
        assert client.exactly(23) == b"one byte in each record"
    if not sanitizer():  # those keep what is freed
        assert proxy.resident_bytes() < before + (16 << 20)
    assert proxy.listener_status()["ends"].get("tls_malformed", 0) > 0


def test_no_weak_protocol_is_offered(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    host, port = proxy.address()
    report = run(
        find("sslscan"), "--no-colour", f"--sni-name={SITE}", f"{host}:{port}", deadline=DEADLINE * 10,
    ).stdout  # fmt: skip
    for version in ("SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"):
        assert f"{version}     disabled" in report or f"{version}   disabled" in report, report
    assert "TLSv1.2   enabled" in report and "TLSv1.3   enabled" in report, report
    assert "Session renegotiation not supported" in report
    assert report.count("not vulnerable to heartbleed") == 2, report
    accepted = [line for line in report.splitlines() if line.startswith(("Accepted", "Preferred"))]
    assert accepted and all("GCM" in line or "POLY1305" in line for line in accepted), accepted


def test_gnutls_agrees(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    host, port = proxy.address()
    for version in ("VERS-TLS1.2", "VERS-TLS1.3"):
        client = subprocess.run(
            [find("gnutls-cli"), "--x509cafile", authority.ca, "--sni-hostname", SITE,
             "--verify-hostname", SITE, "--priority", f"NORMAL:-VERS-ALL:+{version}",
             "-p", str(port), host],
            input=b"hello\n", capture_output=True, timeout=DEADLINE,
        )  # fmt: skip
        assert b"Handshake was completed" in client.stdout, client.stderr
        assert b"hello" in client.stdout


def test_no_known_flaw_is_found(bench, authority):
    proxy = tls_proxy(bench, authority, bench.backends("a"), key="source_ip")
    host, port = proxy.address()
    report = bench.folder / "report.json"
    run(
        find("testssl"), "--warnings", "batch", "--nodns", "none", "--ip", host, "--add-ca",
        authority.ca, "--jsonfile", report, *TESTSSL_PARTS, f"{SITE}:{port}",
        deadline=DEADLINE * 20, check=False, stdin=subprocess.DEVNULL, cwd=bench.folder,
        # It tries openssl's options on this address; by default on a name that it looks up.
        env={**os.environ, "NXCONNECT": "127.0.0.1:0"},
    )  # fmt: skip
    found = {entry["id"]: entry for entry in json.loads(report.read_text())}
    expected = {
        "TLS1_1": "not offered", "TLS1_2": "offered", "cert_chain_of_trust": "passed.",
        "secure_renego": "supported", "secure_client_renego": "not vulnerable",
        "PFS_ECDHE_curves": "prime256v1 secp384r1 X25519", "RC4": "not vulnerable",
    }  # fmt: skip
    assert {id: found[id]["finding"] for id in expected} == expected
    bad = [
        entry for entry in found.values()
        if entry["severity"] in ("LOW", "MEDIUM", "HIGH", "CRITICAL")
        and entry["id"] not in OF_THE_AUTHORITY
    ]  # fmt: skip
    assert bad == []


def mosquittos(bench, *names: str):
    return [bench.start(RealMosquitto(bench.folder, name)) for name in names]


def test_mqtt_by_the_protocol_that_is_negotiated(bench, authority):
    (broker,) = mosquittos(bench, "broker")
    proxy = tls_proxy(bench, authority, [broker], key="alpn", alpn=["mqtt"], certificates=[
        authority.issue("broker", "IP:127.0.0.1")
    ])  # fmt: skip
    trusts = ("--cafile", authority.ca, "--tls-alpn", "mqtt")
    reader = bench.start(Subscriber(proxy.address(), "meters/#", *trusts))
    message = "x" * 200_000
    publish(proxy.address(), "meters/1", message, *trusts)
    assert reader.read() == message
    assert subscribe(("127.0.0.1", broker.port), "meters/1") == message  # in clear
    for number in range(10):
        publish(proxy.address(), "meters/1", f"{number}", *trusts, retain=False)
        assert reader.read() == f"{number}"
    reader.stop()
    proxy.wait_access(key="mqtt", end="done")
    other = ("--cafile", authority.ca, "--tls-alpn", "other")
    assert publish(proxy.address(), "meters/1", "x", *other, check=False).returncode != 0
    proxy.wait_access(server="-", end="tls_no_shared_alpn")


def test_mqtt_devices_are_placed_by_their_certificates(bench, authority):
    brokers = mosquittos(bench, "a", "b")
    site = authority.issue("broker", "IP:127.0.0.1")
    clients = {"ca": str(authority.ca)}
    key = {"from": "client_cert", "field": "subject_cn"}
    proxy = tls_proxy(bench, authority, brokers, key, certificates=[site], client=clients)
    trusts = ("--cafile", authority.ca)
    owners = {name: proxy.owner(name) for name in map("meter-{}".format, range(100))}
    for broker in brokers:
        device = next(name for name, owner in owners.items() if owner == broker.name)
        files = authority.issue(device)
        shows = (*trusts, "--cert", files["chain"], "--key", files["key"])
        publish(proxy.address(), "topic", device, *shows)
        assert subscribe(proxy.address(), "topic", *shows) == device
        assert subscribe(("127.0.0.1", broker.port), "topic") == device
        assert proxy.wait_access(key=device).server == broker.name
    assert publish(proxy.address(), "topic", "x", *trusts, check=False).returncode != 0
    proxy.wait_access(server="-", end="tls_no_certificate")


PARTS = 12
PART_BYTES = 64 << 10


def serve_page(web):
    """A page with parts, each of which tells whose it is."""
    www = web.folder / "www"
    scripts = [f"<script async src=part-{number}.js></script>" for number in range(PARTS)]
    start = "<!doctype html><link rel=icon href=data:,><script>parts = []</script>"
    (www / "page.html").write_text(start + "".join(scripts))
    for number in range(PARTS):
        text = f"parts.push('{web.name} {number}') // "
        (www / f"part-{number}.js").write_text(text.ljust(PART_BYTES, "x"))


@pytest.fixture
def browser(bench, authority):
    """Trusts the authority and finds all names here."""
    trust(bench.folder, authority.ca)
    page = Page("--host-resolver-rules=MAP * 127.0.0.1", home=bench.folder)
    yield page
    page.quit()


@pytest.mark.skipif(bool(sanitizer()), reason="a browser would tell no more of the proxy")
def test_a_browser_loads_pages_and_their_parts(bench, authority, browser):
    webs = {name: bench.start(RealNginx(bench.folder, name)) for name in ("red", "blue")}
    for web in webs.values():
        serve_page(web)
    proxy = tls_proxy(
        bench, authority, webs.values(), "sni", alpn=["http/1.1"],
        truncation="allow",  # it never says close_notify
        certificates=[authority.issue("any", f"DNS:*.{SITE}")],
    )  # fmt: skip
    hosts = {proxy.owner(host): host for host in (f"{number}.{SITE}" for number in range(100))}
    body = "x" * 1_000_000
    for name, host in hosts.items():
        browser.visit(f"https://{host}:{proxy.address()[1]}/page.html")
        wait_until(lambda: len(browser.script("return parts")) == PARTS, "the parts")
        assert set(browser.script("return parts")) == {f"{name} {n}" for n in range(PARTS)}
        browser.script(
            "fetch('/copy', {method: 'PUT', body: arguments[0]}).then((a) => put = a.status)", body
        )
        wait_until(lambda: browser.script("return window.put") == 201, "the upload")
        assert (webs[name].folder / "www" / "copy").read_text() == body
    assert browser.complaints() == []
    browser.quit()
    accepted = proxy.listener_status()["accepted"]
    wait_until(lambda: len(proxy.access_log()) == accepted, "the log")
    for name, host in hosts.items():
        lines = [line for line in proxy.access_log() if line.key == host]
        assert len(lines) > 1 and {line.server for line in lines} == {name}
        assert {line.tls for line in lines} == {"TLSv1.3"}
        assert "tls_truncated" not in {line.end for line in lines}
        assert sum(line.up for line in lines) > len(body)
        assert sum(line.down for line in lines) > PARTS * PART_BYTES
    assert proxy.listener_status()["tls"]["resumed"] > 0


def ocsp_response(authority, files, folder):
    """What the authority says of a certificate now, as a file (DER)."""
    serial = run(find("openssl"), "x509", "-in", files["chain"], "-noout", "-serial").stdout
    index = folder / "index.txt"
    index.write_text(f"V\t391231235959Z\t\t{serial.strip().split('=')[1]}\tunknown\t/CN=x\n")
    out = folder / "response.der"
    run(
        find("openssl"), "ocsp", "-index", index, "-rsigner", authority.ca, "-rkey", authority.key,
        "-CA", authority.ca, "-issuer", authority.ca, "-cert", files["chain"], "-respout", out,
        "-ndays", "2",
    )  # fmt: skip
    return out


def test_a_stapled_response_is_sent_and_one_of_another_certificate_is_refused(bench, authority):
    site, other = authority.issue(SITE), authority.issue("other.example")
    for files in (site, other):
        with open(files["chain"], "a") as chain:
            chain.write(authority.ca.read_text())
    site["ocsp"] = str(ocsp_response(authority, site, bench.folder))
    proxy = tls_proxy(bench, authority, bench.backends("a"), certificates=[site])
    host, port = proxy.address()
    told = run(
        find("openssl"), "s_client", "-connect", f"{host}:{port}", "-servername", SITE, "-status",
        check=False, input="",
    ).stdout  # fmt: skip
    assert "OCSP Response Status: successful" in told
    (shown,) = proxy.admin("certificates")["certificates"]
    until = datetime.datetime.fromisoformat(shown["ocsp_until"])
    left = until - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(days=1) < left <= datetime.timedelta(days=2)
    config = proxy.config
    (entry,) = config["listeners"]
    for file, words in (
        (other, "is an OCSP response for another certificate"),
        ({**site, "ocsp": site["chain"]}, "is no OCSP response (DER)"),
    ):
        entry["tls"]["certificates"] = [{**file, "ocsp": file.get("ocsp", site["ocsp"])}]
        assert words in proxy.reload(config)["result"]


def test_certificates_are_shown_with_what_is_left_of_them(bench, authority):
    first, second = authority.issue(SITE, days=20), authority.issue("soon.example", days=3)
    entry = {"certificates": [first, second]}
    web = ("127.0.0.1", free_port())
    proxy = bench.ringway(
        {
            "admin": {"socket": str(bench.folder / "admin.sock"), "http": f"{web[0]}:{web[1]}"},
            "listeners": [listener(free_port(), "source_ip", tls=entry)],
            "pools": {"main": pool_of(bench.backends("a"))},
        }
    )
    shown = proxy.admin("certificates")["certificates"]
    assert [each["names"] for each in shown] == [[SITE], ["soon.example"]]
    assert [each["file"] for each in shown] == [first["chain"], second["chain"]]
    assert all(each["issuer"] == "CN = root" and each["key"] == "EC" for each in shown)
    assert 2 * 86400 < shown[1]["expires_in_s"] <= 3 * 86400
    status = proxy.listener_status()["tls"]
    assert (status["certificates"], status["first_to_expire"]) == (2, "soon.example")
    told = run(BIN_DIR / "ringctl", "--socket", proxy.socket_path, "certificates").stdout
    assert "soon.example" in told and "days" in told
    with urllib.request.urlopen(f"http://{web[0]}:{web[1]}/v1/certificates") as answer:
        assert len(json.load(answer)["certificates"]) == 2
    with urllib.request.urlopen(f"http://{web[0]}:{web[1]}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    times = [line for line in lines if line.startswith("ringway_certificate_expiry_timestamp")]
    assert len(times) == 2 and all('listener="main"' in line for line in times)
