"""Two network namespaces with a wire between them: `near` for the proxy, `far` for peers.

A peer's address can vanish: its packets are then dropped in silence, as when a machine
loses its power, and nothing is answered. Needs root; where namespaces are forbidden the
test that wants them is skipped with the reason.
"""

import ctypes
import json
import os
import socket
import subprocess
import threading

import pytest

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000  # setns(2)
NEAR = "10.231.77.1"


def enter(name: str) -> bool:
    """Moves this thread into a namespace; what it makes from now on belongs there."""
    with open(f"/run/netns/{name}") as namespace:
        return _libc.setns(namespace.fileno(), _CLONE_NEWNET) == 0


class Namespaces:
    def __init__(self):
        self.near, self.far = (f"ringway-{os.getpid()}-{side}" for side in ("near", "far"))
        self._made = []
        for name in (self.near, self.far):
            self._make(name)
        self._join()
        for name, link in ((self.near, "near"), (self.far, "far")):
            self._ip(name, "link set lo up")
            self._ip(name, f"link set {link} up")
        self.add_near(NEAR)

    def _make(self, name: str):
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
        if made.returncode != 0:
            self.stop()
            pytest.skip(f"no network namespaces here: {made.stderr.strip()}")
        self._made.append(name)

    def _join(self):
        """Makes the devices `near` and `far` and the wire between them."""
        self._ip(self.near, "link add near type veth peer name far netns " + self.far)

    def add(self, address: str):
        """A far address; the near side knows its way without asking."""
        self._ip(self.far, f"addr add {address}/32 dev far")
        self._ip(self.near, f"route replace {address}/32 dev near")
        self._introduce(address)

    def _introduce(self, address: str):
        self._know(self.near, address, "near", of=(self.far, "far"))

    def _know(self, name: str, address: str, link: str, of: tuple[str, str]):
        """Has a namespace's device send to `address` by way of another namespace's."""
        (device,) = json.loads(self._ip(of[0], f"-j link show {of[1]}"))
        neighbour = f"neigh replace {address} lladdr {device['address']} dev {link} nud permanent"
        self._ip(name, neighbour)

    def remove_near(self, address: str):
        """The proxy's own address, and the routes from it, are gone."""
        self._ip(self.near, f"addr del {address}/32 dev near")

    def add_near(self, address: str):
        self._ip(self.near, f"addr add {address}/32 dev near")
        self._ip(self.far, f"route replace {address}/32 dev far")

    def vanish(self, address: str):
        self._ip(self.far, f"addr del {address}/32 dev far")

    def prefix(self) -> list[str]:
        """Before a command that is to run on the near side."""
        return ["ip", "netns", "exec", self.near]

    def far_prefix(self) -> list[str]:
        return ["ip", "netns", "exec", self.far]

    def unreach(self, address: str):
        """As vanish(), and the near side's kernel finds out that no machine has the address."""
        self.vanish(address)
        self._ip(self.near, f"neigh del {address} dev near")

    def near_socket(self) -> socket.socket:
        """As far_socket()."""
        return self._make_in(self.near, socket.socket)

    def far_socket(self) -> socket.socket:
        """A TCP socket of the far side, whichever thread uses it."""
        return self._make_in(self.far, socket.socket)

    def set_near(self, *settings: str):
        """Sets what sysctl(8) does, of the near side's network."""
        self._set(self.near, *settings)

    def _set(self, name: str, *settings: str):
        command = ["ip", "netns", "exec", name, "sysctl", "-qw", *settings]
        subprocess.run(command, check=True)

    def _make_in(self, name: str, maker):
        """What `maker` gives within a namespace, to which it belongs for ever."""
        made = []

        def make():
            if enter(name):
                made.append(maker())

        thread = threading.Thread(target=make)  # a namespace is a thread's own
        thread.start()
        thread.join()
        assert made, "setns failed"
        return made[0]

    def stop(self):
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)

    def _ip(self, namespace: str, arguments: str) -> str:
        done = subprocess.run(
            ["ip", "-n", namespace, *arguments.split()], capture_output=True, text=True
        )
        assert done.returncode == 0, (arguments, done.stderr)
        return done.stdout
