"""How the cost of an event behind the commit grows with events and with services. No broker."""
import statistics
import tempfile
from pathlib import Path

import books

NAME = "growth"
HELP = "fold and grading with more events and more services; no broker"
RATE = 20
SERVICES = (10, 1000, 10000)
PARTS = (0.2, 0.8, 3.2)  # of --events: 1, 4 and 16 million unless told otherwise


def hours_for(events, services):
    return max(1, round(events / (services * 60 * RATE)))


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
    series(place, options, report, "events",
           [(f"{part * options.events / 1e6:g} M", services, hours_for(part * options.events, services)) for part in PARTS])
    series(place, options, report, "services",
           [(f"{s}", s, hours_for(max(PARTS) * options.events, s)) for s in SERVICES if s <= options.services * 10])
