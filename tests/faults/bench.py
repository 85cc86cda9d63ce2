"""The bench of a campaign: the program, the servers, the material, and the result that nobody disturbed."""

import re
from pathlib import Path

from books import Books, check_count
from lab import Lab
from material import Material

ROOT = Path(__file__).resolve().parents[2]
CODE_FOLDERS = ("base", "schemas", "consumers", "aggregator", "jobs")


def fault_points():
    """Every FAULT("...") of the sources, so that none is forgotten."""
    names = set()
    for folder in CODE_FOLDERS:
        for path in (ROOT / folder).rglob("*.c"):
            names.update(re.findall(r'\bFAULT\("([^"]+)"\)', path.read_text(encoding="utf-8")))
    return sorted(names)


class Bench:
    """Owns the lab's folder and the stores."""

    def __init__(self, stores, seed, records=4000, partitions=3, bootstrap=None):
        self.lab = Lab("campaign", bootstrap)
        self.folder = self.lab.folder
        self.program = Path(self.lab.program)
        self.stores = stores
        self.seed = seed
        self.reference = None
        self.material = Material(self.lab, seed, records, partitions)
        books = Books(self)
        try:
            books.finish()
            self.reference = books.result()
            check_count(self.reference, self.material.count)
        finally:
            books.close()

    def books(self, **more):
        return Books(self, **more)

    def close(self):
        self.lab.close()
