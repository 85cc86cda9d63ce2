"""Stores and configurations for the suites that need no broker."""
import json
import shutil
import sqlite3
import tempfile
from pathlib import Path

import measure

MONTH = "2026-01"  # bench_store begins with it
MONTH_HOURS = 31 * 24


def service_names(count):
    return [f"service-{i:04d}" for i in range(count)]


def fill(place, path, services, hours, rate, commit_minutes, end):
    """What bench_store says of the store that it made, and the process's cost."""
    cost = measure.run([place.program("bench_store"), str(path), str(services), str(hours), str(rate), str(commit_minutes), end])
    return json.loads(cost.output.splitlines()[-1]), cost


def contract(name, services):
    return {
        "id": name, "customer": "ACME Solar GmbH", "services": services, "time_zone": "UTC", "currency": "EUR", "fee": "1000.00",
        "valid_from": "2025-12-01",
        "availability": {"target": 99.5, "method": "state_time", "pool": "sum", "weights": {"degraded": 0.25, "partial": 0.5, "major": 1},
                         "unknown": {"no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "exclude", "not_provisioned": "exclude"}},
        "maintenance": {"notice": "24h", "excluded": "remove"},
        "credits": {"tiers": [{"below": 99.5, "percent": 10}], "rounding": "half_even"}}


def by_minutes(terms):
    """The same services by a method that looks at each minute's requests."""
    terms["availability"] = {"target": 99.5, "method": "bad_minute_runs", "pool": "sum", "max_error_ratio": 0.05, "min_run": "5m",
                             "unknown": terms["availability"]["unknown"]}
    return terms


class Month:
    """A store with a month of some services, or its first hours, graded, and configurations with contracts over it."""

    def __init__(self, place, services, hours, rate):
        self.place, self.services = place, services
        self.folder = Path(tempfile.mkdtemp(dir=place.folder))
        self.store = self.folder / "bench.db"
        self.facts, _ = fill(place, self.store, services, hours, rate, 60, "graded")
        names = service_names(services)
        self._configure("one", [contract("one", names[:20])])
        self._configure("each", [contract(name, [name]) for name in names])
        self._configure("minutes", [by_minutes(contract(name, [name])) for name in names])
        self._forgotten = 0

    def _configure(self, name, contracts):
        sections = {"store": {"sqlite": "bench.db"}, "output": "statements", "lateness": "0s", "contracts": contracts}
        (self.folder / f"{name}.yaml").write_text(json.dumps(sections, indent=1))

    def forget(self):
        """Nothing was issued. Files are removed at the end: ext4 is slow for a while where many were."""
        if (self.folder / "statements").exists():
            self._forgotten += 1
            (self.folder / "statements").rename(self.folder / f"forgotten-{self._forgotten}")
        with sqlite3.connect(self.store) as store:
            for table in ("comparison", "credit_note", "publication", "statement", "terms"):
                store.execute(f"DELETE FROM {table}")
        store.close()

    def run(self, *words):
        return measure.run([self.place.program("uptally"), *words], folder=self.folder)

    def close(self):
        shutil.rmtree(self.folder)
