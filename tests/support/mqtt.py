"""MQTT by Mosquitto's own clients."""

import subprocess

from support.programs import find, run
from support.waiting import DEADLINE

# CONNECT of MQTT 3.1.1 without a client id, and a CONNACK that accepts it (OASIS, 3.1 and 3.2).
CHECK = {
    "send": r"\x10\x0c\x00\x04MQTT\x04\x02\x00\x0a\x00\x00",
    "expect": r"\x20\x02\x00\x00",
}


def _words(program: str, address, topic: str, options) -> list:
    host, port = address
    return [find(program), "-h", host, "-p", port, "-t", topic, *options]


def publish(address, topic: str, message: str, *options, retain: bool = True, check: bool = True):
    """Sends a message, which the broker keeps for later subscribers, and waits for its receipt."""
    words = _words("mosquitto_pub", address, topic, options)
    kept = ("--retain",) if retain else ()
    return run(*words, "-q", "1", *kept, "-s", input=message, check=check)


def subscribe(address, topic: str, *options) -> str:
    """The message that the broker keeps."""
    words = _words("mosquitto_sub", address, topic, options)
    return run(*words, "-q", "1", "-C", "1", "-W", int(DEADLINE)).stdout.rstrip("\n")


class Subscriber:
    """A client that stays: lines of `read` are the messages, the kept one first."""

    def __init__(self, address, topic: str, *options):
        words = [*_words("mosquitto_sub", address, topic, options), "-q", "1", "-W", int(DEADLINE)]
        self._process = subprocess.Popen(
            [str(word) for word in words], stdout=subprocess.PIPE, text=True
        )

    def read(self) -> str:
        """The next message, or nothing where the client has given up."""
        return self._process.stdout.readline().rstrip("\n")

    def stop(self):
        self._process.terminate()
        self._process.wait(timeout=DEADLINE)
        self._process.stdout.close()
