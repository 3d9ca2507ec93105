#!/usr/bin/env python3
"""Runs clang-tidy over the project's .cpp files, on all cores.

    tidy.py BUILD CACHE [--tests]

BUILD holds compile_commands.json. Without --tests, the tests are left out. A file that
passed leaves a mark in CACHE, named by all that its result depends on, and is not
looked at again.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("ring", "conf", "health", "proxy", "tools")
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)


def commands(build, folders):
    """Every file of the project that is compiled, with its command."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"])
        if path.exists() and path.relative_to(ROOT).parts[0] in folders:
            yield path, entry["command"]


def with_headers(path, seen):
    """The file and, in the same way, the project's headers that it includes."""
    if path in seen or not path.exists():
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_bytes()):
        with_headers(ROOT / name.decode(), seen)


def key_of(path, command, common):
    files = set()
    with_headers(path, files)
    digest = hashlib.sha256(common + command.encode())
    for file in sorted(files):
        digest.update(str(file).encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run(build, path):
    # The commands are g++'s: clang does not know all of its warnings.
    result = subprocess.run(
        ["clang-tidy", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option", path],
        capture_output=True,
        text=True,
    )
    return result.returncode == 0, result.stdout


def main():
    build, cache = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    folders = FOLDERS + (("tests",) if "--tests" in sys.argv[3:] else ())
    cache.mkdir(parents=True, exist_ok=True)
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    common = version + b"".join(
        (ROOT / folder / ".clang-tidy").read_bytes() for folder in ("", "tests")
    )
    marks = {path: cache / key_of(path, command, common) for path, command in commands(build, folders)}
    for old in set(cache.iterdir()) - set(marks.values()):
        old.unlink()

    failed = 0
    todo = [path for path, mark in sorted(marks.items()) if not mark.exists()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (good, output) in zip(todo, pool.map(lambda path: run(build, path), todo)):
            if good:
                marks[path].touch()
            else:
                failed += 1
                print(output, flush=True)
    print(f"clang-tidy: {len(todo)} of {len(marks)} files looked at, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
