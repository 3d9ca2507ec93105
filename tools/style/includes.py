#!/usr/bin/env python3
"""Checks which folder includes what: the arrows of ARCHITECTURE.md.

    includes.py FILE...

Paths are relative to the root. Includes of our own files are written from the
root; headers begin with #pragma once.
"""

import pathlib
import re
import sys

import findings

# Our own folders and the outside libraries that each folder may include, beyond the
# C++ standard library and POSIX. A folder that is not named here may include anything.
ARROWS = {
    "ring": {"ring", "openssl", "xxhash.h"},
    "conf": {"conf"},
    "health": {"health", "conf", "proxy/tls", "boost"},
}
# The wings of proxy/ from the lowest up: each may include the wings, folders and single headers
# named here, itself, and the outside libraries. What is in proxy/ itself composes them all.
WINGS = {
    "text": {"conf/result.h", "boost", "fmt"},
    "base": {"proxy/text", "conf", "boost", "fmt", "spdlog"},
    "tls": {"proxy/base", "conf", "openssl", "fmt"},
    "names": {"proxy/base", "conf", "boost", "fmt", "spdlog", "ares.h"},
    "etcd": {"proxy/tls", "proxy/base", "conf", "boost", "openssl", "fmt"},
    "net": {"proxy/tls", "proxy/base", "conf", "boost", "fmt"},
    "keys": {"proxy/net", "proxy/tls", "proxy/base", "conf", "re2"},
    "data": {"proxy/keys", "proxy/net", "proxy/tls", "proxy/base", "proxy/text", "ring", "health", "conf", "boost", "fmt", "spdlog"},
}
WINGS["control"] = WINGS["data"] | {"proxy/data", "proxy/names", "proxy/etcd", "proxy/version.h"}
WINGS["admin"] = WINGS["control"] | {"proxy/control", "openssl", "prometheus"}
ARROWS |= {f"proxy/{wing}": {f"proxy/{wing}", *allowed} for wing, allowed in WINGS.items()}
# Single files that may do more than their folder.
EXCEPTIONS = {
    "conf/result.h": {"boost"},
    "conf/yaml.cpp": {"yaml-cpp"},
    "conf/pattern.cpp": {"re2"},
}

SYSTEM = {"arpa", "linux", "net", "netinet", "sys"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def library_of(name):
    """The outside library of a header in <>, or None for the system's own."""
    first, slash, _ = name.partition("/")
    if slash:
        return None if first in SYSTEM else first
    return name if name in {"xxhash.h", "ares.h"} else None


def room_of(path):
    """The folder that a file of ours belongs to, or its wing in proxy/."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "proxy" else parts[0]


def problem_of(file, quote, name):
    folder = room_of(file)
    allowed = ARROWS.get(folder)
    if quote == '"':
        target = room_of(name)
        if "/" not in name or ".." in name:
            return f'"{name}" is not written from the root'
    else:
        target = library_of(name)
    if allowed is None or target is None:
        return None
    if {target, name} & (allowed | EXCEPTIONS.get(file, set())):
        return None
    return f"{folder} may not include {name}"


def problems(file):
    text = pathlib.Path(file).read_text(errors="replace")
    if file.endswith(".h") and "\n#pragma once\n" not in "\n" + text:
        yield f"{file}:1: no #pragma once"
    for number, line in enumerate(text.splitlines(), 1):
        include = INCLUDE.match(line)
        problem = include and problem_of(file, *include.groups())
        if problem:
            yield f"{file}:{number}: {problem}"


if __name__ == "__main__":
    sys.exit(findings.report(problems, sys.argv[1:]))
