"""tools/style/links.py: which links of a document lead nowhere."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[2] / "tools/style/links.py"


def problems(documents: dict) -> list:
    """What the program prints of `documents`, by path; links of the first are checked."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in documents.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run(
            [sys.executable, PROGRAM, next(iter(documents))],
            cwd=folder, capture_output=True, text=True, check=False,
        )
        found = done.stdout.splitlines()
        assert done.returncode == (1 if found else 0), done
        return found


class LinksTest(unittest.TestCase):
    def test_links_to_files_folders_and_other_sites_are_good(self):
        text = "[a](docs/a.md) ![b](<docs/b.svg> \"B\") [c](docs) [d](https://x.example/#y)\n"
        self.assertEqual(problems({"README.md": text, "docs/a.md": "", "docs/b.svg": ""}), [])

    def test_a_missing_file_is_named_with_its_line(self):
        found = problems({"docs/a.md": "# A\n\n[b](b.md), [c](../c.md)\n", "c.md": ""})
        self.assertEqual(found, ["docs/a.md:3: b.md: there is no such file"])

    def test_references_are_links(self):
        found = problems({"a.md": "[b]\n\n[b]: b.md\n"})
        self.assertEqual(found, ["a.md:3: b.md: there is no such file"])

    def test_anchors_are_those_that_github_makes(self):
        headings = "# The `key`, and _more_: a-b!\n## Twice\n## Twice ##\n<a id=\"own\"></a>\n"
        good = "[1](b.md#the-key-and-_more_-a-b) [2](b.md#twice) [3](b.md#twice-1) [4](b.md#own)\n"
        self.assertEqual(problems({"a.md": good, "b.md": headings}), [])
        found = problems({"a.md": "[1](b.md#Twice) [2](b.md#twice-2) [3](#here)\n", "b.md": headings})
        self.assertEqual(
            found,
            [f"a.md:1: {to}: there is no such heading" for to in ("b.md#Twice", "b.md#twice-2", "#here")],
        )

    def test_code_has_neither_links_nor_headings(self):
        code = "```sh\n# Head\n[a](x.md)\n```\n\n    # Head\n    [a](x.md)\n\n`[a](x.md)`\n"
        self.assertEqual(problems({"a.md": code}), [])
        found = problems({"a.md": code + "\n[b](#head)\n"})
        self.assertEqual(found, ["a.md:11: #head: there is no such heading"])

    def test_links_stay_within_the_project(self):
        found = problems({"a.md": "[b](../b.md) [c](/c.md)\n"})
        self.assertEqual(found, [f"a.md:1: {to} leads out of the project" for to in ("../b.md", "/c.md")])


if __name__ == "__main__":
    unittest.main()
