#!/usr/bin/env python3
"""The suites without a broker still run, and count what was committed: a small one of each.

usage: smoke_books.py BUILD
"""
import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = sys.argv.pop()
SMALL = ["--services", "12", "--hours", "30", "--events", "60000", "--runs", "1"]


class Suites(unittest.TestCase):
    def figures(self, suite):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "out.json")
            done = subprocess.run([sys.executable, HERE / "run", suite, *SMALL, "--build", BUILD, "--json", path],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout)
            (written,) = json.loads(path.read_text())["suites"]
        self.assertEqual(written["suite"], suite)
        return {figure["name"]: figure["value"] for figure in written["figures"]}

    def test_fold(self):
        figures = self.figures("fold")
        # A week of 12 services, whose every hour has a window, grades and sums: less would not be the whole store, and more is too large.
        size = figures["store: bytes per service and hour, 200 services"]
        self.assertGreater(size, 150)
        self.assertLess(size, 600)

    def test_report(self):
        figures = self.figures("report")  # holds the requests of statements against the events of the store
        self.assertIn("a contract of 20 services, all with PDF: CPU ms", figures)
        self.assertIn("status: wall ms", figures)


if __name__ == "__main__":
    unittest.main()
