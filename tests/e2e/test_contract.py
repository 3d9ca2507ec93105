"""What ring/README.md promises, of the program: its example and the golden vectors, configured."""

from pathlib import Path

from support.configuration import listener
from support.ports import free_port

GOLDEN = Path(__file__).parents[1] / "ring" / "golden" / "mapping-1.txt"


def golden_rings():
    """Each ring of the golden vectors: its settings, servers, fingerprint and keys."""
    ring = None
    for line in GOLDEN.read_text().splitlines():
        kind, *words = line.split()
        if kind == "ring":
            algorithm, function, seed, vnodes, millionths = words
            ring = {"algorithm": algorithm, "function": function,
                    "seed": "" if seed == "-" else seed, "vnodes": int(vnodes),
                    "millionths": int(millionths), "servers": [], "keys": []}  # fmt: skip
            yield ring
        elif kind == "server":
            ring["servers"].append((bytes.fromhex(words[0]), int(words[1]), words[2]))
        elif kind == "fingerprint":
            ring["fingerprint"] = words[0]
        elif kind == "key":
            key = b"" if words[0] == "-" else bytes.fromhex(words[0])
            order = [] if words[2] == "-" else [int(index) for index in words[2].split(",")]
            ring["keys"].append((key, int(words[1], 16), order))


def hash_of(ring) -> dict:
    entries = {"algorithm": ring["algorithm"], "function": ring["function"]}
    if ring["algorithm"] == "ring":
        entries["vnodes"] = ring["vnodes"]
    if ring["seed"]:
        entries["seed_hex"] = ring["seed"]
    if ring["millionths"]:
        entries["balance_factor"] = ring["millionths"] / 1e6
    return entries


def is_text(id: bytes) -> bool:
    try:
        return id.decode().isprintable()
    except UnicodeDecodeError:
        return False


def test_the_example_can_be_configured(bench):
    weights = {"server-a": 1, "server-b": 2, "server-c": 1}
    servers = [{"id": id, "address": "127.0.0.1:1", "weight": weight}
               for id, weight in weights.items()]  # fmt: skip
    seed = {"seed_hex": "7365656400ff"}
    hashes = {
        "plain": ({}, 0x6D894AA3EE802549),
        "xxh3": ({"function": "xxh3"}, 0x50FE4B21CF7B09CD),
        "seeded": (seed, 0xE9386F3CF32C03CC),
        "both": ({"function": "xxh3", **seed}, 0x4D4F243BCC06088F),
    }
    pools = {name: {"hash": {"vnodes": 2, **entries}, "servers": servers}
             for name, (entries, _) in hashes.items()}  # fmt: skip
    entries = [listener(free_port(), pool="plain")]
    proxy = bench.ringway({"listeners": entries, "pools": pools})
    for name, (_, expected) in hashes.items():
        assert int(proxy.explain("user-42", name)["hash"], 16) == expected
    assert proxy.walk("user-42", "plain") == ["server-a", "server-c", "server-b"]


def test_the_golden_vectors_hold_for_what_a_file_can_name(bench):
    """All seeds and keys; servers where every id is text, down where the vector has it so."""
    rings = list(golden_rings())
    pools, walks = {}, 0
    for number, ring in enumerate(rings):
        named = all(is_text(id) for id, _, _ in ring["servers"])
        servers = [{"id": id.decode(), "address": "127.0.0.1:1", "weight": weight}
                   for id, weight, _ in ring["servers"]] if named else []  # fmt: skip
        pools[f"p{number}"] = {"hash": hash_of(ring), "servers": servers}
    proxy = bench.ringway({"listeners": [listener(free_port(), pool="p0")], "pools": pools})
    for number, ring in enumerate(rings):
        pool = f"p{number}"
        named = bool(pools[pool]["servers"])
        ids = [id for id, _, _ in ring["servers"]]
        for id, _, status in ring["servers"]:
            if named and status == "offline":
                proxy.admin(f'offline {pool} "{id.decode()}"')
        for key, expected, order in ring["keys"]:
            answer = proxy.explain(key, pool)
            assert int(answer["hash"], 16) == expected
            if named:
                walk = [step["id"].encode() for step in answer["walk"]][:5]
                assert walk == [ids[index] for index in order]
                walks += len(order) > 0
    assert walks >= 400
    # Under Maglev a file gives no vnodes, which are in the fingerprint all the same.
    told = {pool["name"]: pool["fingerprint"] for pool in proxy.status()["pools"]}
    for number, ring in enumerate(rings):
        if ring["algorithm"] == "ring" and pools[f"p{number}"]["servers"]:
            assert told[f"p{number}"] == ring["fingerprint"]
