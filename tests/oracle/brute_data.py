"""What was measured and announced, for brute.py: CSV files, states and counts of a service, maintenance.

Instants are UTC seconds: int, or Fraction where the file has a fraction.
"""

import bisect
import csv
import functools
import re
from datetime import date
from fractions import Fraction

from brute_terms import Refused, duration, floor_minute

UNKNOWN = ("no_traffic", "probe_down", "pipeline_gap", "not_provisioned")
GRADES = ("operational", "degraded", "partial", "major")
TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@functools.cache
def day_start(year, month, day):
    return (date(int(year), int(month), int(day)) - date(1970, 1, 1)).days * 86400


def instant(text):
    """RFC 3339, exactly."""
    *day, hour, minute, second, fraction, offset = TIME.fullmatch(text).groups()
    seconds = day_start(*day) + int(hour) * 3600 + int(minute) * 60 + int(second)
    if offset not in "Zz":
        east = int(offset[1:3]) * 3600 + int(offset[4:6]) * 60
        seconds -= east if offset[0] == "+" else -east
    return seconds + Fraction("0" + fraction) if fraction else seconds


def table(path):
    """Rows of a CSV file, by the names of its header."""
    if path is None:
        return []
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Minute:
    """The counts of one minute; its times are None where there is none."""
    __slots__ = ("total", "errors", "slow", "first_ok", "last_ok", "first_error", "last_error")

    def __init__(self, row):
        self.total, self.errors, self.slow = (int(row[key]) for key in ("total", "errors", "slow"))
        for key in self.__slots__[3:]:
            setattr(self, key, instant(row[key]) if row.get(key) else None)


class Spans:
    """Intervals [from, to) without overlap, in order, each with a value."""

    def __init__(self, spans):
        self.spans = sorted(spans, key=lambda span: span[0])
        self.starts = [span[0] for span in self.spans]

    def at(self, t):
        """The span in which t lies, or None."""
        place = bisect.bisect_right(self.starts, t) - 1
        return self.spans[place] if place >= 0 and t < self.spans[place][1] else None

    def holds(self, start, end):
        """Whether spans without a gap between them cover [start, end)."""
        while start < end:
            span = self.at(start)
            if span is None:
                return False
            start = span[1]
        return True

    def borders(self):
        return {border for span in self.spans for border in span[:2]}


def merged(spans):
    """Adjoining spans of one value are one."""
    out = []
    for start, end, value in spans:
        if out and out[-1][1] == start and out[-1][2] == value:
            out[-1] = (out[-1][0], end, value)
        else:
            out.append((start, end, value))
    return out


def united(intervals):
    """Intervals that overlap or touch are one."""
    out = []
    for start, end in sorted(intervals):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((start, end))
    return out


def announced(service, rows, terms):
    """The stretches of time that announced maintenance covers for a service, after notice, cancellation and quota."""
    if terms.excluded == "none":
        return Spans([])
    notice = duration(terms.maintenance.get("notice", "0s"))
    rows = [(row["service"], instant(row["announced_at"]), instant(row["from"]), instant(row["to"]),
             row.get("status") or "planned") for row in rows if row["service"] in (service, "*")]
    windows = []
    for name, at, start, end, status in rows:
        cancelled = any(other[4] == "cancelled" and (other[0], other[2], other[3]) == (name, start, end)
                        and at <= other[1] for other in rows)
        if status == "planned" and not cancelled and at + notice <= start:
            windows.append((start, end))
    return Spans([(start, end, True) for start, end in within_quota(united(windows), terms)])


def within_quota(windows, terms):
    """Only the part of a window in the period is counted, and only such windows matter."""
    windows = [(a, b) for a, b in windows if a < terms.last and b > terms.first]
    quota = terms.maintenance.get("quota") or {}
    if "windows" in quota:
        windows = windows[:int(quota["windows"])]
    if "minutes" not in quota:
        return windows
    left, kept = int(quota["minutes"]) * 60, []
    for start, end in windows:
        inside = max(start, terms.first)
        if left > 0:
            used = min(left, min(end, terms.last) - inside)
            kept.append((start, end if inside + used >= min(end, terms.last) else inside + used))
            left -= used
    return kept


class Service:
    """All that the files say of one service."""

    def __init__(self, name, terms, windows, states, announcements):
        self.name = name
        self.terms = terms
        rows = [row for row in windows if row["service"] == name]
        claims = [row for row in states or [] if row["service"] == name]
        self.silent = not rows and not claims
        self.minutes = {}
        for row in rows:
            minute = Minute(row)
            if minute.total > 0:
                self.minutes[instant(row["minute"])] = minute
        claims = sorted((instant(row["from"]), instant(row["to"]), row["state"]) for row in claims)
        if any(left[1] > right[0] for left, right in zip(claims, claims[1:])):
            raise Refused(f"states of {name} overlap")
        self.claims = merged(claims)
        self.covered = announced(name, announcements, terms)
        self.unknowns = Spans([span for span in self.claims if span[2] in UNKNOWN])
        self.void_minutes = {m for m in self.minutes if self.unknowns.holds(m, m + 60)}

    def unknown_at(self, t):
        """The unknown state at a second, for methods that go by counts; None if the counts speak."""
        if self.silent:
            return "not_provisioned"
        span = self.unknowns.at(t)
        if span is None or (span[2] == "no_traffic" and floor_minute(t) not in self.minutes):
            return None
        return span[2]

    def excused(self, t):
        """Whether announced maintenance covers the whole minute of t."""
        minute = floor_minute(t)
        return self.covered.holds(minute, minute + 60)

    def borders(self):
        """Where anything of this service may change; minutes around borders too, because some rules go by minutes."""
        found = set()
        for border in self.covered.borders() | Spans(self.claims).borders():
            found |= {border, floor_minute(border), floor_minute(border) + 60}
        for minute in self.minutes:
            found |= {minute, minute + 60}
        return found
