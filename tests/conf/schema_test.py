"""The JSON Schema and the parser know the same entries.

Run by ctest as: schema_test.py CONF_CHECK CONF_FOLDER
An unknown entry makes the parser list those it knows; that list is compared
with the schema's, section by section.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import jsonschema
import yaml

CHECK, FOLDER = sys.argv[1], pathlib.Path(sys.argv[2])
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
UNKNOWN = "zzzzzzzzzz"  # no typo of anything


def base(path=()):
    """A good file in which `path` is there; of the checks that exclude each other, the one."""
    key = {"from": "source_ip"}
    if "on_missing" in path:
        key = {"from": "first_line", "on_missing": {"policy": "source_ip"}}
    health = {"http": {}} if "http" in path else {"expect": {"anywhere": "x"}}
    to_servers = {"name": {"from": "id"}, "certificate": {"chain": "/c", "key": "/k"}}
    health["tls"] = copy.deepcopy(to_servers)
    source = {"dns": "d.example", "port": 80} if "dns" in path else {"srv": "s.example"}
    etcd = {
        "endpoints": ["10.0.0.1:2379"],
        "tls": {"certificate": {"chain": "/c", "key": "/k"}},
        "user": {"name": "u", "password": "/p"},
    }
    return {
        "version": 1,
        "listeners": [
            {
                "name": "a",
                "bind": "0.0.0.0:80",
                **({"routes": [{"pool": "p", "key": key}]} if "routes" in path
                   else {"pool": "p", "key": key}),
                "proxy_protocol": {"accept": ["v2"], "trusted": ["10.0.0.0/8"]},
                "timeouts": {},
                "tls": {
                    "certificates": [{"chain": "/c", "key": "/k"}],
                    "client": {"ca": "/a"},
                    "tickets": {},
                },
            }
        ],
        "pools": {
            "p": {
                "hash": {},
                "connect": {},
                "proxy_protocol": {"send": "v2"},
                "tls": to_servers,
                "health": health,
                "passive": {},
                "on_down": {"drain": "1s"},
                "on_removed": {"drain": "1s"},
                "servers": [
                    {"id": "s", "address": "10.0.0.1:80", "health": {"port": 81}}
                ],
                "servers_from": {
                    **source,
                    "etcd": {**copy.deepcopy(etcd), "prefix": "/p/"},
                    "health": {"port": 81},
                },
            }
        },
        "admin": {},
        "log": {},
        "dns": {},
        "fleet": {"name": "a", "etcd": copy.deepcopy(etcd)},
    }


def errors_of(config):
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(json.dumps(config, indent=1))
        file.flush()
        return subprocess.run([CHECK, file.name], capture_output=True, text=True).stdout.splitlines()


def resolve(schema):
    while "$ref" in schema:
        node = SCHEMA
        for part in schema["$ref"].removeprefix("#/").split("/"):
            node = node[part]
        schema = node
    return schema


def sections(schema, path=()):
    """Every map of the file that has a fixed set of entries: its path and schema."""
    schema = resolve(schema)
    for variant in schema.get("oneOf", []):
        yield from sections(variant, path)
    if "items" in schema:
        yield from sections(schema["items"], path + (0,))
    if isinstance(schema.get("additionalProperties"), dict):
        yield from sections(schema["additionalProperties"], path + ("p",))
    if "properties" in schema:
        yield path, schema
        for name, inner in schema["properties"].items():
            yield from sections(inner, path + (name,))


def at(config, path):
    if "parts" in path:
        listener = config["listeners"][0]
        placed = listener["routes"][0] if "routes" in path else listener
        placed["key"] = {"parts": [{"from": "source_ip"}, "source"]}
    for part in path:
        config = config[part]
    return config


class SchemaTest(unittest.TestCase):
    def test_the_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(SCHEMA)

    def test_examples_fit_the_schema(self):
        for path in sorted((FOLDER / "examples").glob("*.yaml")):
            with self.subTest(path.name):
                jsonschema.validate(yaml.safe_load(path.read_text()), SCHEMA)

    def test_schema_and_parser_know_the_same_entries(self):
        self.assertEqual(errors_of(base()), [])
        found = list(sections(SCHEMA))
        self.assertEqual(len(found), 47)
        for path, schema in found:
            with self.subTest(path):
                config = base(path)
                at(config, path)[UNKNOWN] = 1
                (error,) = errors_of(config)
                known = re.search("unknown entry, known here: (.*)$", error).group(1).split(", ")
                self.assertEqual(sorted(known), sorted(schema["properties"]))
                self.assertFalse(schema["additionalProperties"])

    def test_schema_and_parser_require_the_same_entries(self):
        for path, schema in sections(SCHEMA):
            for name in schema["properties"]:
                with self.subTest((*path, name)):
                    config = base(path)
                    at(config, path).pop(name, None)
                    missing = any(f'the entry "{name}" is missing' in e for e in errors_of(config))
                    required = schema.get("required", [])
                    if path == ("listeners", 0):
                        required = [*required, "pool"]  # or routes
                    self.assertEqual(missing, name in required)

    def test_differences_are_told_of_every_entry_of_the_schema(self):
        source = "".join(file.read_text() for file in FOLDER.glob("entries*.cpp"))
        # Names, containers, and entries that are shown under another name.
        others = {"version", "name", "id", "port", "drain", "servers", "parts", "policy", "seed_hex"}
        others |= {"chain", "sni", "source", "destination_port"}
        for path, schema in sections(SCHEMA):
            for name, entry in schema["properties"].items():
                if name not in others and not list(sections(entry)):
                    with self.subTest((*path, name)):
                        self.assertIn(f'"{name}"', source)

    def test_schema_and_parser_have_the_same_keywords_and_bounds(self):
        for path, schema in sections(SCHEMA):
            for name, entry in schema["properties"].items():
                entry = resolve(entry)
                good = entry.get("enum", [entry["const"]] if "const" in entry else [])
                good = good + [entry[bound] for bound in ("minimum", "maximum") if bound in entry]
                bad = [entry["minimum"] - 1, entry["maximum"] + 1] if "minimum" in entry else []
                for value in good + bad:
                    with self.subTest((*path, name, value)):
                        config = base(path)
                        at(config, path)[name] = value
                        named = [e for e in errors_of(config) if f"{name}: expected" in e]
                        self.assertEqual(bool(named), value in bad, named)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
