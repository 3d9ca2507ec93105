"""The documents say everything: entries of the file, metrics, and files that are valid.

Run by ctest as: documents_test.py CONF_CHECK
"""

import json
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = sys.argv[1]
ROOT = Path(__file__).resolve().parents[2]
GUIDE = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def named(*documents):
    """The words that stand in code spans of documents."""
    text = "".join((ROOT / "docs" / name).read_text() for name in documents)
    return set(re.findall(r"[a-z][a-z0-9_]*", " ".join(re.findall(r"`([^`\n]+)`", text))))


def entries(schema):
    """The names of all entries below `schema`, and their words."""
    if isinstance(schema, list):
        for inner in schema:
            yield from entries(inner)
    elif isinstance(schema, dict):
        yield from schema.get("properties", {})
        yield from schema.get("enum", [])
        for inner in schema.values():
            yield from entries(inner)


class DocumentsTest(unittest.TestCase):
    def test_every_entry_of_the_file_is_described(self):
        schema = json.loads((ROOT / "conf/schema.json").read_text())
        described = named(
            "configuration.md", "keys.md", "routes.md", "health.md", "logs.md", "names.md",
            "fleets.md",
        )
        self.assertEqual(sorted(set(entries(schema)) - described), [])

    def test_every_metric_is_described(self):
        sources = "".join(path.read_text() for path in (ROOT / "proxy").rglob("*.cpp"))
        metrics = set(re.findall(r'"((?:ringway|process)_[a-z0-9]+_[a-z0-9_]+)"', sources))
        self.assertGreater(len(metrics), 40)
        self.assertEqual(sorted(metrics - named("monitoring.md")), [])

    def test_configurations_are_valid(self):
        checked = 0
        for path in GUIDE:
            for block in re.findall(r"^```yaml\n(version:.*?)^```$", path.read_text(), re.M | re.S):
                with self.subTest(path.name), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                    file.write(block)
                    file.flush()
                    found = subprocess.run([CHECK, file.name], capture_output=True, text=True, check=False)
                    self.assertEqual(found.stdout, "")
                checked += 1
        self.assertGreater(checked, 0)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
