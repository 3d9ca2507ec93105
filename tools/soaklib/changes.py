"""Everything that an operator does: reloads of small changes, commands, broken files, questions."""

import random
import threading
import time

from soaklib.clients import KEYS
from soaklib.world import ASKS, CONNECTS, differences

LEAST_TAKING = 3  # servers of a pool that take keys


class Operator:
    """One thread. Each act is compared with what the proxy says after it."""

    def __init__(self, proxy, world, history, watch, clients, verdicts):
        self.reloads = self.commands = self.rotations = 0
        self._proxy, self._world, self._history = proxy, world, history
        self._watch, self._clients, self._verdicts = watch, clients, verdicts
        with history.change({name: pool.taking() for name, pool in world.pools.items()}):
            pass

    def act(self, source: random.Random):
        acts = [self._reload] * 5 + [self._broken_file, self._weight, self._weight, self._drain]
        acts += [self._register, self._move, self._forget, self._clear, self._ask, self._rotate]
        source.choice(acts)(source)

    # Reloads.

    def _reload(self, source: random.Random):
        changed = source.choice((self._file_weight, self._file_servers, self._settings,
                                 self._extra, self._file_weight))(source)  # fmt: skip
        self._apply(changed, lambda: self._take_file(source))
        if self._world.has_extra:
            for _ in range(5):
                self._clients.extra(source)

    def _take_file(self, source: random.Random):
        ringway = self._proxy.ringway
        ringway.write(self._world.config())
        if source.random() < 0.3:
            plan = ringway.admin(f"plan {ringway.config_path}")
            self._verdicts.check(plan["ok"], "a valid file has a plan", str(plan))
        if source.random() < 0.5:
            state = ringway.reload()
            self._verdicts.check(state["result"] == "ok", "a valid file is taken", str(state))
        else:
            answer = ringway.ask("reload")
            self._verdicts.check(answer["ok"], "a valid file is taken", str(answer))
        self.reloads += 1

    def _file_weight(self, source: random.Random) -> list[str]:
        name = source.choice(list(self._world.pools))
        pool = self._world.pools[name]
        pool.file[source.choice(list(pool.file))] = source.randrange(1, 4)
        return [name]

    def _file_servers(self, source: random.Random) -> list[str]:
        """One server more or less."""
        name = source.choice([name for name in self._world.pools if name != "extra"])
        pool = self._world.pools[name]
        absent = [id for id in pool.servers if id not in pool.here() and id[0] != "r"]
        if absent and (source.random() < 0.5 or len(pool.taking()) <= LEAST_TAKING):
            id = source.choice(absent)
            pool.file[id] = source.randrange(1, 3)
            self._watch.brief(name, id, "added")
        elif len(pool.taking()) > min(LEAST_TAKING, len(pool.servers) - 1):
            pool.remove(source.choice(list(pool.file)))
        return [name]

    def _settings(self, source: random.Random) -> list[str]:
        """Of the pool whose servers flap, and of one whose servers do not."""
        flappy = {
            "connect": {"timeout": source.choice(("1s", "2s"))},
            "health": {**ASKS, "fall": source.choice((2, 3))},
            "on_down": source.choice(("keep", "reset", {"drain": "1s"})),
            "on_removed": source.choice(("keep", "reset", {"drain": "2s"})),
            "panic": source.choice((0, 0.2)),
        }
        if source.random() < 0.5:
            flappy["passive"] = {"failures": source.choice((2, 5))}
        if source.random() < 0.5:
            flappy["slow_start"] = source.choice(("1s", "2s"))
        steady = {"health": {**CONNECTS, "interval": source.choice(("1s", "2s"))}}
        self._world.pools["flappy"].settings = flappy
        self._world.pools["steady"].settings = steady
        return ["flappy", "steady"]

    def _extra(self, source: random.Random) -> list[str]:
        """A pool and a listener more or less."""
        self._world.has_extra = not self._world.has_extra
        self._world.pools["extra"].left |= self._world.pools["extra"].servers.keys()
        return []

    def _broken_file(self, source: random.Random):
        """Refused, and nothing has changed."""
        ringway = self._proxy.ringway
        config = self._world.config()
        broken = source.choice((
            {**config, "versoin": 1},
            {**config, "workers": 3},
            {**config, "listeners": [{**config["listeners"][0], "pool": "nowhere"}]},
            "version: 1\nlisteners: [",
        ))  # fmt: skip
        before = ringway.status()
        self._watch.log_errors_expected += 1
        ringway.write(broken)
        state = ringway.reload()
        ringway.write(config)
        after = ringway.status()
        refused = state["failed_reloads"] == before["config"]["failed_reloads"] + 1
        self._verdicts.check(refused, "a broken file is refused", str(state))
        same = after["generation"] == before["generation"]
        self._verdicts.check(same, "a broken file changes nothing", f"{before} {after}")
        self.reloads += 1

    # Commands.

    def _command(self, name: str, line: str, brief: str = ""):
        """A command that changes a pool, whose wish is changed already."""

        def ask():
            answer = self._proxy.ringway.ask(line)
            self._verdicts.check(answer["ok"], "a valid command is taken", f"{line}: {answer}")
            kept = answer.get("kept", True)
            self._verdicts.check(kept, "the state file keeps it", f"{line}: {answer}")

        if brief:
            self._watch.brief(name, brief, line)
        self._apply([name], ask)
        self.commands += 1

    def _pool(self, source: random.Random, *names: str):
        name = source.choice([n for n in names or ("flappy", "steady", "redis", "kept")
                              if n in self._world.pools])  # fmt: skip
        pool = self._world.pools[name]
        return name, pool, source.choice(list(pool.here()))

    def _weight(self, source: random.Random):
        name, pool, id = self._pool(source)
        weight = source.randrange(1, 5)
        if id in pool.runtime:
            pool.runtime[id] = weight
        else:
            pool.weights_set[id] = weight
        self._command(name, f"set {name} {id} weight {weight}")

    def _drain(self, source: random.Random):
        name, pool, id = self._pool(source)
        if id in pool.draining:
            pool.draining.discard(id)
            self._command(name, f"auto {name} {id}", id)
        elif len(pool.taking()) > min(LEAST_TAKING, len(pool.servers) - 1):
            pool.draining.add(id)
            self._command(name, f"drain {name} {id}")

    def _register(self, source: random.Random):
        pool = self._world.pools["flappy"]
        id = source.choice([id for id in pool.servers if id[0] == "r"])
        if id in pool.runtime:
            if len(pool.taking()) > LEAST_TAKING:
                pool.remove(id)
                self._command("flappy", f"unregister flappy {id}")
            return
        pool.runtime[id] = 2
        address = pool.servers[id].address
        self._command("flappy", f"register flappy {id} {address} --weight 2", id)

    def _move(self, source: random.Random):
        """The server f1 is served at another address, or where the file has it."""
        pool = self._world.pools["flappy"]
        if "f1" not in pool.file:
            return
        twin = self._world.twin
        at = twin if pool.server("f1") is not twin else pool.servers["f1"]
        pool.addresses_set["f1"] = at
        self._command("flappy", f"set flappy f1 address {at.address}", "f1")

    def _forget(self, source: random.Random):
        name, pool, id = self._pool(source)
        changed = id in pool.weights_set or id in pool.addresses_set or id in pool.draining
        if changed and id not in pool.runtime:
            pool.forget(id)
            self._command(name, f"forget {name} {id}", id)

    def _clear(self, source: random.Random):
        name, _, id = self._pool(source, "flappy", "redis")
        self._command(name, f"clear {name} {id}", id)

    def _ask(self, source: random.Random):
        ringway = self._proxy.ringway
        name = source.choice([name for name in self._world.pools if name != "extra"])
        for line in ("status", "servers", f"servers {name}", f"ring {name}", "events 20",
                     "overrides", "log level", f"explain {name} {source.choice(KEYS)}",
                     "log level info for 1s", f"plan {ringway.config_path}"):  # fmt: skip
            answer = ringway.ask(line)
            self._verdicts.check(answer["ok"], "a question is answered", f"{line}: {answer}")
            self.commands += 1
        for line in ("servers nowhere", "drain flappy nobody", "nonsense", "set kept a weight x"):
            answer = ringway.ask(line)
            self._verdicts.check(not answer["ok"], "nonsense is refused", f"{line}: {answer}")

    def _rotate(self, source: random.Random):
        self._proxy.log.rotate(self._proxy.ringway)
        self.rotations += 1

    # What follows every change.

    def _apply(self, names: list[str], act):
        pools = self._world.pools
        with self._history.change({name: pools[name].taking() for name in names}):
            act()
        self.compare()

    def compare(self):
        """What is wished with what the proxy says."""
        said = self._proxy.ringway.admin("servers")["servers"]
        for name, pool in self._world.pools.items():
            if name == "extra" and not self._world.has_extra:
                continue
            of = [server for server in said if server["pool"] == name]
            for difference in differences(pool, of):
                self._verdicts.violated("servers are as wished", f"{name}: {difference}")


class Flapper:
    """Servers of `flappy` die and come back, or stand still for a while."""

    def __init__(self, world, history, watch):
        self.flaps = 0
        self._world, self._history, self._watch = world, history, watch
        self._choosing = threading.Lock()

    def act(self, source: random.Random):
        pool = self._world.pools["flappy"]
        id = source.choice(list(pool.servers))
        with self._choosing:
            doubted = self._history.in_doubt("flappy")
            if id in doubted or len(doubted) > 1:
                return
            opened = self._watch.doubt("flappy", id, "flaps")
        server = pool.server(id)
        if source.random() < 0.6:
            server.kill()
            time.sleep(source.uniform(0, 3))
            server.start()
        else:
            server.pause()
            time.sleep(source.uniform(0, 3))
            server.resume()
        self.flaps += 1
        self._watch.over(opened)
