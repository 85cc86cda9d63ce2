"""Random contracts and data for brute_compare.py, close to the borders where two readings would differ.

A case is repeated by its seed and number alone.
"""

import random
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from brute_data import UNKNOWN, instant
from brute_terms import Zone, calendar_period, choose, duration, exact, floor_minute
from sla_files import HEADERS, csv_text, rfc3339

METHODS = ("state_time", "request_ratio", "time_slices", "ratio_time_slices", "bad_minute_runs",
           "total_failure_runs", "mean_interval_errors", "proportional")
COUNTED_UNITS = ("request_ratio", "ratio_time_slices", "mean_interval_errors")
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC", "Asia/Kolkata")
# Months with a change of clocks, a leap day, or a border of a year.
MONTHS = ("2026-03", "2026-10", "2026-11", "2026-04", "2028-02", "2026-12", "2027-02", "2026-01")
CLOCK_CHANGES = {"Europe/Berlin": ("2026-03-29T01:00", "2026-10-25T01:00"),
                 "America/New_York": ("2026-03-08T07:00", "2026-11-01T06:00"),
                 "Australia/Lord_Howe": ("2026-04-04T15:00", "2026-10-03T15:30"),
                 "UTC": ("2028-02-29T00:00", "2028-02-29T23:00"), "Asia/Kolkata": ("2026-09-30T18:30", "2026-12-31T18:30")}
SECOND = 10**9      # times of events are whole nanoseconds here


class Case:
    """One random contract with its files, as text, and the period."""

    def __init__(self, seed, number, method=None, month=None, longest=4320):
        self.name = f"{seed}/{number}"
        self.rng = random.Random(self.name)
        self.method = method or METHODS[number % len(METHODS)]
        self.whole_month = month is not None
        self.zone = self.rng.choice(ZONES)
        self.contract = self.make_contract()
        self.when = month or self.interval(longest)
        self.huge = self.maybe(0.05)      # but all requests of a file are fewer than 2^62
        self.offset = self.rng.choice((0, 0, 120, -300, 630, 345))     # of times in the files and on the command line
        self.validity()
        self.contracts = [*self.earlier_version(), self.contract]
        terms = choose(self.contracts, *((self.when, None) if month else (None, self.when)))
        self.first, self.last = terms.first, terms.last
        self.terms = terms
        self.rows = self.make_rows()
        self.tables = {name: self.dress(name, rows) for name, rows in self.rows.items()}

    def maybe(self, share):
        return self.rng.random() < share

    def time(self, t):
        return rfc3339(t, self.offset if self.maybe(0.9) else 0)

    # --- the contract ---------------------------------------------------------------------------------

    def make_contract(self):
        rng = self.rng
        count = rng.choice((1, 1, 2, 3)) if not self.whole_month else rng.choice((1, 1, 2))
        services = ["device-api", "portal", "batch"][:count]
        rules = {state: rng.choice(("exclude", "up", "down")) for state in UNKNOWN}
        availability = {"target": "99", "method": self.method} | self.parameters() | {"unknown": rules}
        if count > 1:
            pools = ("per_service", "sum") if self.method in COUNTED_UNITS else ("per_service", "sum", "all_required", "any_enough")
            availability["pool"] = rng.choice(pools)
        contract = {"id": "acme", "services": services, "time_zone": self.zone, "digits": rng.choice((0, 2, 3, 3, 5, 9)),
                    "availability": availability}
        if self.maybe(0.25):
            contract["period"] = rng.choice(("month", "quarter", "year", {"rolling": "30d"}, {"rolling": "7d"}))
        if self.whole_month:
            contract["period"] = rng.choice(("month", "month", "month", {"rolling": "30d"}))
        if self.maybe(0.3):
            contract["service_hours"] = self.hours()
        if self.maybe(0.85):
            contract["maintenance"] = self.maintenance()
        if self.maybe(0.25):
            contract["latency"] = {"target": "99", "max_slow_ratio": rng.choice(("0.05", "0.1", "0.5", "0")),
                                   "slice": rng.choice(("1m", "5m", "15m", "1h"))}
        return contract

    def parameters(self):
        rng = self.rng
        limit = rng.choice(("0", "0.01", "0.05", "0.1", "0.5", "0.25"))
        length = rng.choice(("1m", "2m", "5m", "5m", "7m", "10m", "1h"))
        if self.method == "state_time":
            weights = [rng.choice(row) for row in (("0", "0.25", "0.3"), ("0.5", "1", "0.333"), ("1", "1", "0.9"))]
            own = {"weights": dict(zip(("degraded", "partial", "major"), weights))}
            if self.maybe(0.5):
                own["min_outage"] = rng.choice(("60s", "90s", "5m", "10m"))
            if self.maybe(0.5):
                own["absorb"] = rng.choice(("30s", "2m", "5m"))
            return own
        if self.method == "request_ratio":
            return {"degraded_weight": rng.choice(("0.5", "0.1", "1", "0.25"))} if self.maybe(0.6) else {}
        if self.method == "time_slices":
            kind = rng.randrange(3)
            own = {"slice": length}
            if kind != 1:
                own["max_error_ratio"] = limit
            if kind != 0:
                own["max_slow_ratio"] = rng.choice(("0.05", "0.1", "0.5"))
            return own
        if self.method == "ratio_time_slices":
            return {"slice": length}
        if self.method == "mean_interval_errors":
            return {"interval": rng.choice(("5m", "1h"))}
        if self.method == "total_failure_runs":
            return {"min_run": rng.choice(("60s", "60s", "90s", "2m", "10m"))}
        if self.method == "proportional":
            return {"max_error_ratio": limit} if self.maybe(0.6) else {}
        own = {"all_failed": True} if self.maybe(0.3) else {"max_error_ratio": limit}
        if self.maybe(0.7):
            own["min_run"] = rng.choice(("1m", "2m", "3m", "5m", "10m"))
        if self.maybe(0.5):
            own["min_requests"] = rng.choice((5, 10, 20, 100, 1000, 20000))
            if self.maybe(0.8):
                own["min_requests_per"] = rng.choice(("minute", "run", "period"))
        return own

    def hours(self):
        rng = self.rng
        terms = rng.choice(({"mon-fri": "08:00-18:00", "sat": "09:00-12:00"}, {"mon-sun": "00:00-24:00"},
                            {"mon-thu": "00:00-06:30, 07:15-24:00", "fri-sun": "01:00-03:00"},
                            {"sun": "00:00-06:00", "mon-sat": "02:00-02:30,22:00-24:00"}, {"mon-sun": "01:07-23:53"}))
        terms = dict(terms)
        if self.maybe(0.4):
            terms["holidays"] = sorted({rng.choice(("2026-03-29", "2026-10-25", "2026-12-25", "2028-02-29", "2026-11-01"))
                                        for _ in range(2)})
        return terms

    def maintenance(self):
        rng = self.rng
        terms = {"excluded": rng.choice(("remove",) * 5 + ("forgive",) * 4 + ("none",))}
        if self.maybe(0.7):
            terms["notice"] = rng.choice(("0s", "1h", "5d"))
        if self.maybe(0.3):
            terms["quota"] = {}
            if self.maybe(0.6):
                terms["quota"]["windows"] = rng.choice((0, 1, 1, 2, 2, 3))
            if self.maybe(0.6) or not terms["quota"]:
                terms["quota"]["minutes"] = rng.choice((0, 7, 30, 60, 60, 240, 240))
        return terms

    # --- the period -----------------------------------------------------------------------------------

    def interval(self, longest):
        """2 h to 3 days, or to so many minutes, around a border of some kind."""
        rng = self.rng
        length = rng.choice((120, 120, 180, 360, 600, 1440, 1440, 1500, 2880, 4320, rng.randrange(120, 4320)))
        length = min(length, longest) * 60
        year, month = (int(part) for part in rng.choice(MONTHS).split("-"))
        anchors = [Zone(self.zone).midnight(date(year, month, 1)), Zone(self.zone).midnight(date(year, month, 15))]
        anchors += [int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("UTC")).timestamp())
                    for text in CLOCK_CHANGES[self.zone]]
        first = floor_minute(rng.choice(anchors) - rng.choice((0, 0, length // 2, rng.randrange(length))))
        if self.maybe(0.05) and "slice" not in self.contract["availability"] and "interval" not in self.contract["availability"] \
                and "latency" not in self.contract:
            first += rng.randrange(60)
            length += rng.randrange(60)
        return first, first + length

    def validity(self):
        """Sometimes the terms begin or end within the period."""
        if not self.maybe(0.3):
            return
        rng = self.rng
        if self.whole_month:
            year, month = (int(part) for part in self.when.split("-"))
            first, last = calendar_period(self.contract["period"], year, month)
        else:
            zone = Zone(self.zone)
            first, last = zone.wall(self.when[0])[0], zone.wall(self.when[1] - 1)[0]
        days = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
        if not days:
            return
        self.contract[rng.choice(("valid_from", "valid_until"))] = rng.choice(days).isoformat()
        self.contract["partial_period"] = rng.choice(("pro_rata", "deemed_up"))
        if not self.whole_month:
            start, end = self.when
            border = Zone(self.zone).midnight(date.fromisoformat(self.contract.get("valid_from") or self.contract["valid_until"]))
            if not start < border < end:
                self.contract.pop("valid_from", None)
                self.contract.pop("valid_until", None)

    def earlier_version(self):
        """Sometimes other terms came before, up to the day on which the period begins."""
        if "valid_from" in self.contract or not self.maybe(0.15):
            return []
        zone = Zone(self.zone)
        if self.whole_month:
            year, month = (int(part) for part in self.when.split("-"))
            border = calendar_period(self.contract["period"], year, month)[0]
        else:
            border = zone.wall(self.when[0])[0]
        if self.contract.get("valid_until", "9999-01-01") <= border.isoformat():
            return []
        self.contract["valid_from"] = border.isoformat()
        rules = dict.fromkeys(UNKNOWN, "down")
        other = {key: self.contract[key] for key in ("id", "services", "time_zone", "period") if key in self.contract}
        return [other | {"valid_until": border.isoformat(),
                         "availability": {"target": "1", "method": "request_ratio", "pool": "sum", "unknown": rules}}]

    # --- the data -------------------------------------------------------------------------------------

    def make_rows(self):
        rows = {"windows": []}
        states = []
        for service in self.contract["services"] + ["not-in-the-contract"]:
            if self.maybe(0.04):
                continue
            if self.method != "state_time" or "latency" in self.contract:
                make = self.events if self.method == "total_failure_runs" else self.windows
                rows["windows"] += make(service)
            states += self.states(service) if self.method == "state_time" else self.unknown_states(service)
        trouble = [instant(row[1]) for row in rows["windows"] if row[3]]
        trouble += [instant(row[1]) for row in states if row[3] != "operational"]
        rows["announcements"] = self.announcements([t for t in trouble if self.first - 3600 <= t < self.last])
        if self.method == "state_time" or self.maybe(0.5):
            rows["states"] = states
        if self.method == "state_time" and "latency" not in self.contract:
            del rows["windows"]
        return rows

    def span(self):
        """From where to where there are data: usually beyond the period, sometimes not up to its ends."""
        edge = self.rng.choice((0, 3600, 7200))
        first, last = floor_minute(self.first) - edge, floor_minute(self.last) + edge
        if self.maybe(0.1):
            first += self.rng.randrange(1, 90) * 60
        if self.maybe(0.1):
            last -= self.rng.randrange(1, 90) * 60
        return first, last

    def lengths(self, key, fallback):
        """Lengths in minutes, mostly close to what the contract's border is."""
        border = int(duration(self.contract["availability"].get(key, fallback))) // 60 or 1
        return self.rng.choice((border, border, max(1, border - 1), border + 1, 1, 2, self.rng.randrange(1, 30)))

    def windows(self, service):
        rng = self.rng
        at, last = self.span()
        limit = exact(self.contract["availability"].get("max_error_ratio", "0.5"))
        fast = exact(self.contract["availability"].get("max_slow_ratio", "0.1"))
        out = []
        while at < last:
            kind = rng.choice(("good", "good", "border", "above", "errors", "silent", "few", "slow", "noise"))
            count = rng.randrange(5, 90) if kind == "good" else self.lengths("min_run", "5m")
            for border in (self.first, self.last):     # some runs cross the ends of the period
                if at < border < at + count * 60 + 240 and self.maybe(0.5):
                    count = (border - at) // 60 + rng.choice((0, 1, 3))
            base = rng.choice((20, 100, 100, 200, 40)) * (10 ** (10 if self.whole_month else 11) if self.huge else 1)
            borders = int(limit * base), int(fast * base)
            for _ in range(max(1, count)):
                row = self.minute(kind, base, *borders)
                if row is not None and at < last:
                    out.append([service, self.time(at), *row])
                at += 60
        return out

    def minute(self, kind, base, limit, fast):
        """Counts of a minute; limit and fast are how many errors, or slow requests, the limits allow."""
        rng = self.rng
        total, errors, slow = base, 0, 0
        if kind == "silent":
            return (0, 0, 0) if self.maybe(0.1) else None
        if kind == "few":
            total = rng.choice((1, 2, 4, 5, 9, 10))
            errors = rng.choice((0, total))
        elif kind == "noise":
            total = rng.randrange(1, 60)
            errors = rng.randrange(total + 1)
            slow = rng.randrange(total - errors + 1)
        elif kind == "slow":
            slow = fast + rng.choice((0, 1))
        elif kind != "good":
            errors = {"errors": total, "border": limit, "above": limit + 1}[kind]
        errors = min(errors, total)
        return total, errors, min(slow, total - errors)

    def events(self, service):
        """Successes and failures one by one, some gaps exactly as long as min_run, put together into minutes."""
        rng = self.rng
        first, last = (t * SECOND for t in self.span())
        run = int(duration(self.contract["availability"]["min_run"])) * SECOND
        events, at = [], first + rng.randrange(60 * SECOND)
        while at < last:
            for _ in range(rng.randrange(1, 40)):
                events.append((at, True))
                at += rng.choice((SECOND, 7 * SECOND, 30 * SECOND, 45 * SECOND, rng.randrange(1, 50 * SECOND)))
            last_ok = events[-1][0]
            gap = rng.choice((run, run - 1, run + 1, run * 3, rng.randrange(1, 4 * 60 * SECOND), rng.randrange(3600) * SECOND))
            for _ in range(rng.choice((0, 1, 1, 2, 20))):
                events.append((last_ok + gap * rng.randrange(0, 1001) // 1000, False))
            at = last_ok + gap
        if self.maybe(0.05):
            events = [(t, False) for t, _ in events]
        minutes = {}
        for t, good in events:
            minutes.setdefault(t // SECOND // 60 * 60, ([], []))[0 if good else 1].append(t)
        return [[service, self.time(minute), len(good) + len(bad), len(bad), rng.randrange(len(good) + 1),
                 *(precise(pick(times)) if times else "" for times in (good, bad) for pick in (min, max))]
                for minute, (good, bad) in sorted(minutes.items()) if minute * SECOND < last]

    def states(self, service):
        rng = self.rng
        at, last = self.span()
        borders = [int(duration(self.contract["availability"].get(key, "0s"))) for key in ("absorb", "min_outage")]
        out, previous = [], None
        while at < last:
            state = rng.choice(("operational",) * 6 + ("degraded", "partial", "major", "major", "maintenance") + UNKNOWN)
            border = rng.choice(borders) or 300
            length = rng.choice((border, border, border - 1, border + 1, 60, 1, rng.randrange(1, 1800)))
            if state == "operational" and self.maybe(0.5):
                length = rng.randrange(600, 8 * 3600)
            for edge in (self.first, self.last):
                if at < edge < at + length + 600 and self.maybe(0.5):
                    length = edge - at + rng.choice((0, 1, 60, length))
            if length > 0 and not (self.maybe(0.05) and previous):
                out.append([service, self.time(at), self.time(at + length), state])
            at, previous = at + length, state
        return out

    def unknown_states(self, service):
        rng = self.rng
        out, at = [], self.first - 3600
        while at < self.last + 3600:
            at += rng.choice((0, 1, 60, rng.randrange(30, max(31, (self.last - self.first) // 3))))
            if self.maybe(0.6):
                at = -floor_minute(-at)
            length = rng.choice((1, 59, 60, 61, 120, 300, 600, rng.randrange(1, 7200)))
            state = rng.choice(UNKNOWN * 3 + ("operational", "major"))
            out.append((at, at + length, state))
            at += length
        rows = [[service, self.time(a), self.time(b), state] for a, b, state in out]
        return rows if self.maybe(0.8) else []

    def announcements(self, trouble):
        """Some where there was trouble, some anywhere."""
        rng = self.rng
        notice = int(duration(self.contract.get("maintenance", {}).get("notice", "0s")))
        out = []
        for _ in range(rng.choice((0, 1, 3, 5, 8))):
            start = rng.randrange(self.first - 3600, self.last)
            if trouble and self.maybe(0.8):
                start = rng.choice(trouble) - rng.choice((0, 0, 60, 300, 30))
            if self.maybe(0.7):
                start = floor_minute(start)
            if self.maybe(0.1):
                start = self.first - rng.choice((0, 60, 1800))
            length = rng.choice((60, 300, 600, 3600, 3600, 7200, 61, rng.randrange(1, 14400)))
            early = rng.choice((notice, notice, notice + 1, notice + 86400, max(0, notice - 1), 0))
            service = rng.choice(self.contract["services"] * 2 + ["*", "*", "not-in-the-contract"])
            row = [service, start - early, start, start + length, "planned"]
            out.append(row)
            if self.maybe(0.25):      # withdrawn before, at, or after its start; sometimes announced again
                out.append([service, row[1] + rng.choice((0, 1, -1, 3600, early + 600)), start, start + length, "cancelled"])
                if self.maybe(0.3):
                    out.append([service, out[-1][1] + 1, start, start + length, "planned"])
            if self.maybe(0.2):       # one that touches or overlaps
                out.append([service, row[1], start + length - rng.choice((0, 0, 30)), start + length + 900, "planned"])
        reasons = ("", "work", 'replace "disk", twice', "Wartung für alle")
        return [[service, *(self.time(t) for t in instants), status, rng.choice(reasons)] for service, *instants, status in out]

    # --- the files ------------------------------------------------------------------------------------

    def dress(self, name, rows):
        """The same rows as CSV in one of the forms that are allowed."""
        rng = self.rng
        rows = list(rows)
        if self.maybe(0.4):
            rng.shuffle(rows)
        columns = len(HEADERS[name])
        if name == "windows" and self.method != "total_failure_runs":
            columns = 5
        if name == "announcements" and not any(row[4] == "cancelled" for row in rows) and self.maybe(0.3):
            columns = 4
        rows = [row + [""] * (columns - len(row)) for row in rows]
        text = csv_text(name, rows, columns, self.maybe(0.2), rng.choice(("\n", "\r\n")))
        return (b"\xef\xbb\xbf" if self.maybe(0.2) else b"") + text.encode()

    # --- money, once the fraction is known ------------------------------------------------------------

    def settle(self, levels):
        """Targets and tiers at the very values that were measured, and beside them. `levels` are exact fractions."""
        rng = self.rng
        points = []
        for level in levels:
            percent = level * 100
            digits = rng.choice((3, 4, 6))
            floor = Fraction(percent * 10**digits // 1, 10**digits)
            points += [percent if decimal(percent) else floor, floor, floor + Fraction(1, 10**digits)]
        points = sorted({p for p in points if decimal(p) and 0 < p <= 100} | {Fraction(95), Fraction(999, 10)})
        self.contract["availability"]["target"] = decimal(rng.choice(points))
        if "latency" in self.contract:
            self.contract["latency"]["target"] = decimal(rng.choice(points))
        if self.maybe(0.75):
            self.credits(points)

    def credits(self, points):
        rng = self.rng
        digits = {"EUR": 2, "JPY": 0, "KWD": 3}
        currency = rng.choice(tuple(digits))
        unit = Fraction(1, 10 ** digits[currency])
        fee = rng.choice((5, 10, 15, 25, 50, 100, 1005, 1240000, rng.randrange(1, 10**6))) * unit
        credits = {}
        if self.maybe(0.2):
            credits["proportional"] = {"multiplier": rng.choice((1, 10, "2.5"))}
        else:
            kind = rng.choice(("percent", "percent", "days", "amount"))
            worth = sorted(rng.sample((1, 2, 5, 10, 25, 30, 50, 100) if kind != "days" else (1, 2, 3, 5, 7, 15, 28), 3))
            below = sorted(rng.sample(points, min(len(points), rng.choice((1, 2, 3)))), reverse=True)
            credits["tiers"] = [{"below": decimal(border), kind: decimal(value * unit * 10) if kind == "amount" else value}
                                for border, value in zip(below, worth)]
        if self.maybe(0.4):
            share = rng.choice((5, 10, 25, 50))
            credits["minimum"] = {"more_than": decimal(rng.choice((fee * share // (100 * unit) * unit, unit, Fraction(1), Fraction(0))))}
        if self.maybe(0.5):
            credits["cap"] = {"percent": rng.choice((5, 10, 25, 30, 100))}
        credits["rounding"] = rng.choice(("half_even", "half_up"))
        self.contract |= {"currency": currency, "fee": decimal(fee), "credits": credits}


def precise(nanoseconds):
    return rfc3339(nanoseconds // SECOND, nanoseconds=nanoseconds % SECOND)


def decimal(value):
    """A fraction as a decimal of at most six digits; empty if it has more."""
    scaled = Fraction(value) * 10**6
    if scaled.denominator != 1:
        return ""
    whole, rest = divmod(scaled.numerator, 10**6)
    return f"{whole}.{rest:06}".rstrip("0").rstrip(".")
