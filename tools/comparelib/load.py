"""The load generator's two ends, both on the load's processor."""

import json
import re
import socket
import subprocess
import tempfile
from pathlib import Path

from comparelib import machine
from comparelib.works import Work

SERVERS = 4  # that the hash has to choose from
SOURCES = "127.0.0.2-127.0.0.60"


class Servers:
    """One process with SERVERS servers of a work's mode, on free ports."""

    def __init__(self, loadgen: Path, work: Work) -> None:
        command = [loadgen, "serve"]
        for _ in range(SERVERS):
            command += ["--listen", "127.0.0.1:0", "--mode", *work.serve]
        self.process = machine.start(command, machine.LOAD_CPU, stdout=subprocess.PIPE, text=True)
        lines = [self.process.stdout.readline() for _ in range(SERVERS)]
        self.ports = [int(found[1]) for line in lines if (found := re.search(r":(\d+)$", line))]
        if len(self.ports) != SERVERS:
            self.stop()
            raise machine.Trouble("the load generator's servers did not come up")

    def stop(self) -> None:
        machine.stop(self.process)
        self.process.stdout.close()


def probe(port: int, work: Work) -> bool:
    """Whether one exchange reaches the server and returns."""
    request, answer_bytes = work.probe
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
            client.sendall(request)
            got = 0
            while got < answer_bytes and (chunk := client.recv(1 << 16)):
                got += len(chunk)
            return got >= answer_bytes
    except OSError:
        return False


class Clients:
    """A run of the clients; `more` are options of loadgen run. `nice`: of its processor, they take
    only what the others of the load leave."""

    def __init__(
        self, loadgen: Path, port: int, work: Work, more: list, nice: bool = False
    ) -> None:
        self.json_file = tempfile.NamedTemporaryFile(suffix=".json")
        command = [loadgen, "run", "--connect", f"127.0.0.1:{port}", "--mode", *work.run]
        command += ["--source", SOURCES, "--json", self.json_file.name, *more]
        if nice:
            command = ["nice", "-n", "19", *command]
        self.process = machine.start(command, machine.LOAD_CPU, stdout=subprocess.PIPE, text=True)

    def wait_for(self, word: str) -> None:
        """Waits until it prints a line that begins with `word`."""
        for line in self.process.stdout:
            if line.startswith(word):
                return
        raise machine.Trouble(f"the load ended without printing {word}")

    def result(self) -> dict:
        self.process.communicate()
        with self.json_file:
            text = Path(self.json_file.name).read_text()
        if not text:
            raise machine.Trouble("the load printed no result")
        return json.loads(text)
