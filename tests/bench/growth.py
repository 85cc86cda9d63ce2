"""How the cost of an event grows with events, services and partitions.

An event costs what it brings with it: a window, a row of a batch, an hour that is folded and graded. So within a series every event brings
the same: whole days, because the traffic has daily waves; as many events per service and minute; batches of some hundred rows or more.
"""
import statistics
import tempfile
from pathlib import Path

import books
import live
import measure

NAME = "growth"
HELP = "consume with more events and partitions; what is behind it with more events and services"
RATE = 10              # events per minute and service, about
DAY_EVENTS = RATE * 1440
SERVICES = (10, 1000, 10000)
PARTITIONS = (1, 4, 16)
PARTS = (0.2, 0.8, 3.2)  # of --events: 1, 4 and 16 million unless told otherwise
BATCH_ROWS = 200


def report_growth(report, what, costs):
    """Each point is a cost per million events, within 1.25 of their median."""
    middle = statistics.median(costs.values())
    for name, cost in costs.items():
        report.value(f"{what}, {name}: CPU s per million events", cost)
        report.ratio(f"{what}, {name}: of the median", cost / middle, at_most=1.25)


def stored_once(place, services, days):
    """Commit, fold and grades. An hour of a service is a row of the batch that it is in."""
    minutes = 60 if services >= BATCH_ROWS else 1440
    with tempfile.TemporaryDirectory(dir=place.folder) as folder:
        facts, cost = books.fill(place, Path(folder, "g.db"), services, days * 24, RATE, minutes, "graded")
    return (facts["commit_s"] + facts["fold_s"] + facts["grade_s"]) / facts["events"] * 1e6, cost.rss_mib


def stored(place, options, report, what, points):
    """points: name, services, days."""
    runs = {name: [] for name, _, _ in points}
    for _ in range(options.runs):
        for name, services, days in points:
            runs[name].append(stored_once(place, services, days))
    for name, done in runs.items():
        report.value(f"{what}, {name}: peak memory, MiB", max(rss for _, rss in done))
    report_growth(report, what, {name: statistics.median(cost for cost, _ in done) for name, done in runs.items()})


def consumed(place, options, report, what, points):
    """points: name, topic. The process as a whole, on one core."""
    place.hold_broker({0})
    series = {name: measure.Series(name, topic.events) for name, topic in points}
    for _, topic in points:
        live.consume(place, topic, {1}, check=True)
    measure.interleaved(options.runs, [
        (series[name], lambda topic=topic: live.consume(place, topic, {1}, check=False)) for name, topic in points])
    for name, s in series.items():
        report.value(f"{what}, {name}: peak memory, MiB", s.rss_mib())
    report_growth(report, what, {name: statistics.median(s.cpu_per_million()) for name, s in series.items()})


def run(place, options, report):
    parts = [(f"{part * options.events / 1e6:g} M events", int(part * options.events)) for part in PARTS]
    consumed(place, options, report, "consume", [(name, place.topic("request", events)) for name, events in parts])
    consumed(place, options, report, "consume", [(f"{count} partition{'s' if count > 1 else ''}",
                                                  place.topic("request", options.events, partitions=count)) for count in PARTITIONS])
    services = max(1, round(PARTS[0] * options.events / DAY_EVENTS))
    stored(place, options, report, "commit, fold, grades",
           [(name, services, max(1, round(events / (services * DAY_EVENTS)))) for name, events in parts])
    stored(place, options, report, "commit, fold, grades",
           [(f"{count} services", count, max(1, round(max(PARTS) * options.events / (count * DAY_EVENTS))))
            for count in SERVICES if count <= options.services * 10])
