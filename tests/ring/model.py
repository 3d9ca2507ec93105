#!/usr/bin/python3
"""The mapping of ring/README.md, version 1, by brute force.

Written from that text alone and kept without cleverness: it is what the library
is compared with. Makes the golden vectors:

    model.py golden/mapping-1.txt           writes the file
    model.py --check golden/mapping-1.txt   fails where the file differs

Needs python3-xxhash.
"""

import hashlib
import sys

import xxhash

CIRCLE = 2**64


def sha256(data):
    return hashlib.sha256(data).digest()


def u32be(number):
    return number.to_bytes(4, "big")


def server_points(server_id, count):
    points = []
    counter = 0
    while len(points) < count:
        digest = sha256(u32be(len(server_id)) + server_id + u32be(counter))
        for j in range(4):
            points.append(int.from_bytes(digest[8 * j : 8 * j + 8], "big"))
        counter += 1
    return points[:count]


def key_hash(function, seed, key):
    if function == "sha256":
        data = u32be(len(seed)) + seed + key if seed else key
        return int.from_bytes(sha256(data)[:8], "big")
    if seed:
        xxh3_seed = int.from_bytes(sha256(seed)[:8], "big")
        return xxhash.xxh3_64_intdigest(key, seed=xxh3_seed)
    return xxhash.xxh3_64_intdigest(key)


def walk(servers, vnodes, k):
    """All servers with points, as indexes into `servers`, in order of preference.
    A server is (id, weight, online)."""
    up, down = [], []
    for index, (server_id, weight, online) in enumerate(servers):
        if not online:
            continue
        for p in server_points(server_id, weight * vnodes):
            clockwise = (p - k) % CIRCLE
            counter_clockwise = (k - p) % CIRCLE
            if clockwise <= counter_clockwise:
                up.append((clockwise, server_id, index))
            else:
                down.append((counter_clockwise, server_id, index))
    # Points at one position: by id, rising going up, falling going down.
    up.sort()
    down.sort(key=lambda point: point[1], reverse=True)
    down.sort(key=lambda point: point[0])  # stable
    tagged = [(distance, 0, index) for distance, _, index in up]
    tagged += [(distance, 1, index) for distance, _, index in down]
    tagged.sort(key=lambda point: point[:2])  # stable
    order = []
    for _, _, index in tagged:
        if index not in order:
            order.append(index)
    return order


class Numbers:
    """The same numbers on every machine, for ever."""

    def __init__(self, name):
        self.name = name.encode()
        self.count = 0

    def below(self, limit):
        self.count += 1
        digest = sha256(b"golden" + self.name + u32be(self.count))
        return int.from_bytes(digest, "big") % limit

    def bytes(self, length):
        return bytes(self.below(256) for _ in range(length))


ODD_IDS = [
    b"\x00",
    b"\x00\x00",
    b"\xff",
    b"\xff\xfe",
    b" ",
    b"  two  spaces ",
    "b\u00fccher-\u0441\u0435\u0440\u0432\u0435\u0440-\u30b5\u30fc\u30d0\u30fc".encode(),
    b"new\nline",
    b'"quoted\\"',
    b"a" * 255,
    b"server-1",
    b"server-10",
    b"server-2",
    b"10.0.0.11:6379",
    b"[2001:db8::1]:443",
    b"Server-1",
]


def rings():
    """(function, seed, vnodes, servers, keys) of every ring in the file."""
    numbers = Numbers("rings")
    seeds = [b"", b"s3cret", b"\x00", b"\xff" * 64]
    for number in range(48):
        function = ["sha256", "xxh3"][number % 2]
        seed = seeds[number // 2 % 4]
        vnodes = [1, 2, 3, 4, 5, 7, 16, 64][number // 6]
        servers, ids = [], []
        for _ in range([2, 3, 4, 6, 9, 16][number % 6]):
            server_id = ODD_IDS[numbers.below(len(ODD_IDS))]
            if server_id in ids:
                server_id = numbers.bytes(1 + numbers.below(40))
            if server_id in ids:
                continue
            ids.append(server_id)
            weight = [1, 1, 1, 2, 3, 10, 0][numbers.below(7)]
            servers.append((server_id, weight, numbers.below(5) != 0))
        keys = [b"", b"\x00", "schl\u00fcssel".encode(), b"192.0.2.1"]
        keys += [numbers.bytes(numbers.below(80)) for _ in range(32)]
        # Bytes whose SHA-256 is a point: the hash falls upon it.
        for server_id in ids[:5]:
            keys.append(u32be(len(server_id)) + server_id + u32be(0))
        yield function, seed, vnodes, servers, keys
    servers = [(b"server-%d" % i, 1 + i % 3, i != 4) for i in range(10)]
    for function in ["sha256", "xxh3"]:
        yield function, b"", 512, servers, [b"key-%d" % i for i in range(100)]
    yield "sha256", b"", 3, [(b"alone", 1, True)], [b"key-%d" % i for i in range(8)]
    yield "xxh3", b"", 3, [(b"down", 1, False), (b"idle", 0, True)], [b"key", b""]


def golden():
    yield "# Golden vectors of mapping version 1, made by model.py. Bytes are in hexadecimal."
    yield "# points ID FIRST-POINTS..."
    yield "# ring FUNCTION SEED VNODES, then its servers, then its keys"
    yield "# server ID WEIGHT online|offline"
    yield "# key BYTES HASH WALK: the first five, numbered from 0 in the order above"
    for server_id in ODD_IDS:
        points = " ".join("%016x" % p for p in server_points(server_id, 10))
        yield "points %s %s" % (server_id.hex(), points)
    for function, seed, vnodes, servers, keys in rings():
        yield "ring %s %s %d" % (function, seed.hex() or "-", vnodes)
        for server_id, weight, online in servers:
            status = "online" if online else "offline"
            yield "server %s %d %s" % (server_id.hex(), weight, status)
        for key in keys:
            k = key_hash(function, seed, key)
            order = ",".join(str(index) for index in walk(servers, vnodes, k)[:5])
            yield "key %s %016x %s" % (key.hex() or "-", k, order or "-")


def main():
    path = sys.argv[-1]
    text = "\n".join(golden()) + "\n"
    if "--check" in sys.argv:
        with open(path) as file:
            if file.read() != text:
                sys.exit(path + " differs from what the model says")
        return
    with open(path, "w") as file:
        file.write(text)


if __name__ == "__main__":
    main()
