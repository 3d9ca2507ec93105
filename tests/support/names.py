"""A name server of the tests: knot, whose zone can be written anew while it runs."""

import os
import socket
import subprocess
from pathlib import Path

from support.ports import free_port
from support.processes import Process
from support.programs import find
from support.waiting import wait_until

ZONE = "test"
HEAD = """$ORIGIN test.
$TTL 1
@ SOA ns hostmaster {serial} 3600 600 86400 1
@ NS ns
ns A 127.0.0.1
"""


class NameServer:
    """Serves `records` ("redis-0 A 127.0.0.2") of the zone `test` on a port of 127.0.0.1."""

    def __init__(self, folder: Path, records=()):
        self.folder = folder
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self._serial = 0
        self._write(records)
        self.config = folder / "knot.conf"
        self.config.write_text(
            f"server:\n  listen: 127.0.0.1@{self.port}\n  rundir: {folder}\n  udp-workers: 1\n"
            f"  tcp-workers: 1\n  background-workers: 1\n"
            f"database:\n  storage: {folder}/db\n"
            f"log:\n  - target: stderr\n    any: info\n"
            f"zone:\n  - domain: {ZONE}\n    storage: {folder}\n    file: zone\n"
            f"    zonefile-sync: -1\n    journal-content: none\n    semantic-checks: off\n"
        )
        self.start()

    def start(self):
        self.process = Process(
            [find("knotd"), "-c", self.config, "-s", self.folder / "knot.sock"],
            self.folder / "output",
            cwd=self.folder,
        )
        wait_until(self._answers, "knot to answer")

    def _write(self, records):
        self._serial += 1
        text = HEAD.format(serial=self._serial) + "".join(f"{record}\n" for record in records)
        part = self.folder / "zone.part"
        part.write_text(text)
        os.replace(part, self.folder / "zone")

    def _control(self, *words):
        subprocess.run(
            [find("knotc"), "-c", self.config, "-s", self.folder / "knot.sock", "-b", *words],
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def set(self, records):
        """Has answered by nothing else since it returns."""
        self._write(records)
        self._control("zone-reload", ZONE)

    def _answers(self):
        assert self.process.running(), self.process.log()
        query = b"\x12\x34\x01\x00\0\x01\0\0\0\0\0\0\x02ns\x04test\0\0\x01\0\x01"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.5)
            client.connect(("127.0.0.1", self.port))
            try:
                client.send(query)
                return client.recv(512)[3] & 15 == 0
            except OSError:
                return False

    def kill(self):
        self.process.kill()

    def stop(self):
        self.process.stop()
