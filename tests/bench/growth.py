"""How the cost of an event behind the commit grows with events and with services. No broker."""
import statistics
import tempfile
from pathlib import Path

import books

NAME = "growth"
HELP = "fold and grading with more events and more services; no broker"
RATE = 20
SERVICES = (10, 1000, 10000)
MILLIONS = (1, 4, 16)


def hours_for(millions, services):
    return max(1, round(millions * 1e6 / (services * 60 * RATE)))


def once(place, services, hours):
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        facts, cost = books.fill(place, Path(folder, "g.db"), services, hours, RATE, 60, "graded")
    return (facts["commit_s"] + facts["fold_s"] + facts["grade_s"]) / facts["events"] * 1e6, facts["events"], cost.rss_mib


def series(place, options, report, what, points):
    """Each point is a cost per million events, within 1.25 of their median."""
    costs = {}
    for name, services, hours in points:
        runs = [once(place, services, hours) for _ in range(options.runs)]
        costs[name] = statistics.median(cost for cost, _, _ in runs)
        report.value(f"{what}, {name}: peak memory, MiB", max(rss for _, _, rss in runs))
    middle = statistics.median(costs.values())
    for name, cost in costs.items():
        report.value(f"{what}, {name}: CPU s per million events", cost)
        report.ratio(f"{what}, {name}: of the median", cost / middle, at_most=1.25)


def run(place, options, report):
    services = min(options.services, 1000)
    series(place, options, report, "events", [(f"{m} M", services, hours_for(m, services)) for m in MILLIONS if m * 1e6 <= options.events * 4])
    most = min(max(MILLIONS), options.events * 4 / 1e6)
    series(place, options, report, "services", [(f"{s}", s, hours_for(most, s)) for s in SERVICES if s <= options.services * 10])
