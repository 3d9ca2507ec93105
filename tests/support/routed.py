"""A router between the proxy and its servers: `near`, `far` (the router) and `behind`.

The router's kernel can be told to answer packets to a server with ICMP errors, to drop them
in silence, or to have a smaller MTU on the way behind it.
"""

import os
import socket
import subprocess

from support.namespaces import NEAR, Namespaces


class RoutedNamespaces(Namespaces):
    def __init__(self):
        super().__init__()
        self.behind = f"ringway-{os.getpid()}-behind"
        subprocess.run(["ip", "netns", "add", self.behind], check=True)
        self._made.append(self.behind)
        self._ip(self.far, f"link add out type veth peer name behind netns {self.behind}")
        for name, link in ((self.far, "out"), (self.behind, "behind"), (self.behind, "lo")):
            self._ip(name, f"link set {link} up")
        # Every packet gets its error; usually a host gets one a second (icmp(7)).
        self._set(self.far, "net.ipv4.ip_forward=1", "net.ipv4.icmp_ratelimit=0")
        self._ip(self.behind, f"route add {NEAR}/32 dev behind")
        self._know(self.behind, NEAR, "behind", of=(self.far, "out"))

    def add_behind(self, address: str):
        """An address behind the router."""
        self._ip(self.behind, f"addr add {address}/32 dev behind")
        self._ip(self.near, f"route replace {address}/32 dev near")
        self._introduce(address)
        self._know(self.far, address, "out", of=(self.behind, "behind"))
        self.route(address)

    def route(self, address: str):
        self._ip(self.far, f"route replace {address}/32 dev out")

    def misroute(self, address: str, kind: str):
        """`kind` of ip-route(8): unreachable and prohibit answer with errors, blackhole drops."""
        self._ip(self.far, f"route replace {kind} {address}/32")

    def set_mtu_behind(self, mtu: int):
        self._ip(self.far, f"link set out mtu {mtu}")
        self._ip(self.behind, f"link set behind mtu {mtu}")

    def socket_behind(self):
        """As far_socket()."""
        return self._make_in(self.behind, socket.socket)

    def errors_received(self) -> int:
        """How often a router has reported to the near side that it cannot deliver."""
        table = subprocess.run(
            [*self.prefix(), "cat", "/proc/net/snmp"], capture_output=True, text=True, check=True
        ).stdout
        names, values = (line.split() for line in table.splitlines() if line.startswith("Icmp:"))
        return int(dict(zip(names, values))["InDestUnreachs"])
