"""Terms of a contract and the calendar, for brute.py: durations, exact decimals, periods, validity, service hours.

Written from docs/sla-methods.md and the decisions alone. A contract is a Python structure of the shape of the YAML; its scalars may be texts.
"""

import re
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

UNITS = {"ms": Fraction(1, 1000), "s": 1, "m": 60, "h": 3600, "d": 86400}
DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
UTC = ZoneInfo("UTC")


class Refused(Exception):
    """What cannot be evaluated, and why."""


def exact(value):
    if isinstance(value, float):
        raise TypeError(f"{value!r} is a float; write a text")
    return Fraction(str(value))


def duration(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|m|h|d)", str(text)).groups()
    return int(number) * UNITS[unit]


def as_date(value):
    return value if isinstance(value, date) else date.fromisoformat(value)


def floor_minute(t):
    return t // 60 * 60


class Zone:
    """Local time of a contract, in whole UTC seconds."""

    def __init__(self, name):
        self.info = ZoneInfo(name)
        self.offsets = {}

    def midnight(self, day):
        """First second of a local day (of two midnights the first; for none, the second that stands in its place)."""
        return int(datetime(day.year, day.month, day.day, tzinfo=self.info).timestamp())

    def offset(self, t):
        """Seconds east of UTC. No zone changes its offset within a quarter of an hour of UTC."""
        quarter = t // 900
        if quarter not in self.offsets:
            local = datetime.fromtimestamp(quarter * 900, self.info)
            self.offsets[quarter] = int(local.utcoffset().total_seconds())
        return self.offsets[quarter]

    def wall(self, t):
        """Local date and seconds since local 00:00 as the clock on the wall shows them."""
        days, second = divmod(t + self.offset(t), 86400)
        return date.fromordinal(719163 + days), second


class Hours:
    """The weekly calendar. A second is inside if its local wall time is."""

    def __init__(self, zone, terms):
        self.zone = zone
        self.always = terms is None
        self.week = [[] for _ in DAYS]
        self.holidays = set()
        for key, value in (terms or {}).items():
            if key == "holidays":
                self.holidays = {as_date(day) for day in value}
                continue
            first, _, last = key.partition("-")
            for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
                self.week[day] += [self.range(text) for text in value.split(",")]

    @staticmethod
    def range(text):
        def seconds(clock):
            hour, minute = clock.strip().split(":")
            return int(hour) * 3600 + int(minute) * 60
        first, last = text.split("-")
        return seconds(first), seconds(last)

    def inside(self, t):
        if self.always:
            return True
        day, second = self.zone.wall(t)
        if day in self.holidays:
            return False
        return any(first <= second < last for first, last in self.week[day.weekday()])

    def borders(self, start, end):
        """Seconds at which inside() may change: asked of every quarter and of every border of a range in it."""
        if self.always:
            return set()
        clocks = {clock for day in self.week for pair in day for clock in pair} | {0}
        found = set()
        for quarter in range(start // 900, end // 900 + 1):
            first = quarter * 900
            found.add(first)
            _, second = self.zone.wall(first)
            found |= {first + clock - second for clock in clocks if 0 < clock - second < 900}
        return {t for t in found if start < t < end}


def month_start(year, month):
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def calendar_period(kind, year, month):
    """Local dates [first, last) of the period that belongs to a month."""
    if isinstance(kind, dict):
        last = month_start(year, month + 1)
        days = duration(kind["rolling"]) // 86400
        return last - timedelta(days=int(days)), last
    months = {"month": 1, "quarter": 3, "year": 12}[kind]
    first = (month - 1) // months * months + 1
    return month_start(year, first), month_start(year, first + months)


class Terms:
    """One version of a contract on one period."""

    def __init__(self, contract, first, last, whole_days):
        self.contract = contract
        self.zone = Zone(contract["time_zone"])
        self.hours = Hours(self.zone, contract.get("service_hours"))
        self.valid_from, self.valid_until = validity(contract, self.zone)
        self.whole_days = whole_days
        self.deemed = contract.get("partial_period", "pro_rata") == "deemed_up"
        if not self.deemed:
            first, last = max(first, self.valid_from), min(last, self.valid_until)
        self.first, self.last = first, last
        self.services = contract["services"]
        self.availability = contract["availability"]
        self.latency = contract.get("latency")
        self.maintenance = contract.get("maintenance") or {"excluded": "none"}
        self.excluded = self.maintenance["excluded"]
        self.pool = self.availability.get("pool", "per_service")
        self.rules = {state: {"exclude": None, "up": 1, "down": 0}[rule]
                      for state, rule in self.availability["unknown"].items()}

    def valid(self, t):
        return self.valid_from <= t < self.valid_until


def validity(contract, zone):
    first, last = contract.get("valid_from"), contract.get("valid_until")
    return (zone.midnight(as_date(first)) if first else -2**62,
            zone.midnight(as_date(last)) if last else 2**62)


def choose(versions, month=None, interval=None):
    """The version of the terms that is valid in the period, on that period."""
    zone = Zone(versions[0]["time_zone"])
    kind = versions[0].get("period", "month")
    if month is not None:
        year, number = (int(part) for part in month.split("-"))
    else:
        local, _ = zone.wall(interval[0])
        year, number = local.year, local.month
    days = calendar_period(kind, year, number)
    first, last = interval or (zone.midnight(days[0]), zone.midnight(days[1]))
    found = []
    for contract in versions:
        start, end = validity(contract, Zone(contract["time_zone"]))
        if start < last and end > first:
            found.append(contract)
    if len(found) != 1:
        raise Refused(f"{len(found)} versions of the terms are valid in the period")
    return Terms(found[0], first, last, (days[1] - days[0]).days)
