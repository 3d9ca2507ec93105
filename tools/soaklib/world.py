"""What the proxy is to do: the file, and what is changed at run time beside it. Changed by one
thread; what it says of a server is compared with what the proxy says."""

from dataclasses import dataclass, field

from support.configuration import listener

from soaklib.history import VNODES
from soaklib.hostile import KEY_TIMEOUT_S, MAX_BYTES

CONNECTS = {"interval": "1s", "timeout": "1s", "rise": 1, "fall": 3}
ASKS = {"interval": "500ms", "timeout": "500ms", "rise": 1, "fall": 2, "fast_interval": "100ms",
        "send": "PING\\n", "expect": "+PONG"}  # fmt: skip
# Pools whose servers are never down, and of which no connection may fail.
READY = ["steady", "kept", "bulk"]


@dataclass
class Pool:
    servers: dict  # everything that may be in it, by id: a name and an address
    settings: dict = field(default_factory=dict)
    file: dict[str, int] = field(default_factory=dict)  # weights
    runtime: dict[str, int] = field(default_factory=dict)  # registered
    weights_set: dict[str, int] = field(default_factory=dict)
    addresses_set: dict = field(default_factory=dict)  # servers at another address
    draining: set[str] = field(default_factory=set)
    left: set[str] = field(default_factory=set)  # since the proxy started: counts may be new

    def here(self) -> dict[str, int]:
        return {**self.file, **self.runtime, **self.weights_set}

    def taking(self) -> dict[str, int]:
        """The weights on the ring."""
        return {id: w for id, w in self.here().items() if w and id not in self.draining}

    def server(self, id: str):
        return self.addresses_set.get(id) or self.servers[id]

    def forget(self, id: str):
        self.weights_set.pop(id, None)
        self.addresses_set.pop(id, None)
        self.draining.discard(id)

    def remove(self, id: str):
        self.file.pop(id, None)
        self.runtime.pop(id, None)
        self.forget(id)
        self.left.add(id)

    def entry(self) -> dict:
        servers = [
            {"id": id, "address": self.servers[id].address, "weight": weight}
            for id, weight in self.file.items()
        ]
        return {"hash": {"vnodes": VNODES}, **self.settings, "servers": servers}


class World:
    """`pools` by name, each with a listener of its own; `flappy` has two."""

    def __init__(self, folder, ports: dict[str, int], pools: dict[str, Pool], twin):
        self.pools = pools
        self.twin = twin  # a second address of the server f1
        self.has_extra = False
        self.log = folder / "ringway.log"
        self._folder, self._ports = folder, ports

    def addresses(self) -> dict:
        return {name: ("127.0.0.1", port) for name, port in self._ports.items()}

    def config(self) -> dict:
        pools = {name: pool.entry() for name, pool in self.pools.items()}
        if not self.has_extra:
            del pools["extra"]
        web = f"127.0.0.1:{self._ports['http']}"
        return {
            "drain_timeout": "2s",
            "admin": {"socket": str(self._folder / "admin.sock"), "http": web,
                      "state": str(self._folder / "state.json"), "ready": READY},
            "log": {"target": str(self.log)},
            "listeners": self._listeners(),
            "pools": pools,
        }  # fmt: skip

    def _listeners(self) -> list[dict]:
        waits = {"timeouts": {"key": f"{KEY_TIMEOUT_S}s"}}
        key = {"from": "field", "number": 1, "max_bytes": f"{MAX_BYTES}B"}
        headers = {"accept": ["v1", "v2"], "trusted": ["127.0.0.0/8"]}
        found = [
            listener(self._ports["main"], key, "flappy", "main", **waits),
            listener(self._ports["proxied"], "source_ip", "flappy", "proxied",
                     proxy_protocol=headers, **waits),
        ]  # fmt: skip
        for name in self.pools:
            if name == "flappy" or (name == "extra" and not self.has_extra):
                continue
            key = "source_ip" if name in ("redis", "extra") else "source"
            found.append(listener(self._ports[name], key, name, name))
        return found

    def begin_life(self):
        for pool in self.pools.values():
            pool.left.clear()


def differences(pool: Pool, servers: list[dict]) -> list[str]:
    """Between a pool and the proxy's answer to `servers`."""
    found = []
    said = {server["id"]: server for server in servers}
    here = pool.here()
    if said.keys() != here.keys():
        found.append(f"servers {sorted(said)}, not {sorted(here)}")
    for id in said.keys() & here.keys():
        expected = {
            "weight": here[id],
            "address": pool.server(id).address,
            "override": "drain" if id in pool.draining else "auto",
            "source": "runtime" if id in pool.runtime else "file",
        }
        for name, value in expected.items():
            if said[id][name] != value:
                found.append(f"{id}: {name} {said[id][name]}, not {value}")
    return found
