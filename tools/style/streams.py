#!/usr/bin/env python3
"""Checks that proxy/data leaves sockets to proxy/net: only a Stream reads, writes and asks them.

    streams.py FILE...

Paths are relative to the root. Files outside proxy/data are not looked at.
"""

import pathlib
import re
import sys

import findings

FOLDER = "proxy/data/"
# No function of ours has such a name.
UNMISTAKABLE = (
    "accept4|getpeername|getsockname|getsockopt|ioctl|recv|recvfrom|recvmsg|sendfile|sendmsg|sendto|"
    "setsockopt|splice|vmsplice"
)
# These may be members, so they count with the :: of the global namespace before them.
QUALIFIED = "accept|bind|connect|listen|read|readv|send|shutdown|socket|tee|write|writev"
CALL = re.compile(rf"(?<![\w>:])::({QUALIFIED}|{UNMISTAKABLE})\s*\(|(?<![\w.:>])({UNMISTAKABLE})\s*\(")
COMMENT = re.compile(r"//.*")


def problems(file):
    if not file.startswith(FOLDER):
        return
    text = pathlib.Path(file).read_text(errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        call = CALL.search(COMMENT.sub("", line))
        if call:
            yield f"{file}:{number}: {call[1] or call[2]}(2) is for proxy/net alone: ask the Stream"


if __name__ == "__main__":
    sys.exit(findings.report(problems, sys.argv[1:]))
