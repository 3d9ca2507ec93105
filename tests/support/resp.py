"""A small client for Redis (RESP2) that can choose its source address, which redis-cli cannot."""

from support.clients import dial


class Resp:
    def __init__(self, address, source: str | None = None):
        self.sock = dial(address, source)
        self._answers = self.sock.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._answers.close()
        self.sock.close()

    def __call__(self, *words):
        self.send(words)
        return self.answer()

    def send(self, *commands):
        """Sends commands, each a sequence of words, without waiting for the answers."""
        self.sock.sendall(b"".join(encode(words) for words in commands))

    def answer(self):
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionResetError("the session ended in the middle of an answer")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._answers.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        raise RuntimeError(line.decode(errors="backslashreplace"))


def encode(words) -> bytes:
    raw = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in raw)
