#!/usr/bin/env python3
"""Error budgets, burn rates, alerts and forecasts against a second implementation, in exact fractions, straight from docs/slo.md.

    slo_reference.py SLO_CASE SCHEMA [--seed N] [--cases N]

Makes random objectives and minutes, asks the program SLO_CASE, and compares every figure; each answer is as SCHEMA has it. Plain Python; the seed is printed.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

from statement_schema import findings

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
SILENCES = ["no_traffic", "probe_down", "pipeline_gap", "not_provisioned"]
STEPS = {"month": 1, "quarter": 3, "year": 12}


def minute_of(moment):
    return (moment - EPOCH) // timedelta(minutes=1)


def local(minute, zone):
    return (EPOCH + timedelta(minutes=minute)).astimezone(zone)


def local_start(year, month, day, zone):
    return minute_of(datetime(year, month, day, tzinfo=zone).astimezone(UTC))


def period_of(case, now):
    """(from, to) of the window, and where its slices begin."""
    if "rolling" in case:
        until = now - now % case["slice"]
        return until - case["rolling"], until, 0
    zone = ZoneInfo(case["zone"])
    at = local(now - 1, zone)
    step = STEPS[case["period"]]
    month = at.month - 1 - (at.month - 1) % step
    start = local_start(at.year, month + 1, 1, zone)
    month += step
    end = local_start(at.year + month // 12, month % 12 + 1, 1, zone)
    return start, end, start


class Reference:
    def __init__(self, case, minutes, now):
        self.case, self.minutes = case, minutes
        self.start, self.end, self.grid = period_of(case, now)
        self.until = max(t for t in range(now - case["slice"], now + 1)
                         if (t - self.grid) % case["slice"] == 0 or t == self.end)
        self.until = max(self.until, self.start)
        self.budget = 1 - Fraction(case["target"]) / 100

    def at(self, minute):
        return self.minutes.get(minute, (0, 0, 0, "no_traffic"))

    def lost_of_slice(self, start, stop):
        """None: the slice does not count."""
        rows = [self.at(m) for m in range(start, stop)]
        total, errors, slow = (sum(row[i] for row in rows) for i in range(3))
        if total == 0:
            rules = {self.case["unknown"][row[3]] for row in rows}
            return 1 if "down" in rules else 0 if "up" in rules else None
        if self.case["method"] == "ratio_time_slices":
            return Fraction(errors, total)
        for part, limit in ((errors, "max_error_ratio"), (slow, "max_slow_ratio")):
            if limit in self.case and Fraction(part, total) > Fraction(self.case[limit]):
                return 1
        return 0

    def counts(self, start, stop):
        """What was lost and what there was."""
        if self.case["method"] == "request_ratio":
            rows = [self.at(m) for m in range(start, stop)]
            weight = Fraction(self.case["degraded_weight"])
            return sum(r[1] + weight * r[2] for r in rows), sum(r[0] for r in rows)
        size = self.case["slice"]
        lost = []
        first = start - (start - self.grid) % size
        for begin in range(first, stop, size):
            end = min(begin + size, self.end)
            if start < end <= stop:
                lost.append(self.lost_of_slice(begin, end))
        lost = [x for x in lost if x is not None]
        return sum(lost, Fraction(0)), len(lost)

    def rate(self, start, stop):
        bad, valid = self.counts(start, stop)
        return bad / Fraction(valid) / self.budget if valid else None

    def answer(self):
        length = self.end - self.start
        bad, valid = self.counts(self.start, self.until)
        rate = self.rate(self.start, self.until)
        consumed = (rate or 0) * Fraction(self.until - self.start, length)
        alerts = []
        for share, long, short in self.case["alerts"]:
            factor = Fraction(share) / 100 * length / long
            rates = [self.rate(self.until - w, self.until) for w in (long, short)]
            alerts.append((factor, *rates, all(r is not None and r > factor for r in rates)))
        recent = self.rate(self.until - self.case["forecast"], self.until)
        return {"bad": bad, "valid": valid, "rate": rate, "consumed": consumed,
                "alerts": alerts, "recent": recent, "outlook": self.outlook(1 - consumed, recent),
                "days": self.days()}

    def outlook(self, left, recent):
        if left <= 0:
            return "exhausted", None
        if recent is None:
            return "unknown", None
        if recent == 0 or ("rolling" in self.case and recent <= 1):
            return "lasts", None
        seconds = int(left * (self.end - self.start) * 60 / recent)
        if "rolling" not in self.case and seconds >= (self.end - self.until) * 60:
            return "lasts", None
        return "will_exhaust", EPOCH + timedelta(seconds=self.until * 60 + seconds)

    def days(self):
        zone = ZoneInfo(self.case["zone"])
        found = {}
        for minute in range(self.start, self.until):
            if minute % 15 == 0 or minute == self.start:  # no zone here changes its date elsewhere
                date = local(minute, zone).date().isoformat()
            found.setdefault(date, []).append(minute)
        return [(day, self.rate(rows[0], rows[-1] + 1)) for day, rows in list(found.items())[-56:]]


def random_case(rng, methods):
    case = {"method": rng.choice(methods), "zone": rng.choice(ZONES), "slice": 1,
            "target": rng.choice(["99.9", "99", "95", "99.95", "90", "50", "99.999999"]),
            "degraded_weight": rng.choice(["0", "0.25", "1", "0.3333"]),
            "forecast": rng.choice([5, 60, 360, 1440, 4320]),
            "unknown": {name: rng.choice(["exclude", "up", "down"]) for name in SILENCES}}
    if case["method"] != "request_ratio":
        case["slice"] = rng.choice([1, 1, 5, 7, 10, 60])
    if rng.random() < 0.5:
        case["rolling"] = case["slice"] * rng.choice([60, 120, 24 * 60 // case["slice"] + 1, 500])
    else:
        case["period"] = rng.choice(["month", "month", "month", "quarter"])
    if case["method"] == "time_slices":
        limits = rng.choice([["max_error_ratio"], ["max_slow_ratio"],
                             ["max_error_ratio", "max_slow_ratio"]])
        case.update({limit: rng.choice(["0", "0.1", "0.25", "0.5"]) for limit in limits})
    case["alerts"] = []
    for _ in range(rng.randint(0, 3)):
        long = rng.choice([10, 60, 90, 360])
        long = min(long, case.get("rolling", long))
        case["alerts"].append((rng.choice(["2", "5", "10", "0.5"]), long,
                               rng.choice([s for s in (1, 5, 9) if s < long])))
    return case


def random_now(rng, case):
    if "rolling" in case or rng.random() < 0.3:
        return minute_of(datetime(2026, rng.randint(1, 12), rng.randint(1, 28), tzinfo=UTC)) \
            + rng.randint(1, 1440)
    # Near the start or the end of a month: borders and changes of the clock.
    zone = ZoneInfo(case["zone"])
    return local_start(2026, rng.choice([2, 3, 4, 5, 10, 11, 12]), 1, zone) \
        + rng.choice([0, 1, -1, 59, -61, 3000, -3000, 9000])


def random_minutes(rng, now):
    minutes = {}
    minute = now - rng.choice([100, 1000, 6000])
    busy = rng.choice([3, 20, 1000])
    while minute < now:
        trouble = rng.choice([0, 0, 0, 0.01, 0.1, 0.6])
        quiet = rng.random() < 0.2
        silence = rng.choice(SILENCES)
        for minute in range(minute, minute + rng.choice([1, 7, 60, 400])):
            total = 0 if quiet else rng.randint(0, busy)
            errors = min(total, round(total * trouble * rng.random() * 2))
            minutes[minute] = (total, errors, rng.randint(0, total - errors), silence)
        minute += 1
    return {m: row for m, row in minutes.items() if m < now}


def configuration(case):
    fields = {"id": "o", "service": "s", "method": case["method"], "target": case["target"],
              "forecast": f"{case['forecast']}m", "time_zone": case["zone"]}
    fields["window"] = {"rolling": f"{case['rolling']}m"} if "rolling" in case else case["period"]
    if case["method"] == "request_ratio":
        fields["degraded_weight"] = case["degraded_weight"]
    else:
        fields["slice"] = f"{case['slice']}m"
        fields["unknown"] = case["unknown"]
    for limit in ("max_error_ratio", "max_slow_ratio"):
        if limit in case:
            fields[limit] = case[limit]
    fields["alerts"] = [{"budget": b, "long": f"{l}m", "short": f"{s}m"}
                        for b, l, s in case["alerts"]]
    return json.dumps({"slos": [fields]})  # JSON is YAML


def fraction(value):
    return value and Fraction(int(value["numerator"]), int(value["denominator"]))


def told(document):
    """The program's answer in the shape of the reference."""
    for value in (document["budget"]["consumed"], document["budget"]["left"]):
        assert fraction(value).denominator == int(value["denominator"]), "not in lowest terms"
    assert fraction(document["budget"]["left"]) == 1 - fraction(document["budget"]["consumed"])
    outlook = document["forecast"]
    gone = outlook["exhausted_at"]
    bad = document["burn"]["bad"]  # nine decimals; "..." where it has more
    return {"bad": bad, "valid": document["burn"]["valid"],
            "rate": fraction(document["burn"]["rate"]),
            "consumed": fraction(document["budget"]["consumed"]),
            "alerts": [(fraction(a["factor"]), fraction(a["long"]["rate"]),
                        fraction(a["short"]["rate"]), a["firing"]) for a in document["alerts"]],
            "recent": fraction(outlook["recent"]["rate"]),
            "outlook": (outlook["outlook"], gone and datetime.fromisoformat(
                gone.replace("Z", "+00:00"))),
            "days": [(day["date"], fraction(day["rate"])) for day in document["days"]]}


def main():
    if hasattr(sys, "set_int_max_str_digits"):
        sys.set_int_max_str_digits(0)
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("schema")
    parser.add_argument("--seed", type=int, default=20261101)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--methods", default="request_ratio,time_slices,ratio_time_slices")
    options = parser.parse_args()
    schema = json.loads(Path(options.schema).read_text())
    rng = random.Random(options.seed)
    print(f"seed {options.seed}")
    seen = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "slo.yaml"
        for number in range(options.cases):
            case = random_case(rng, options.methods.split(","))
            now = random_now(rng, case)
            minutes = random_minutes(rng, now)
            path.write_text(configuration(case))
            lines = "".join(f"{m} {t} {e} {s} {q}\n" for m, (t, e, s, q) in minutes.items())
            done = subprocess.run([options.program, str(path), str(now)], input=lines,
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                sys.exit(f"case {number}: {done.stderr}\n{path.read_text()}")
            document = json.loads(done.stdout)
            if wrong := findings(document, schema["$defs"]["slo"], schema):
                sys.exit(f"case {number}: {wrong[0]}\n{done.stdout}")
            wanted, got = Reference(case, minutes, now).answer(), told(document)
            for key in wanted:
                if key == "bad" and got[key].endswith("..."):
                    same = 0 < wanted[key] - Fraction(got[key][:-3]) < Fraction(1, 10**9)
                else:
                    same = wanted[key] == (Fraction(got[key]) if key == "bad" else got[key])
                if not same:
                    sys.exit(f"case {number}, now {now}: {key}: wanted {wanted[key]}, "
                             f"got {got[key]}\n{path.read_text()}")
            seen[wanted["outlook"][0]] = seen.get(wanted["outlook"][0], 0) + 1
            for alert in wanted["alerts"]:
                seen[f"firing {alert[3]}"] = seen.get(f"firing {alert[3]}", 0) + 1
    print(f"{options.cases} cases agree: {seen}")
    wanted = {"lasts", "will_exhaust", "exhausted", "unknown", "firing True", "firing False"}
    if options.cases >= 100 and not wanted <= seen.keys():
        sys.exit(f"never seen: {wanted - seen.keys()}")


if __name__ == "__main__":
    main()
