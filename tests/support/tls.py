"""Certificates, and ClientHellos as OpenSSL's own client sends them."""

import socket
import subprocess
import threading
from pathlib import Path

from support.programs import find, run
from support.waiting import DEADLINE


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for `name`, and its key."""
    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    run(
        find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
        "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", cert,
    )  # fmt: skip
    return cert, key


def hello_of(*options: str) -> bytes:
    """The first flight of `openssl s_client` with these options."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = subprocess.Popen(
            [find("openssl"), "s_client", "-connect", f"127.0.0.1:{listening.getsockname()[1]}",
             *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with client:
            listening.settimeout(DEADLINE)
            peer, _ = listening.accept()
            with peer:
                peer.settimeout(DEADLINE)
                data = bytearray()
                while len(data) < 5 or len(data) < 5 + int.from_bytes(data[3:5], "big"):
                    piece = peer.recv(1 << 16)
                    assert piece, client.stdout.read()
                    data += piece
    return bytes(data)


def named_by_s_server(hello: bytes, cert: Path, key: Path) -> str | None:
    """The host name that `openssl s_server` reports for these bytes; None where it reports none."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    server = subprocess.Popen(
        [find("openssl"), "s_server", "-accept", f"127.0.0.1:{port}", "-cert", cert, "-key", key,
         "-servername", "none.example", "-cert2", cert, "-key2", key, "-naccept", "1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    threading.Thread(target=_say, args=(port, hello), daemon=True).start()
    server.wait(timeout=DEADLINE)  # with its input open: at the end of that it would leave
    output = server.communicate()[0].decode(errors="replace")
    for line in output.splitlines():
        if line.startswith('Hostname in TLS extension: "'):
            return line.split('"')[1]
    return None


def _say(port: int, hello: bytes):
    """Sends them as soon as the port accepts, and leaves after the answer."""
    while True:
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
            break
        except ConnectionRefusedError:
            continue
    with sock:
        sock.sendall(hello)
        sock.recv(1 << 16)


def records_of(hello: bytes, size: int) -> bytes:
    """The handshake message of one record, in records of `size` bytes."""
    message = hello[5:]
    pieces = (message[at : at + size] for at in range(0, len(message), size))
    return b"".join(hello[:3] + len(piece).to_bytes(2, "big") + piece for piece in pieces)
