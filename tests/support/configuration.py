"""Configurations for tests: plain dicts in, the YAML that a user would write out."""

import json


def to_yaml(value, indent: int = 0) -> str:
    """Block style for maps and lists that hold any; everything else as JSON, which YAML reads."""
    pad = "  " * indent
    if isinstance(value, dict) and value:
        entries = value.items()
        return "".join(f"{pad}{name}:{_after_colon(entry, indent)}" for name, entry in entries)
    if isinstance(value, list) and value:
        items = (to_yaml(entry, indent + 1) for entry in value)
        return "".join(f"{pad}- {item.lstrip()}" for item in items)
    return f"{pad}{_scalar(value)}\n"


def _after_colon(value, indent: int) -> str:
    if isinstance(value, (dict, list)) and value:
        return "\n" + to_yaml(value, indent + 1)
    return f" {_scalar(value)}\n"


def _scalar(value) -> str:
    plain = isinstance(value, str) and value.replace("_", "").isalnum() and value[0].isalpha()
    return value if plain and value not in ("true", "false", "null") else json.dumps(value)


def servers_of(backends) -> list[dict]:
    """The `servers` entry for backends, which need a name and an address; a dict stays as it is."""
    return [
        backend if isinstance(backend, dict) else {"id": backend.name, "address": backend.address}
        for backend in backends
    ]


def pool_of(backends, **entries) -> dict:
    return {**entries, "servers": servers_of(backends)}


def listener(
    port: int, key="first_line", pool: str = "main", name: str = "main", **entries
) -> dict:
    return {"name": name, "bind": f"127.0.0.1:{port}", "pool": pool, "key": key, **entries}


# For checks that only connect, which the kernel of the server answers.
FAST_CHECKS = {"interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 1}
# For those that a program answers, which a busy machine may keep from running for a while.
ANSWERED_CHECKS = {**FAST_CHECKS, "interval": "2s", "timeout": "2s", "fast_interval": "100ms"}
