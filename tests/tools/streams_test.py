"""tools/style/streams.py: which lines of proxy/data do what only a Stream may."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools/style/streams.py"


def problems(text: str, name: str = "proxy/data/relay.cpp") -> list:
    """What the program prints of a file of that text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
        done = subprocess.run(
            [sys.executable, PROGRAM, name], cwd=folder, capture_output=True, text=True, check=False
        )
        found = done.stdout.splitlines()
        assert done.returncode == (1 if found else 0), done
        return found


class StreamsTest(unittest.TestCase):
    def test_every_system_call_on_a_socket_is_named_with_its_line(self):
        for call in ("recv", "send", "read", "write", "splice", "shutdown", "ioctl", "getsockopt",
                     "setsockopt", "getsockname", "connect", "socket", "accept4"):  # fmt: skip
            with self.subTest(call):
                found = problems(f"// A comment.\nint x = ::{call}(fd);\n")
                self.assertEqual(
                    found, [f"proxy/data/relay.cpp:2: {call}(2) is for proxy/net alone: ask the Stream"]
                )

    def test_the_global_namespace_may_be_left_out_of_a_name_that_is_no_member(self):
        self.assertEqual(len(problems("    const auto got = recv(fd, data, size, 0);\n")), 1)

    def test_members_and_definitions_of_the_same_names_are_good(self):
        good = (
            "void Preread::read(std::string& head);\nvoid read(std::string& head);\n"
            "from.stream.read(room);\nstream->splice(pipe);\nboost::asio::write(a, b);\n"
            "// ::recv(2) would block\nint received(int);\n"
        )
        self.assertEqual(problems(good), [])

    def test_other_folders_may(self):
        self.assertEqual(problems("::recv(fd, data, size, 0);\n", "proxy/net/stream.h"), [])


if __name__ == "__main__":
    unittest.main()
