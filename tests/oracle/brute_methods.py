"""The methods of docs/sla-methods.md, for brute.py. Each is a function from one service to a Measure.

A moment is a stretch of time in which nothing changes; in the slow form every moment is one second. Each moment has a column (where its
seconds are booked) and a share (what part of it was good; None: not measured).
"""

from fractions import Fraction

from brute_data import GRADES, UNKNOWN, Spans, merged
from brute_terms import duration, exact, floor_minute

OUTSIDE, DEEMED = "outside_hours", "deemed"


class Measure:
    """One service under one method: columns and shares by moment, and the fraction itself.

    `units` holds what is counted: {moment number: share} weighted by time, or {slice number: share}, each slice once."""

    def __init__(self, columns, shares, units=None, fraction=None):
        self.columns = columns
        self.shares = shares
        self.units = units
        self.fraction = fraction


class Ground:
    """The moments of a period, and which of them are outside service hours or validity."""

    def __init__(self, terms, services, slow, extra=()):
        self.terms = terms
        self.moments = self.cut(services, slow, extra)
        self.kinds = [self.kind(start) for start, _ in self.moments]

    def cut(self, services, slow, extra):
        first, last = self.terms.first, self.terms.last
        borders = {first, last, *extra}
        if slow:
            borders |= set(range(first, last))
        else:
            borders |= self.terms.hours.borders(first, last)
            borders |= {self.terms.valid_from, self.terms.valid_until}
            for service in services:
                borders |= service.borders()
        borders = sorted(t for t in borders if first <= t <= last)
        return list(zip(borders, borders[1:]))

    def kind(self, t):
        if not self.terms.hours.inside(t):
            return OUTSIDE
        return None if self.terms.valid(t) else DEEMED

    def measured(self, minute):
        """Whether the requests of a minute belong to what is measured: its first second decides."""
        return self.terms.first <= minute < self.terms.last and self.kind(minute) is None

    def each(self, judge):
        """Columns and shares of all moments; `judge` answers (column, share) for a moment that is measured."""
        columns, shares = [], []
        for (start, _), kind in zip(self.moments, self.kinds):
            if kind == OUTSIDE:
                column, share = OUTSIDE, None
            elif kind == DEEMED:
                column, share = "up", 1
            else:
                column, share = judge(start)
            columns.append(column)
            shares.append(share)
        return columns, shares

    def by_time(self, judge):
        columns, shares = self.each(judge)
        return Measure(columns, shares, units=None)


def by_rule(terms, state):
    return terms.rules[state]


def laid_over(terms, covered, column, share):
    """Announced maintenance over a moment: only what would count as lost becomes maintenance."""
    if not covered or share is None or share == 1:
        return column, share
    return "maintenance", None if terms.excluded == "remove" else 1


# --- state_time ---------------------------------------------------------------------------------------

def whole_line(claims, first, last):
    """States without gaps, from before to after everything."""
    start = min([first] + [claim[0] for claim in claims]) - 86400
    end = max([last] + [claim[1] for claim in claims]) + 86400
    line, at, filler = [], start, "not_provisioned"
    for begin, until, state in claims:
        if begin > at:
            line.append((at, begin, filler))
        line.append((begin, until, state))
        at, filler = until, "pipeline_gap"
    line.append((at, end, filler))
    return merged(line)


def absorbed(line, limit):
    """One pass from left to right, each interval judged once, by its own length."""
    out = []
    for number, (start, end, state) in enumerate(line):
        right = line[number + 1][2] if number + 1 < len(line) else None
        left = out[-1][2] if out else None
        if state in GRADES and end - start <= limit and left == right and left in GRADES:
            state = left
        out = out[:-1] + merged(out[-1:] + [(start, end, state)])
    return out


def without_short_outages(line, weights, limit):
    """Adjoining time with a weight above 0 is one outage; shorter than the limit, it was up."""
    out, outage = [], []

    def close():
        if outage:
            short = outage[-1][1] - outage[0][0] < limit
            out.extend((a, b, "operational") if short else (a, b, state) for a, b, state in outage)
            outage.clear()

    for span in line:
        if weights.get(span[2], 0) > 0:
            outage.append(span)
        else:
            close()
            out.append(span)
    close()
    return out


def state_line(service):
    """What state_time makes of the states of a service before the calendar and maintenance are laid over them."""
    terms = service.terms
    line = whole_line(service.claims, terms.first, terms.last)
    line = absorbed(line, duration(terms.availability.get("absorb", "0s")))
    line = merged([(a, b, "major" if state == "maintenance" else state) for a, b, state in line])
    weights = {grade: exact(weight) for grade, weight in terms.availability["weights"].items()}
    return Spans(without_short_outages(line, weights, duration(terms.availability.get("min_outage", "0s"))))


def state_time(service, ground):
    terms = ground.terms
    weights = {grade: exact(weight) for grade, weight in terms.availability["weights"].items()}
    line = state_line(service)

    def judge(t):
        state = line.at(t)[2]
        share = by_rule(terms, state) if state in UNKNOWN else 1 - weights.get(state, 0)
        column = "up" if state == "operational" else state
        return laid_over(terms, service.covered.at(t) is not None, column, share)

    return ground.by_time(judge)


# --- methods that judge minutes and give shares of time -----------------------------------------------

def minute_method(service, ground, lost_share):
    """`lost_share(t, minute)` is the share of a known second that is lost, or None if the minute has nothing to say."""
    terms = ground.terms

    def judge(t):
        unknown = service.unknown_at(t)
        lost = None if unknown else lost_share(t, service.minutes.get(floor_minute(t)))
        if unknown or lost is None:
            column = unknown or "no_traffic"
            share = by_rule(terms, column)
        else:
            column, share = ("major", 1 - lost) if lost else ("up", 1)
        return laid_over(terms, service.excused(t), column, share)

    return ground.by_time(judge)


def bad_runs(service, ground):
    """Minutes of the runs that count, found on raw minutes wherever they lie."""
    rules = ground.terms.availability
    least = int(rules.get("min_requests", 0))
    per = rules.get("min_requests_per", "minute")
    all_failed = rules.get("all_failed")
    limit = None if all_failed else exact(rules["max_error_ratio"])
    if per == "period":
        asked = sum(row.total for m, row in service.minutes.items()
                    if ground.measured(m) and m not in service.void_minutes)
        if asked < least:
            return set()

    def bad(minute):
        row = service.minutes.get(minute)
        if row is None or minute in service.void_minutes or (per == "minute" and row.total < least):
            return False
        return row.errors == row.total if all_failed else row.errors > limit * row.total

    counted = set()
    for minute in service.minutes:
        if not bad(minute) or bad(minute - 60):
            continue
        run = [minute]
        while bad(run[-1] + 60):
            run.append(run[-1] + 60)
        enough = per != "run" or sum(service.minutes[m].total for m in run) >= least
        if len(run) * 60 >= duration(rules.get("min_run", "1m")) and enough:
            counted |= set(run)
    return counted


def bad_minute_runs(service, ground):
    counted = bad_runs(service, ground)
    return minute_method(service, ground,
                         lambda t, row: None if row is None else int(floor_minute(t) in counted))


def proportional(service, ground):
    limit = exact(ground.terms.availability.get("max_error_ratio", "0"))

    def lost_share(t, row):
        if row is None:
            return None
        ratio = Fraction(row.errors, row.total)
        return ratio if ratio > limit else 0

    return minute_method(service, ground, lost_share)


def failure_runs(service):
    """Exact intervals between successes in which there were errors only."""
    terms = service.terms
    rows = [(m, row) for m, row in sorted(service.minutes.items()) if m not in service.void_minutes]
    if not rows:
        return []
    start, failed, runs = min(terms.first, rows[0][0]), False, []
    for _, row in rows:
        if row.first_ok is None:
            failed = True
            continue
        if failed or (row.first_error is not None and row.first_error < row.first_ok):
            runs.append((start, row.first_ok))
        start = row.last_ok
        failed = row.last_error is not None and row.last_error > row.last_ok
    if failed:
        runs.append((start, max(terms.last, rows[-1][0] + 60)))
    least = duration(terms.availability["min_run"])
    return [(a, b) for a, b in runs if b - a >= least]


def total_failure_runs(service, ground, whole_seconds):
    """With whole_seconds the borders are rounded down, as columns book them; otherwise they are exact."""
    runs = [(a // 1, b // 1) if whole_seconds else (a, b) for a, b in failure_runs(service)]
    runs = Spans([(a, b, True) for a, b in runs if a < b])

    def lost_share(t, row):
        if runs.at(t) is not None:
            return 1
        return None if row is None else 0

    return minute_method(service, ground, lost_share)


# --- request_ratio ------------------------------------------------------------------------------------

def request_ratio(service, ground):
    terms = ground.terms
    weight = exact(terms.availability.get("degraded_weight", "0"))
    good = valid = 0
    for minute, row in service.minutes.items():
        if not ground.measured(minute):
            continue
        lost = lost_requests(service, minute, row, weight)
        if lost is None or (lost and service.excused(minute) and terms.excluded == "remove"):
            continue
        valid += row.total
        good += row.total - (0 if service.excused(minute) else lost)

    def judge(t):
        minute = floor_minute(t)
        row = service.minutes.get(minute)
        unknown = service.unknown_at(t) or (None if row else "no_traffic")
        if unknown:
            column, lost = unknown, by_rule(terms, unknown) == 0
        else:
            column, lost = "up", row.errors + weight * row.slow > 0
        return "maintenance" if lost and service.excused(t) else column, None

    columns, shares = ground.each(judge)
    return Measure(columns, shares, fraction=(good, valid))


def lost_requests(service, minute, row, weight):
    """Requests of a minute that are lost; None if the minute does not count."""
    if minute not in service.void_minutes:
        return row.errors + weight * row.slow
    share = by_rule(service.terms, service.unknown_at(minute))
    return None if share is None else row.total * (1 - share)


# --- slices -------------------------------------------------------------------------------------------

class Slices:
    """Slices of one length for one service. `ratio(counts)` is the good share of a slice with requests."""

    def __init__(self, service, ground, length, ratio, books_major, rules):
        self.service, self.ground, self.terms = service, ground, ground.terms
        self.length, self.ratio, self.books_major, self.rules = length, ratio, books_major, rules

    def measure(self):
        columns, shares = [None] * len(self.ground.moments), [None] * len(self.ground.moments)
        units = {}
        for number, (start, end, moments, minutes) in enumerate(self.split()):
            value, book = self.judge(start, end, moments, minutes)
            units[number] = value
            for moment in moments:
                kind = self.ground.kinds[moment]
                columns[moment] = OUTSIDE if kind == OUTSIDE else "up" if kind == DEEMED else book(moment)
                shares[moment] = None if kind == OUTSIDE else value
        return Measure(columns, shares, units=units)

    def split(self):
        first, last = self.terms.first, self.terms.last
        count = -((first - last) // self.length)
        slices = [(first + i * self.length, min(first + (i + 1) * self.length, last), [], [])
                  for i in range(count)]
        for moment, (start, _) in enumerate(self.ground.moments):
            slices[(start - first) // self.length][2].append(moment)
        for minute in self.service.minutes:
            if self.ground.measured(minute) and minute not in self.service.void_minutes:
                slices[(minute - first) // self.length][3].append(minute)
        return slices

    def judge(self, start, end, moments, minutes):
        """The share of a slice (None: not measured), and a function that books its moments."""
        service, ground = self.service, self.ground
        at = {moment: ground.moments[moment][0] for moment in moments}
        whole = service.covered.holds(start, end)
        inside = [m for m in moments if ground.kinds[m] is None]
        excused = {m for m in inside if whole or service.excused(at[m])}
        rest = [m for m in inside if m not in excused]
        counts = self.sum(minutes)
        kept = self.sum([m for m in minutes if not (whole or service.excused(m))])
        everything = self.value(counts, inside)
        lost = everything is not None and everything < 1
        if excused and not rest:
            value = everything
            if lost:
                value = None if self.terms.excluded == "remove" else 1
        elif not inside:
            value = 1 if any(ground.kinds[m] == DEEMED for m in moments) else None
        else:
            value = self.value(kept, rest)

        def book(moment):
            unknown = service.unknown_at(at[moment])
            if moment in excused:
                if unknown:
                    return "maintenance" if self.rules[unknown] == 0 else unknown
                if lost:
                    return "maintenance"
                return "up" if counts[0] else "no_traffic"
            if unknown:
                return unknown
            if kept[0]:
                return "major" if self.books_major and value == 0 else "up"
            return "no_traffic"

        return value, book

    def sum(self, minutes):
        rows = [self.service.minutes[m] for m in minutes]
        return (sum(row.total for row in rows), sum(row.errors for row in rows), sum(row.slow for row in rows))

    def value(self, counts, moments):
        if counts[0]:
            return self.ratio(*counts)
        states = {self.service.unknown_at(self.ground.moments[m][0]) or "no_traffic" for m in moments}
        rules = {self.rules[state] for state in states} - {None}
        return None if not rules else 0 if 0 in rules else 1


def unknown_rules(terms, **own):
    return {state: by_rule(terms, state) for state in UNKNOWN} | own


def limits(rules):
    """1 or 0: whether a slice keeps its limits."""
    errors_limit = exact(rules["max_error_ratio"]) if "max_error_ratio" in rules else None
    slow_limit = exact(rules["max_slow_ratio"]) if "max_slow_ratio" in rules else None

    def ratio(total, errors, slow):
        bad = errors_limit is not None and errors > errors_limit * total
        bad = bad or (slow_limit is not None and slow > slow_limit * total)
        return 0 if bad else 1

    return ratio


def good_ratio(total, errors, _):
    return Fraction(total - errors, total)


def time_slices(service, ground, rules):
    return Slices(service, ground, duration(rules["slice"]), limits(rules), True,
                  unknown_rules(ground.terms)).measure()


def ratio_time_slices(service, ground):
    return Slices(service, ground, duration(ground.terms.availability["slice"]), good_ratio, False,
                  unknown_rules(ground.terms)).measure()


def mean_interval_errors(service, ground):
    return Slices(service, ground, duration(ground.terms.availability["interval"]), good_ratio, False,
                  unknown_rules(ground.terms, no_traffic=1)).measure()
