#!/usr/bin/python3
"""The mapping of ring/README.md, version 1, by brute force.

Written from that text alone and kept without cleverness: it is what the library
is compared with. Makes the golden vectors:

    model.py golden/mapping-1.txt           writes the file
    model.py --check golden/mapping-1.txt   fails where the file differs
    model.py --example                      prints the example of ring/README.md
    model.py --check-example README.md      fails where the example in it differs

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


MAGLEV_SIZES = [65537, 131101, 262147, 524309, 1048583, 2097169, 4194319, 8388617]


def maglev_table(servers):
    """The entries, as indexes into `servers`."""
    size = min(size for size in MAGLEV_SIZES if size >= 100 * len(servers))
    on = sorted((s[0], s[1], i) for i, s in enumerate(servers) if s[2] and s[1] > 0)
    if not on:
        return []
    heaviest = max(weight for _, weight, _ in on)
    table = [None] * size
    left = size
    place, skip, turns = {}, {}, {}
    for server_id, _, index in on:
        first, second = server_points(server_id, 2)
        place[index], skip[index], turns[index] = first % size, second % (size - 1) + 1, 0
    rounds = 0
    while True:
        rounds += 1
        for _, weight, index in on:
            if turns[index] * heaviest >= rounds * weight:
                continue
            turns[index] += 1
            while table[place[index]] is not None:
                place[index] = (place[index] + skip[index]) % size
            table[place[index]] = index
            left -= 1
            if left == 0:
                return table


def maglev_walk(table, k):
    order = []
    if table:
        first = k * len(table) // CIRCLE
        for index in table[first:] + table[:first]:
            if index not in order:
                order.append(index)
    return order


def fingerprint(algorithm, function, seed, vnodes, millionths, servers):
    data = u32be(1)
    data += b"\x01" if algorithm == "maglev" else b"\x00"
    data += b"\x01" if function == "xxh3" else b"\x00"
    data += u32be(vnodes) + millionths.to_bytes(8, "big")
    data += sha256(seed) if seed else bytes(32)
    data += u32be(len(servers))
    for server_id, weight, online in sorted(servers):
        data += u32be(len(server_id)) + server_id + u32be(weight)
        data += b"\x01" if online else b"\x00"
    return sha256(data).hex()


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


def random_servers(numbers, count):
    servers = []
    for _ in range(count):
        server_id = ODD_IDS[numbers.below(len(ODD_IDS))]
        if any(server_id == known for known, _, _ in servers):
            server_id = numbers.bytes(1 + numbers.below(40))
        if any(server_id == known for known, _, _ in servers):
            continue
        weight = [1, 1, 1, 2, 3, 10, 0][numbers.below(7)]
        servers.append((server_id, weight, numbers.below(5) != 0))
    return servers


def random_keys(numbers, servers):
    keys = [b"", b"\x00", "schl\u00fcssel".encode(), b"192.0.2.1"]
    keys += [numbers.bytes(numbers.below(80)) for _ in range(32)]
    # Bytes whose SHA-256 is a point: the hash falls upon it.
    for server_id, _, _ in servers[:5]:
        keys.append(u32be(len(server_id)) + server_id + u32be(0))
    return keys


def rings():
    """(algorithm, function, seed, vnodes, balance factor in millionths, servers, keys)
    of every ring in the file."""
    numbers = Numbers("rings")
    seeds = [b"", b"s3cret", b"\x00", b"\xff" * 64]
    for number in range(48):
        function = ["sha256", "xxh3"][number % 2]
        seed = seeds[number // 2 % 4]
        vnodes = [1, 2, 3, 4, 5, 7, 16, 64][number // 6]
        balance = [0, 0, 1250000][number % 3]
        servers = random_servers(numbers, [2, 3, 4, 6, 9, 16][number % 6])
        keys = random_keys(numbers, servers)
        yield "ring", function, seed, vnodes, balance, servers, keys
    servers = [(b"server-%d" % i, 1 + i % 3, i != 4) for i in range(10)]
    keys = [b"key-%d" % i for i in range(100)]
    for function in ["sha256", "xxh3"]:
        yield "ring", function, b"", 512, 0, servers, keys
        yield "maglev", function, b"", 512, 0, servers, keys
    for count in [2, 5, 9, 16]:
        servers = random_servers(numbers, count)
        yield "maglev", "sha256", b"", 512, 0, servers, random_keys(numbers, servers)
    alone, down = [(b"alone", 1, True)], [(b"down", 1, False), (b"idle", 0, True)]
    for algorithm in ["ring", "maglev"]:
        yield algorithm, "sha256", b"", 3, 0, alone, keys[:8]
        yield algorithm, "xxh3", b"", 3, 1000000, down, keys[:2]


def golden():
    yield "# Golden vectors of mapping version 1, made by model.py. Bytes are in hexadecimal."
    yield "# points ID FIRST-POINTS..."
    yield "# ring ring|maglev FUNCTION SEED VNODES BALANCE-FACTOR-IN-MILLIONTHS, and of it:"
    yield "# server ID WEIGHT online|offline"
    yield "# fingerprint DIGEST"
    yield "# key BYTES HASH WALK: the first five, numbered from 0 in the order above"
    for server_id in ODD_IDS:
        points = " ".join("%016x" % p for p in server_points(server_id, 10))
        yield "points %s %s" % (server_id.hex(), points)
    for algorithm, function, seed, vnodes, balance, servers, keys in rings():
        yield "ring %s %s %s %d %d" % (algorithm, function, seed.hex() or "-", vnodes, balance)
        for server_id, weight, online in servers:
            status = "online" if online else "offline"
            yield "server %s %d %s" % (server_id.hex(), weight, status)
        yield "fingerprint " + fingerprint(algorithm, function, seed, vnodes, balance, servers)
        table = maglev_table(servers) if algorithm == "maglev" else None
        for key in keys:
            k = key_hash(function, seed, key)
            whole = walk(servers, vnodes, k) if table is None else maglev_walk(table, k)
            order = ",".join(str(index) for index in whole[:5])
            yield "key %s %016x %s" % (key.hex() or "-", k, order or "-")


def example():
    """A whole placement, step by step."""
    key, vnodes = b"user-42", 2
    servers = [(b"server-a", 1, True), (b"server-b", 2, True), (b"server-c", 1, True)]
    k = key_hash("sha256", b"", key)
    yield "key          %s" % key.decode()
    yield "SHA-256      %s" % sha256(key).hex()
    yield "k            %016x" % k
    yield ""
    yield "with the seed 7365656400ff (6 bytes)"
    seed = bytes.fromhex("7365656400ff")
    yield "hashed       %s" % (u32be(len(seed)) + seed + key).hex()
    yield "k            %016x" % key_hash("sha256", seed, key)
    yield "k by xxh3    %016x, without the seed %016x" % (
        key_hash("xxh3", seed, key),
        key_hash("xxh3", b"", key),
    )
    yield ""
    data = u32be(8) + b"server-b" + u32be(0)
    yield "server-b, counter 0"
    yield "hashed       %s" % data.hex()
    yield "SHA-256      %s" % sha256(data).hex()
    for j, p in enumerate(server_points(b"server-b", 4)):
        yield "point %d      %016x" % (j, p)
    yield ""
    yield "%d points a unit of weight" % vnodes
    yield "server    point             clockwise         counter-clockwise"
    for server_id, weight, _ in servers:
        for p in server_points(server_id, weight * vnodes):
            clockwise, counter_clockwise = (p - k) % CIRCLE, (k - p) % CIRCLE
            near = "%016x, clockwise" % clockwise
            if counter_clockwise < clockwise:
                near = "%016x, counter-clockwise" % counter_clockwise
            row = (server_id.decode(), p, clockwise, counter_clockwise, near)
            yield "%s  %016x  %016x  %016x  %s" % row
    order = [servers[index][0].decode() for index in walk(servers, vnodes, k)]
    yield ""
    yield "walk         " + ", ".join(order)


def check_example(path):
    with open(path) as file:
        if "\n".join(example()) + "\n" not in file.read():
            sys.exit(path + " does not hold the example that the model makes")


def main():
    path = sys.argv[-1]
    if "--example" in sys.argv:
        print("\n".join(example()))
        return
    if "--check-example" in sys.argv:
        check_example(path)
        return
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
