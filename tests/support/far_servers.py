"""A proxy on the near side of two namespaces; its client, and its servers, on the far side."""

import socket

from support.configuration import listener
from support.namespaces import NEAR
from support.waiting import DEADLINE

CLIENT = "10.231.77.21"
PORT = 7000  # of the proxy and of each server


def start(bench, wire, servers: dict, timeouts=None, **pool):
    """A proxy for `servers`, id and address, with the settings `pool` of their pool."""
    entries = [{"id": id, "address": f"{address}:{PORT}"} for id, address in servers.items()]
    entry = {**listener(PORT, timeouts=timeouts or {}), "bind": f"{NEAR}:{PORT}"}
    config = {"listeners": [entry], "pools": {"main": {**pool, "servers": entries}}}
    return bench.ringway(config, prefix=wire.prefix())


def connect(wire) -> socket.socket:
    client = wire.far_socket()
    client.settimeout(DEADLINE)
    client.bind((CLIENT, 0))
    client.connect((NEAR, PORT))
    return client


def listening(sock: socket.socket, address: str) -> socket.socket:
    sock.settimeout(DEADLINE)
    sock.bind((address, PORT))
    sock.listen()
    return sock


def accept(server: socket.socket) -> socket.socket:
    peer, _ = server.accept()
    peer.settimeout(DEADLINE)
    return peer


def key_of(proxy, id: str) -> bytes:
    keys = (b"key-%d" % number for number in range(1000))
    return next(key for key in keys if proxy.owner(key) == id)
