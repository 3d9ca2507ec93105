"""Servers that speak TLS, by Python's ssl: what each connection has agreed on is the Peer's."""

import socket
import ssl

from support.backends import echo
from support.clients import EOF, dial, read_to_end
from support.configuration import listener, pool_of
from support.ports import free_port
from support.web import with_web

VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


def server_context(files: dict, clients_ca=None, version=None, names=True) -> ssl.SSLContext:
    """Of a server with these files {chain, key}, which wants clients' certificates of that
    authority. Without `names` it takes no note of the name that it is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["chain"], files["key"])
    if clients_ca:
        context.load_verify_locations(clients_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    if version:
        context.minimum_version = context.maximum_version = version
    if names:
        context.sni_callback = lambda sock, name, _context: setattr(sock, "asked_for", name)
    return context


def serve_tls(context: ssl.SSLContext, serve=echo, header: int = 0):
    """`serve` within TLS, behind so many bytes in clear. A stream that ends as EOF has ended with
    close_notify, and is answered with one."""

    def run(peer, backend):
        peer.header = bytearray()
        while len(peer.header) < header and (more := peer.sock.recv(header - len(peer.header))):
            peer.header += more
        peer.sock = context.wrap_socket(peer.sock, server_side=True, suppress_ragged_eofs=False)
        peer.asked_for = getattr(peer.sock, "asked_for", None)
        peer.resumed = peer.sock.session_reused
        peer.certificate = peer.sock.getpeercert()
        peer.alpn = peer.sock.selected_alpn_protocol()
        serve(peer, backend)
        if peer.ending == EOF and isinstance(peer.sock, ssl.SSLSocket):
            peer.sock = peer.sock.unwrap()

    return run


def tls_backends(bench, authority, *ids, serve=echo, version=None, clients_ca=None, **more):
    """Servers with a certificate for their id and for their address."""
    return [
        bench.backend(
            id,
            serve_tls(
                server_context(
                    authority.issue(id, f"DNS:{id}", "IP:127.0.0.1"), clients_ca, version
                ),
                serve,
                **more,
            ),
        )
        for id in ids
    ]


def proxy_to(bench, backends, tls, key="source_ip", listen=None, engine="auto", **pool):
    config, web = with_web(
        bench,
        {
            "workers": 1,
            "engine": engine,
            "listeners": [listener(free_port(), key, **(listen or {}))],
            "pools": {"main": pool_of(backends, tls=tls, **pool)},
        },
    )
    proxy = bench.ringway(config)
    proxy.web = web
    return proxy


def exchange(proxy, key: bytes) -> tuple[str, bytes]:
    """Who serves a line, and what comes back."""
    with dial(proxy.address()) as sock:
        sock.sendall(key + b"\n")
        sock.shutdown(socket.SHUT_WR)
        answer, ending = read_to_end(sock)
    assert ending == EOF
    name, rest = answer.split(b"\n", 1)
    return name.decode(), rest
