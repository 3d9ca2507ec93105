#!/usr/bin/env python3
"""Checks the links of Markdown documents: that files and headings they lead to are there.

    links.py FILE.md...

Paths are relative to the root, where it runs. Links to other sites are not followed. The
anchor of a heading is made as GitHub makes it.
"""

import functools
import pathlib
import re
import sys
import urllib.parse

import findings

FENCE = re.compile(r"^ {0,3}(```+|~~~+)")
HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$")
NAMED = re.compile(r'<a\s+(?:id|name)="([^"]+)"')
# [text](target) and ![text](target), with a title or without, and [name]: target.
INLINE = re.compile(r"\]\(\s*<?([^\s)>]*)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^ {0,3}\[[^\]]+\]:\s*<?(\S+?)>?(?:\s|$)")
CODE = re.compile(r"(`+)(?!`).*?(?<!`)\1(?!`)")
ELSEWHERE = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*:")


def prose(text):
    """The lines that are not code, with their numbers; those of code blocks are left out."""
    fence = None
    code_may_begin = True  # an indented block begins behind an empty line
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if fence:
            if mark and mark.group(1).startswith(fence):
                fence = None
        elif mark:
            fence = mark.group(1)
        elif code_may_begin and line.startswith("    "):
            continue
        else:
            yield number, line
        code_may_begin = not line.strip()


def anchor_of(heading):
    shown = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    kept = re.sub(r"[^\w\- ]", "", shown.lower())
    return kept.replace(" ", "-")


@functools.lru_cache(maxsize=None)
def anchors(path):
    found = set()
    times = {}
    for _, line in prose(path.read_text()):
        found.update(NAMED.findall(line))
        heading = HEADING.match(line)
        if not heading:
            continue
        anchor = anchor_of(heading.group(1))
        count = times.get(anchor, 0)
        times[anchor] = count + 1
        found.add(f"{anchor}-{count}" if count else anchor)
    return found


def links(text):
    for number, line in prose(text):
        line = CODE.sub("", line)
        for target in INLINE.findall(line) + REFERENCE.findall(line):
            yield number, target


def problem_of(file, target):
    if ELSEWHERE.match(target):
        return None
    path, _, anchor = target.partition("#")
    root = pathlib.Path.cwd()
    to = root / file
    if path:
        to = to.parent / urllib.parse.unquote(path)
    to = to.resolve()
    if path.startswith("/") or not to.is_relative_to(root):
        return f"{target} leads out of the project"
    if not to.exists():
        return f"{target}: there is no such file"
    if anchor and (to.suffix != ".md" or anchor not in anchors(to)):
        return f"{target}: there is no such heading"
    return None


def problems(file):
    for number, target in links(pathlib.Path(file).read_text()):
        problem = problem_of(file, target)
        if problem:
            yield f"{file}:{number}: {problem}"


if __name__ == "__main__":
    sys.exit(findings.report(problems, sys.argv[1:]))
