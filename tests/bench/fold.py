"""Committing and folding: what it costs, and how large the store is. No broker."""
import json
import statistics
import tempfile
from pathlib import Path

import books
import measure

NAME = "fold"
HELP = "fold of pending tallies, commit of many services, bytes of the store; no broker"
EVENTS_PER_TALLY = 100
COMMIT_MINUTES, HOURS = 5, 6
RATE = 43  # events a minute: the nights that a store begins with have fewer
DAYS, DEMO_RATE = 7, 3  # of the store whose size is taken; the demo's services have about three requests a minute
COMMITS = 15


def fold_once(place, services):
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        facts, cost = books.fill(place, Path(folder, "f.db"), services, HOURS, RATE, COMMIT_MINUTES, "folded")
    if facts["tallies"] < services * HOURS * 60 // COMMIT_MINUTES:
        raise measure.Failed(f"{facts['tallies']} pending tallies are fewer than there are services, hours and batches")
    return facts, cost


def commit_once(place, services):
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        cost = measure.run([place.program("bench_commit"), str(Path(folder, "c.db")), str(services), str(COMMITS)])
    return json.loads(cost.output)


def store_bytes(place, services):
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        path = Path(folder, "s.db")
        books.fill(place, path, services, DAYS * 24, DEMO_RATE, 60, "graded")
        return path.stat().st_size / (services * DAYS * 24)


def run(place, options, report):
    folds = [fold_once(place, options.services) for _ in range(options.runs)]
    rates = [facts["events"] / facts["fold_s"] / 1e6 for facts, _ in folds]
    per_tally = [facts["fold_s"] / facts["tallies"] * 1e6 for facts, _ in folds]
    report.value(f"fold: million events a CPU second, {EVENTS_PER_TALLY} a pending tally", statistics.median(rates),
                 at_least=20 / options.live_cpu)
    report.value("fold: CPU microseconds a pending tally", statistics.median(per_tally))
    report.value("fold: peak memory, MiB", max(cost.rss_mib for _, cost in folds))
    report.value("store: bytes per service and hour, 200 services", store_bytes(place, min(options.services, 200)), at_most=400)
    commits = [commit_once(place, options.services) for _ in range(options.runs)]
    report.value(f"commit of {options.services} services: CPU ms", statistics.median(c["commit_cpu_ms"] for c in commits))
    report.ratio(f"commit of {options.services} services: wall time / empty commit",
                 statistics.median(c["commit_wall_ms"] / c["empty_wall_ms"] for c in commits), at_most=5)
