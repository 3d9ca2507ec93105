"""The network of a fleet, in namespaces: a client, a router, three machines for proxies, and the
servers behind these. Its addresses are those of the packaged configurations.

    client --- router === proxy 1, 2, 3 === servers

`eth0` of a proxy's machine is in the router's network, `back` in that of the servers.
"""

import json
import os
import socket
import subprocess

from support.namespaces import Namespaces

PROXIES = (1, 2, 3)
SERVERS = {f"server-{number}": f"10.231.81.{100 + number}" for number in range(1, 6)}
CLIENTS = [f"198.51.100.{number}" for number in range(10, 26)]
CLIENT_V6 = "2001:db8:2::10"


class FleetNetwork(Namespaces):
    def __init__(self):
        self._made = []
        self.client, self.router, self.servers = map(self._name, ("client", "router", "servers"))
        for name in (self.client, self.router, self.servers, *map(self.machine, PROXIES)):
            self._make(name)
            self._ip(name, "link set lo up")
            self._set(name, "net.ipv4.ip_forward=0", "net.ipv6.conf.all.accept_dad=0",
                      "net.ipv6.conf.default.accept_dad=0")  # fmt: skip
        self._make_client()
        self._bridge(self.router, "eth1", "192.0.2.1/24", "2001:db8:1::1/64")
        self._bridge(self.servers, "lan", *(f"{address}/24" for address in SERVERS.values()))
        for number in PROXIES:
            self._make_machine(number)

    def machine(self, number: int) -> str:
        return self._name(f"proxy-{number}")

    @staticmethod
    def _name(side: str) -> str:
        return f"ringway-{os.getpid()}-{side}"

    def _make_client(self):
        self._ip(self.client, f"link add eth0 type veth peer name client netns {self.router}")
        for name, link, last in ((self.client, "eth0", 2), (self.router, "client", 1)):
            self._ip(name, f"link set {link} up")
            self._ip(name, f"addr add 198.51.100.{last}/24 dev {link}")
            self._ip(name, f"addr add 2001:db8:2::{last}/64 dev {link} nodad")
        for address in CLIENTS:
            self._ip(self.client, f"addr add {address}/24 dev eth0")
        self._ip(self.client, f"addr add {CLIENT_V6}/64 dev eth0 nodad")
        self._ip(self.client, "route add default via 198.51.100.1")
        self._ip(self.client, "route add default via 2001:db8:2::1")
        # The ports of many short connections are free again soon.
        self._set(self.client, "net.ipv4.tcp_tw_reuse=1",
                  "net.ipv4.ip_local_port_range=2000 65000")  # fmt: skip
        self._set(self.router, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")

    def _bridge(self, name: str, link: str, *addresses: str):
        self._ip(name, f"link add {link} type bridge mcast_snooping 0")
        self._ip(name, f"link set {link} up")
        for address in addresses:
            self._ip(name, f"addr add {address} dev {link}")

    def _make_machine(self, number: int):
        machine = self.machine(number)
        for link, other, bridge in (("eth0", self.router, "eth1"), ("back", self.servers, "lan")):
            port = f"proxy{number}"
            self._ip(machine, f"link add {link} type veth peer name {port} netns {other}")
            self._ip(other, f"link set {port} master {bridge} up")
            self._ip(machine, f"link set {link} up")
        self._ip(machine, f"addr add 192.0.2.{10 + number}/24 dev eth0")
        self._ip(machine, f"addr add 2001:db8:1::{10 + number}/64 dev eth0 nodad")
        self._ip(machine, f"addr add 10.231.81.{10 + number}/24 dev back")
        self._ip(machine, "route add default via 192.0.2.1")
        self._ip(machine, "route add default via 2001:db8:1::1")
        if not self._has_dummies(machine):
            self._ip(machine, "link add ringway type ifb")  # which the watcher then takes

    @staticmethod
    def _has_dummies(machine: str) -> bool:
        probe = ["ip", "-n", machine, "link", "add", "probe", "type", "dummy"]
        if subprocess.run(probe, capture_output=True).returncode != 0:
            return False
        subprocess.run(["ip", "-n", machine, "link", "del", "probe"], check=True)
        return True

    def inside(self, name: str) -> list[str]:
        """Before a command that is to run in a namespace."""
        return ["ip", "netns", "exec", name]

    def apply(self, name: str, settings):
        """A file for sysctl(8)."""
        subprocess.run([*self.inside(name), "sysctl", "-q", "-p", str(settings)], check=True)

    def cut(self, number: int):
        """A machine's wire to the router's network, as when it has lost its power."""
        self._ip(self.router, f"link set proxy{number} down")

    def mend(self, number: int):
        self._ip(self.router, f"link set proxy{number} up")

    def clear(self, number: int, *addresses: str):
        """Takes from eth0 what a program that was killed has left there."""
        for address in addresses:
            if self.has(number, address, "eth0"):
                length = 128 if ":" in address else 32
                self._ip(self.machine(number), f"addr del {address}/{length} dev eth0")

    def cut_back(self, number: int):
        """A machine's wire to the servers' network."""
        self._ip(self.servers, f"link set proxy{number} down")

    def mend_back(self, number: int):
        self._ip(self.servers, f"link set proxy{number} up")

    def lose(self, number: int, *addresses: str):
        """Whatever a machine sends to these on the servers' network arrives nowhere."""
        for address in addresses:
            self._ip(
                self.machine(number),
                f"neigh replace {address} lladdr 02:00:00:00:00:fe dev back nud permanent",
            )

    def find(self, number: int, *addresses: str):
        """Ends lose()."""
        for address in addresses:
            self._ip(self.machine(number), f"neigh del {address} dev back")

    def add_server_address(self, address: str):
        self._ip(self.servers, f"addr add {address}/24 dev lan")

    def addresses(self, number: int, link: str) -> list[str]:
        (device,) = json.loads(self._ip(self.machine(number), f"-j addr show dev {link}"))
        return [entry["local"] for entry in device["addr_info"] if "local" in entry]

    def has(self, number: int, address: str, link: str) -> bool:
        """Whether a machine has the address on the device."""
        return address in self.addresses(number, link)

    def next_hops(self, prefix: str) -> set[int]:
        """The machines that the router sends packets for a prefix to."""
        family = "-6" if ":" in prefix else "-4"
        routes = json.loads(self._ip(self.router, f"{family} -j route show exact {prefix}") or "[]")
        hops = [hop for route in routes for hop in (route, *route.get("nexthops", []))]
        gateways = {hop["gateway"] for hop in hops if "gateway" in hop}
        return {number for number in PROXIES if gateways & set(self.addresses(number, "eth0"))}

    def add_service(self, number: int, address: str):
        self._ip(self.machine(number), f"addr add {address}/32 dev lo")

    def ip_router(self, arguments: str) -> str:
        """ip(8) on the router."""
        return self._ip(self.router, arguments)

    def client_socket(self, family=socket.AF_INET) -> socket.socket:
        return self._make_in(self.client, lambda: socket.socket(family))
