"""The network that everything runs in: the machine's, or a namespace of its own
(network_namespaces(7)) with the congestion control that was asked for.

It matters: BBR sends by the clock, with a timer for every segment of bulk. On a virtual
machine these timers took a fifth to three fifths of a proxy's time.
"""

import os
import socket
import subprocess
import sys

from comparelib import machine

_INSIDE = "RINGWAY_COMPARE_INSIDE"
# The kernel has a route for the one address too, which comes before that for all.
_LOCAL_ROUTES = ("127.0.0.0/8", "127.0.0.1")


def enter(wanted: str | None) -> None:
    """Moves this program into its network: the first time it is started again there, and
    this does not return. None: the machine's network, as it is."""
    if wanted is None:
        return
    if _INSIDE in os.environ:
        _set_up(wanted)
        return
    machine.require("unshare", "ip")
    if found := problem():
        raise machine.Trouble(f"--congestion needs a network of its own: {found}")
    os.environ[_INSIDE] = "1"
    command = _alone(sys.executable, *sys.argv)
    os.execvp(command[0], command)


def problem() -> str | None:
    """Why there can be no network of its own here, if so."""
    return _failure(_alone("true"))


def congestion() -> str:
    """What a connection over the loopback interface has (tcp(7), TCP_CONGESTION)."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as client:
            name = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    return name.rstrip(b"\0").decode()


def _alone(*command: str) -> list[str]:
    """The command, in a network of its own (unshare(1))."""
    rights = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", "--net", *rights, *command]


def _set_up(wanted: str) -> None:
    commands = [["ip", "link", "set", "lo", "up"]]
    for route in _LOCAL_ROUTES:
        place = ["local", route, "dev", "lo", "table", "local", "src", "127.0.0.1"]
        commands.append(["ip", "route", "replace", *place, "congctl", wanted])
    for command in commands:
        if said := _failure(command):
            raise machine.Trouble(f"{' '.join(command)}: {said}")
    if (found := congestion()) != wanted:
        raise machine.Trouble(f"the kernel has no congestion control {wanted}: it uses {found}")


def _failure(command: list[str]) -> str | None:
    """Runs it; returns its error output if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stderr.strip() or str(done.returncode)
