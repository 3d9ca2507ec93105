#!/usr/bin/env python3
"""Runs clang-tidy over the project's .cpp files, on all cores.

    tidy.py BUILD [--tests] [--all]

BUILD holds compile_commands.json. Without --tests, the tests are left out. A file that
passed leaves a mark named by all that its result depends on, and is not looked at again;
with --all it is. The marks are those of every clone: they lie in
$XDG_CACHE_HOME/ringway/tidy, and go when nobody has asked for them for 60 days.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("ring", "conf", "health", "proxy", "tools")
INCLUDE = re.compile(rb'^#include "([^"]+)"', re.MULTILINE)
# The commands are g++'s: clang does not know all of its warnings.
TIDY = ["clang-tidy", "--quiet", "--extra-arg=-Wno-unknown-warning-option"]
KEPT_SECONDS = 60 * 24 * 3600


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    folder = pathlib.Path(home, "ringway/tidy")
    folder.mkdir(parents=True, exist_ok=True)
    for mark in folder.iterdir():
        if mark.stat().st_mtime < time.time() - KEPT_SECONDS:
            mark.unlink(missing_ok=True)
    return folder


def commands(build, folders):
    """Every file of the project that is compiled, with its command."""
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = pathlib.Path(entry["directory"], entry["file"])
        if path.exists() and path.relative_to(ROOT).parts[0] in folders:
            yield path, entry["command"]


def with_headers(path, generated, seen):
    """The file and, in the same way, the project's headers that it includes."""
    if path in seen or not path.exists():
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_bytes()):
        with_headers(ROOT / name.decode(), generated, seen)
        with_headers(generated / name.decode(), generated, seen)


def common_to_all():
    """What every result depends on: the programs, outside headers and what is looked for."""
    wanted = subprocess.run(
        [ROOT / "tools/packages", "list", "test"], capture_output=True, check=True, text=True
    ).stdout.split()
    parts = [subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout]
    if shutil.which("dpkg-query"):
        query = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *wanted]
        parts.append(subprocess.run(query, capture_output=True).stdout)
    parts += [(ROOT / folder / ".clang-tidy").read_bytes() for folder in ("", "tests")]
    return "\0".join(TIDY).encode() + b"\0".join(parts)


def key_of(path, command, generated, common):
    files = set()
    with_headers(path, generated, files)
    digest = hashlib.sha256(common + command.replace(str(ROOT), ".").encode())
    for file in sorted(files):
        name = str(file.relative_to(ROOT)).encode()
        digest.update(name + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def run(build, path):
    result = subprocess.run([*TIDY, "-p", build, path], capture_output=True, text=True)
    return result.returncode == 0, result.stdout or result.stderr


def main():
    build, options = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    folders = FOLDERS + (("tests",) if "--tests" in options else ())
    cache, common = cache_folder(), common_to_all()
    marks = {
        path: cache / key_of(path, command, build / "generated", common)
        for path, command in commands(build, folders)
    }
    todo = []
    for path, mark in sorted(marks.items()):
        if mark.exists():
            mark.touch()
        if "--all" in options or not mark.exists():
            todo.append(path)
    todo.sort(key=lambda path: -path.stat().st_size)  # so that no long one is left to the end

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, (good, output) in zip(todo, pool.map(lambda path: run(build, path), todo)):
            if good:
                marks[path].touch()
            else:
                failed += 1
                marks[path].unlink(missing_ok=True)
                print(output, flush=True)
    print(f"clang-tidy: {len(todo)} of {len(marks)} files looked at, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
