"""Two network namespaces with a bad wire between them: it loses, doubles and reorders.

The wire is a pair of TUN devices and a thread that carries packets from one to the
other; a kernel need not have netem for it. What it does to a packet is drawn from a seed.
"""

import fcntl
import os
import random
import select
import struct
import subprocess
import threading

import pytest

from support.namespaces import Namespaces

_TUNSETIFF = 0x400454CA
_IFF_TUN_WITHOUT_HEADER = 0x0001 | 0x1000
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_PACKET_BYTES_MAX = 65_536

LOST = 0.02
DOUBLED = 0.01
HELD_BACK = 0.03  # until so many others have passed, or nothing else comes:
HELD_FOR_MAX = 6
LARGE = 600  # bytes
QUIET_SECONDS = 0.002


def _flags(packet: bytes) -> int:
    return packet[(packet[0] & 0x0F) * 4 + 13]


def _may_be_lost(packet: bytes) -> bool:
    """Bare acknowledgements are not: one may ask for a reset (RFC 5961)."""
    header = (packet[0] & 0x0F) * 4
    payload = len(packet) - header - (packet[header + 12] >> 4) * 4
    return payload > 0 or bool(_flags(packet) & (_SYN | _FIN))


class _Direction:
    """Packets on their way from one device to the other."""

    def __init__(self, draw: random.Random, source: int, target: int):
        self._draw = draw
        self._source = source
        self._target = target
        self._held = []  # packets, and how many others may still pass them
        self.lost = self.doubled = self.reordered = 0

    def carry(self):
        packet = os.read(self._source, _PACKET_BYTES_MAX)
        if packet[0] >> 4 != 4:
            return  # what the kernel says of its own accord over IPv6
        if _flags(packet) & _RST:
            # TCP says it once. Lost, or overtaken, it would leave nobody to say how
            # such a connection should end.
            self.let_go()
            os.write(self._target, packet)
            return
        if _may_be_lost(packet) and self._draw.random() < LOST:
            self.lost += 1
        elif self._draw.random() < HELD_BACK:
            self.reordered += 1
            self._held.append([self._draw.randint(1, HELD_FOR_MAX), packet])
            return
        else:
            os.write(self._target, packet)
            if self._draw.random() < DOUBLED:
                self.doubled += 1
                os.write(self._target, packet)
        for entry in self._held:
            entry[0] -= 1
        self.let_go(lambda left: left <= 0)

    def let_go(self, is_due=lambda left: True):
        due = [packet for left, packet in self._held if is_due(left)]
        self._held = [entry for entry in self._held if not is_due(entry[0])]
        for packet in due:
            os.write(self._target, packet)


class _LosesNothing(_Direction):
    def carry(self):
        os.write(self._target, os.read(self._source, _PACKET_BYTES_MAX))


class _LosesFirstSyns(_Direction):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._seen = set()

    def carry(self):
        packet = os.read(self._source, _PACKET_BYTES_MAX)
        header = (packet[0] & 0x0F) * 4
        if packet[0] >> 4 == 4 and _flags(packet) & (_SYN | _ACK) == _SYN:
            # Addresses, ports and sequence number: the same where it is sent again.
            which = packet[12:20] + packet[header : header + 8]
            if which not in self._seen:
                self._seen.add(which)
                self.lost += 1
                return
        os.write(self._target, packet)


class _LosesLarge(_Direction):
    def carry(self):
        packet = os.read(self._source, _PACKET_BYTES_MAX)
        if len(packet) > LARGE:
            self.lost += 1
        else:
            os.write(self._target, packet)


class LossyNamespaces(Namespaces):
    def __init__(self, seed: int):
        self._seed = seed
        self._devices = []
        self._wake = os.pipe()
        super().__init__()
        draw = random.Random(seed)
        self._directions = self._ways(draw, *self._devices)
        self._thread = threading.Thread(target=self._carry)
        self._thread.start()

    def _ways(self, draw: random.Random, near: int, far: int) -> list[_Direction]:
        return [_Direction(draw, near, far), _Direction(draw, far, near)]

    def _join(self):
        for namespace, link in ((self.near, "near"), (self.far, "far")):
            self._devices.append(self._make_in(namespace, lambda: _open_tun(link)))
            # A reset whose forerunner was lost must always be asked for again, even where
            # a doubled packet was answered just before (the kernel's ip-sysctl,
            # tcp_invalid_ratelimit).
            write = "echo 0 > /proc/sys/net/ipv4/tcp_invalid_ratelimit"
            subprocess.run(["ip", "netns", "exec", namespace, "sh", "-c", write], check=True)

    def _introduce(self, address: str):
        """A TUN device has no addresses of its own to be asked for."""

    def _carry(self):
        ways = dict(zip(self._devices, self._directions))
        while True:
            ready, _, _ = select.select([self._wake[0], *ways], [], [], QUIET_SECONDS)
            if self._wake[0] in ready:
                return
            for device in ready:
                ways[device].carry()
            if not ready:
                for way in self._directions:
                    way.let_go()

    def troubles(self) -> dict:
        """How many packets have met which fate."""
        return {
            what: sum(getattr(way, what) for way in self._directions)
            for what in ("lost", "doubled", "reordered")
        }

    def stop(self):
        if hasattr(self, "_thread"):
            os.write(self._wake[1], b"x")
            self._thread.join()
        for fd in (*self._devices, *self._wake):
            os.close(fd)
        super().stop()


class FirstSynLost(LossyNamespaces):
    """The first packet of every connection that the near side opens is lost, and no other."""

    def __init__(self):
        super().__init__(seed=0)

    def _ways(self, draw, near, far):
        return [_LosesFirstSyns(draw, near, far), _LosesNothing(draw, far, near)]


class LargeLost(LossyNamespaces):
    """Large packets from the near side are lost, and nobody reports it."""

    def __init__(self):
        super().__init__(seed=0)

    def _ways(self, draw, near, far):
        return [_LosesLarge(draw, near, far), _LosesNothing(draw, far, near)]


def _open_tun(link: str) -> int:
    try:
        device = os.open("/dev/net/tun", os.O_RDWR)
    except OSError as error:
        pytest.skip(f"no TUN devices here: {error}")
    name = struct.pack("16sH22x", link.encode(), _IFF_TUN_WITHOUT_HEADER)
    fcntl.ioctl(device, _TUNSETIFF, name)
    return device
