"""Processes on chosen processors, what they use, and what the machine is."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

LOAD_CPU = 0
PROXY_CPU = 1
START_SECONDS = 10.0  # for a program to come up, or to go
WANTED_DESCRIPTORS = 65_536


class Trouble(Exception):
    """The comparison cannot continue; the text is the reason, for people."""


def require(*programs: str) -> None:
    """They are there, and a processor for the proxy beside the load's."""
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian puts proxies, not on every path
    missing = [one for one in programs if not (shutil.which(one) or Path(one).is_file())]
    if missing:
        raise Trouble(f"not installed: {', '.join(missing)}")
    if not {LOAD_CPU, PROXY_CPU} <= os.sched_getaffinity(0):
        raise Trouble(f"processors {LOAD_CPU} and {PROXY_CPU} are needed")


def raise_descriptor_limit() -> None:
    """Every program below inherits it. Without the right to more: what there is."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    try:
        wanted = (WANTED_DESCRIPTORS, max(hard, WANTED_DESCRIPTORS))
        resource.setrlimit(resource.RLIMIT_NOFILE, wanted)
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def start(command: list, cpu: int, **more) -> subprocess.Popen:
    """The program, pinned to one processor with all that it will start."""
    return subprocess.Popen(
        [str(word) for word in command], preexec_fn=lambda: os.sched_setaffinity(0, {cpu}), **more
    )


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(START_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(condition, what: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise Trouble(f"{what}: not within {START_SECONDS:.0f} s")
        time.sleep(0.01)


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def with_children(pid: int) -> list[int]:
    """The process and those that it started, in that order."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(child) for child in children)]


def pss_bytes(pids: list[int]) -> int:
    """User memory of all, pages that they share counted once (proc(5), smaps_rollup)."""
    total = 0
    for pid in pids:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.MULTILINE)[1]) * 1024
    return total


def describe() -> dict:
    cpus = re.findall(r"^model name\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    mhz = re.findall(r"^cpu MHz\s*:\s*(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    kernel = os.uname()
    return {
        "cpu": cpus[0] if cpus else kernel.machine,
        "cpu_mhz": round(float(mhz[0])) if mhz else None,
        "processors": os.cpu_count(),
        "kernel": f"{kernel.sysname} {kernel.release}",
    }


def version_of(command: list, pattern: str) -> str:
    said = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False
    )
    found = re.search(pattern, said.stdout + said.stderr)
    return found[1] if found else "unknown"
