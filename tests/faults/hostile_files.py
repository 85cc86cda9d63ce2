#!/usr/bin/env python3
"""Names, files and configurations that somebody chose to do harm: paths that lead elsewhere, links where files will be written, cells that a
spreadsheet would run, YAML that grows.
"""

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
import unittest
from pathlib import Path

SECONDS_MAX = 120
MONTH = "2024-10"

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0", "\"=1\"", "a,b\"c\nd", "-", "=")
MARKUP = ("\"><svg onload=alert(1)>", "<script>alert(2)</script>", "' onmouseover='alert(3)", "</style><img src=x onerror=alert(4)>",
          "<!--", "]]>", "&lt;")


class Folder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sound = Path(tempfile.mkdtemp(prefix="uptally-hostile-files-"))
        cls.addClassCleanup(shutil.rmtree, cls.sound)
        subprocess.run([os.environ["SMALL_STORE"], cls.sound], check=True, timeout=SECONDS_MAX)
        shutil.rmtree(cls.sound / "statements")
        cls.text = (cls.sound / "uptally.yaml").read_text()

    def setUp(self):
        self.outer = Path(tempfile.mkdtemp(prefix="uptally-hostile-files-"))
        self.addCleanup(shutil.rmtree, self.outer)
        self.folder = self.outer / "work"
        shutil.copytree(self.sound, self.folder)

    def run_program(self, *arguments):
        done = subprocess.run([os.environ["UPTALLY"], *arguments, "--config", "uptally.yaml"], cwd=self.folder,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
        error = done.stderr.decode(errors="replace")
        self.assertGreaterEqual(done.returncode, 0, error)
        self.assertNotIn("Sanitizer", error)
        return done.returncode, done.stdout, error

    def configure(self, text):
        (self.folder / "uptally.yaml").write_text(text, encoding="utf-8", errors="surrogateescape")

    def files(self):
        """All that is there but the store."""
        return {str(path.relative_to(self.outer)) for path in self.outer.rglob("*")
                if not path.is_dir() and not path.name.startswith("uptally.")}


class Paths(Folder):
    NAMES = ("../../escaped", "/etc/passwd", "..", ".", "a/../../b", "CON", "a" * 255, "ünïcödé", "\u2024\u2024\u2215x", "\u202egpj",
             "con tract", "-rf", "~root", "$(touch x)", "a\\b", ".hidden", "x;y")

    def test_lead_nowhere_else(self):
        """Ids of contracts name folders: whatever they are, files stay in the output folder under plain names."""
        for name in self.NAMES:
            with self.subTest(name):
                shutil.rmtree(self.folder / "statements", ignore_errors=True)
                self.configure(self.text.replace("- id: globex", f"- id: {json.dumps(name, ensure_ascii=False)}")
                               .replace("Globex Inc.", "../../../x"))
                status, out, error = self.run_program("report", "--month", MONTH)
                self.assertIn(status, (0, 3), error)
                for path in self.files():
                    self.assertRegex(path, r"^work/statements/[a-z0-9-]{1,64}/2024-10/[a-z0-9.-]+$")
                for line in out.decode().splitlines():
                    self.assertTrue((self.folder / line).is_file(), line)

    def test_that_are_refused(self):
        for name in ("", "a" * 300, "a\nb", "a\0b", "\ud800"):
            with self.subTest(name):
                self.configure(self.text.replace("- id: globex", "- id: " + json.dumps(name)))
                status, _, error = self.run_program("report", "--month", MONTH)
                self.assertEqual(status, 3, error)
                self.assertRegex(error, r"uptally\.yaml:\d+:\d+: ")
        self.assertEqual(self.files(), set())

    def test_of_months(self):
        for month in ("../../x", "2024-10/../..", "2024-10\n", "9999999999-10", "-1-10", "2024-13", "二〇二四-10"):
            with self.subTest(month):
                self.assertEqual(self.run_program("report", "--month", month)[0], 2)
        self.assertEqual(self.files(), set())


class Links(Folder):
    def test_in_the_output_are_not_followed(self):
        """Somebody who may write there puts links where statements will be written."""
        target = self.outer / "target"
        target.write_text("precious")
        for link in ("acme", "acme/2024-10", "acme/2024-10/statement-r1.json", "acme/2024-10/statement-r1.html"):
            for to in (target, self.outer):
                with self.subTest(link, to=to.name):
                    shutil.rmtree(self.folder / "statements", ignore_errors=True)
                    place = self.folder / "statements" / link
                    place.parent.mkdir(parents=True)
                    place.symlink_to(to)
                    status, _, error = self.run_program("report", "--month", MONTH)
                    self.assertEqual(status, 7, error)
                    self.assertEqual(target.read_text(), "precious")
                    self.assertEqual([path for path in self.files() if not path.startswith("work/")], ["target"])

    def test_the_folder_itself_may_be_one(self):
        """It was named by the operator, not by data."""
        (self.outer / "elsewhere").mkdir()
        (self.folder / "statements").symlink_to(self.outer / "elsewhere")
        self.assertEqual(self.run_program("report", "--month", MONTH)[0], 0)
        self.assertTrue((self.outer / "elsewhere/acme/2024-10/statement-r1.json").is_file())

    def test_a_pipe_does_not_stop_us(self):
        place = self.folder / "statements/acme/2024-10"
        place.mkdir(parents=True)
        os.mkfifo(place / "statement-r1.json")
        self.assertEqual(self.run_program("report", "--month", MONTH)[0], 7)


class Cells(Folder):
    """Reports are for spreadsheets; exports are for machines. Python's csv reader is the judge of both."""

    def named(self, name):
        """A statement whose customer, contract, announcement and author bear that name."""
        shutil.rmtree(self.folder / "statements", ignore_errors=True)
        shutil.copy(self.sound / "uptally.db", self.folder / "uptally.db")
        self.configure(self.text.replace("customer: Globex Inc.", "customer: " + json.dumps(name)))
        status, _, error = self.run_program("announce", "--service", "shop", "--from", "2024-10-31T20:00:00Z",
                                            "--to", "2024-10-31T20:30:00Z", "--reason", name, "--author", name)
        if status == 0:
            status, _, error = self.run_program("report", "--contract", "globex", "--month", MONTH)
        return status, error

    def test_of_reports_start_no_formula(self):
        shown = 0
        for name in FORMULAS:
            with self.subTest(name):
                status, error = self.named(name)
                if status != 0:
                    self.assertIn(status, (2, 3), error)  # names with control characters
                    continue
                text = (self.folder / f"statements/globex/{MONTH}/statement-r1.csv").read_bytes().decode()
                cells = [cell for row in csv.reader(io.StringIO(text, newline=""), strict=True) for cell in row]
                for cell in cells:
                    if cell[:1] in ("=", "+", "@", "\t", "\r") or (cell.startswith("-") and not re.fullmatch(r"-[\d.]+", cell)):
                        self.fail(f"{cell!r} would be run")
                self.assertTrue(name in cells or "'" + name in cells, cells)
                shown += 1
        self.assertGreaterEqual(shown, 5)

    def test_of_exports_are_what_they_were(self):
        connection = sqlite3.connect(self.folder / "uptally.db")
        for number, name in enumerate(FORMULAS):
            connection.execute("INSERT INTO incident VALUES (1, ?, ?, NULL, 3, 'P1', 0, NULL, 0)", (name, 28000000 + number))
        connection.commit()
        connection.close()
        status, out, error = self.run_program("export", "incidents", "--from", "2020-01-01T00:00:00Z", "--to", "2025-01-01T00:00:00Z")
        self.assertEqual(status, 0, error)
        self.assertTrue(out.endswith(b"\n"))
        rows = list(csv.DictReader(io.StringIO(out.decode(), newline=""), strict=True))
        # A carriage return cannot be in a name; it would vanish.
        self.assertLessEqual({name.replace("\r", "") for name in FORMULAS}, {row["service"] for row in rows})

    def test_and_pages_hold_no_markup(self):
        """What browsers make of it is in tests/pages; here every place of the names."""
        for name in MARKUP:
            with self.subTest(name):
                status, error = self.named(name)
                self.assertEqual(status, 0, error)
                page = (self.folder / f"statements/globex/{MONTH}/statement-r1.html").read_text()
                self.assertNotIn(name, page.replace("&lt;", "\0") if name == "&lt;" else page)
                for tag in ("<svg onload", "<script", "<img", "onmouseover='"):
                    self.assertNotIn(tag, page)
                self.assertIn("default-src 'none'", page)


class Configurations(Folder):
    def refused(self, text, word=""):
        self.configure(text)
        for command in (("check",), ("consume",), ("audit",)):
            status, _, error = self.run_program(*command)
            self.assertEqual(status, 3, error)
            self.assertLess(len(error), 2000)
            self.assertIn(word, error)

    def test_that_grow(self):
        laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
        for name, text in {
                "aliases": laughs, "an alias": "store: &s {sqlite: x}\noutput: *s\n", "a merge": "store: &s {sqlite: x}\n<<: *s\n",
                "a tag": "store: !!python/object:os.system {sqlite: x}\n", "two documents": self.text + "---\n" + self.text,
                "more than 1 MiB": self.text + "#" * (1 << 20), "one long line": "store: " + "x" * (1 << 20),
                "depth in brackets": "store: " + "[" * 20000, "depth in lines": "".join(" " * n + "a:\n" for n in range(1000)),
                "many keys": "".join(f"k{n}: 1\n" for n in range(50000)), "a key twice": self.text + "output: other\n",
                "no UTF-8": self.text + "x: \udcff\udcfe\n", "a NUL": self.text + "x: \0\n", "UTF-16": "\ufeff" + self.text[:10] + "\0"}.items():
            with self.subTest(name):
                self.refused(text, "uptally.yaml")

    def test_with_unknown_keys(self):
        self.refused(self.text + "latenes: 5m\n", "lateness")
        self.refused(self.text.replace("    fee:", "    feee:", 1), "uptally.yaml:10:5: ")

    def test_that_are_no_files(self):
        (self.folder / "uptally.yaml").unlink()
        (self.folder / "uptally.yaml").symlink_to("/dev/zero")
        self.assertEqual(self.run_program("check")[0], 3)
        (self.folder / "uptally.yaml").unlink()
        os.mkfifo(self.folder / "uptally.yaml")
        self.assertIn(self.run_program("check")[0], (0, 3))  # nobody writes into it: it is empty, and nobody waits


if __name__ == "__main__":
    unittest.main(verbosity=2)
