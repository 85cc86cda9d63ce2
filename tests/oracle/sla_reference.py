#!/usr/bin/env python3
"""The arithmetic of statements against a second implementation: second by second, in exact fractions, straight from docs/sla-methods.md.

    sla_reference.py SLA_CASE [--seed N] [--cases N] [--keep FILE]

Makes random small contracts with timelines, counts and announcements, asks the program SLA_CASE for the statement of each, and compares
uptime, seconds, tier and credit. Plain Python; the seed is printed.
"""

import argparse
import json
import random
import subprocess
import sys
from fractions import Fraction
from math import floor

KNOWN = ["operational", "degraded", "partial", "major"]
UNKNOWN = ["no_traffic", "probe_down", "pipeline_gap", "not_provisioned"]
COLUMNS = ["up", "degraded", "partial", "major", "maintenance"] + UNKNOWN
COLUMN_OF = {"operational": "up"} | {name: name for name in KNOWN[1:] + UNKNOWN}
DIGITS = {"EUR": 2, "JPY": 0, "KWD": 3}


def seconds_of(rows, begin, end):
    """The state of every second of [begin, end): what no row says is not_provisioned before the first row, pipeline_gap behind."""
    state = {}
    first = min((row[0] for row in rows), default=None)
    for second in range(begin, end):
        state[second] = "not_provisioned" if first is None or second < first else "pipeline_gap"
    for start, stop, grade in rows:
        for second in range(start, stop):
            state[second] = grade
    return state


def runs_of(state, begin, end):
    """[start, stop, value] of equal neighbours."""
    runs = []
    for second in range(begin, end):
        if runs and runs[-1][2] == state[second]:
            runs[-1][1] = second + 1
        else:
            runs.append([second, second + 1, state[second]])
    return runs


def absorb(state, begin, end, longest):
    """Intervals of at most `longest`, from left to right, take the state on both sides; each is judged once."""
    pieces = runs_of(state, begin, end)
    index = 1
    while index < len(pieces) - 1:
        left, piece, right = pieces[index - 1:index + 2]
        if (piece[1] - piece[0] <= longest and left[2] == right[2]
                and {left[2], piece[2]} <= set(KNOWN)):
            pieces[index - 1:index + 2] = [[left[0], right[1], left[2]]]
        else:
            index += 1
    for start, stop, grade in pieces:
        for second in range(start, stop):
            state[second] = grade


def forgive_short(state, begin, end, weights, shortest):
    lossy = {second: weights.get(state[second], 0) > 0 for second in range(begin, end)}
    for start, stop, bad in runs_of(lossy, begin, end):
        if bad and stop - start < shortest:
            for second in range(start, stop):
                state[second] = "operational"


def covered_seconds(case, service, begin, end):
    """Seconds that announced maintenance covers under the contract."""
    if case["excluded"] == "none":
        return set()
    timely = sorted((a["from"], a["to"]) for a in case["announcements"]
                    if a["service"] in ("*", service) and not a["cancelled"]
                    and a["announced"] + case["notice"] <= a["from"] and a["from"] < a["to"])
    united = []
    for start, stop in timely:
        if united and start <= united[-1][1]:
            united[-1][1] = max(united[-1][1], stop)
        else:
            united.append([start, stop])
    windows = [range(max(start, begin), min(stop, end)) for start, stop in united]
    windows = [window for window in windows if len(window) > 0]
    if case["quota_windows"] is not None:
        windows = windows[:case["quota_windows"]]
    covered = [second for window in windows for second in window]
    if case["quota_seconds"] is not None:
        covered = covered[:case["quota_seconds"]]
    return set(covered)


def share_of(case, grade):
    """Good share of a second in that state, or None if it is excluded."""
    if grade in KNOWN:
        return 1 - case["weights"].get(grade, Fraction(0))
    return {"exclude": None, "up": Fraction(1), "down": Fraction(0)}[case["unknown"][grade]]


def measure_states(case, service, begin, end, valid):
    """(column, share or None) of every second."""
    rows = service["states"]
    lowest = min([begin, valid[0]] + [row[0] for row in rows])
    highest = max([end, valid[1]] + [row[1] for row in rows])
    state = seconds_of(rows, lowest, highest)
    absorb(state, lowest, highest, case["absorb"])
    forgive_short(state, lowest, highest, case["weights"], case["min_outage"])
    covered = covered_seconds(case, service["name"], *valid)
    booked = []
    for second in range(begin, end):
        if not valid[0] <= second < valid[1]:
            booked.append(("up", Fraction(1)))
            continue
        share = share_of(case, state[second])
        if share is not None and share < 1 and second in covered:
            booked.append(("maintenance", None if case["excluded"] == "remove" else Fraction(1)))
        else:
            booked.append((COLUMN_OF[state[second]], share))
    return booked


def measure_requests(case, service, begin, end, valid):
    """(good, valid) and the column of every second."""
    rows = service["states"]
    state = seconds_of(rows, min([begin] + [r[0] for r in rows]), max([end] + [r[1] for r in rows]))
    covered = covered_seconds(case, service["name"], *valid)
    columns = ["up" if not valid[0] <= second < valid[1] else COLUMN_OF[state[second]]
               for second in range(begin, end)]
    for second in range(*valid):
        minute = second // 60 * 60
        bad = ("degraded", "partial", "major") if state[second] in KNOWN else [u for u in UNKNOWN if case["unknown"][u] == "down"]
        if state[second] in bad and covered.issuperset(range(minute, minute + 60)):
            columns[second - begin] = "maintenance"
    good = total = Fraction(0)
    for minute, requests, errors, slow in service["counts"]:
        if not valid[0] <= minute < valid[1]:
            continue
        lost = errors + case["degraded_weight"] * slow
        # Void only if no second of the minute is known (decision 21).
        if all(state.get(second, "no_traffic") in UNKNOWN for second in range(minute, minute + 60)):
            rule = case["unknown"][state[minute]]
            if rule == "exclude":
                continue
            lost = Fraction(requests if rule == "down" else 0)
        if lost > 0 and covered.issuperset(range(minute, minute + 60)):
            for second in range(minute, min(minute + 60, valid[1])):
                if state[second] in KNOWN:
                    columns[second - begin] = "maintenance"
            if case["excluded"] == "remove":
                continue
            lost = Fraction(0)
        good += requests - lost
        total += requests
    return good, total, columns


def count_columns(columns):
    return {name: columns.count(name) for name in COLUMNS}


def pool_moment(case, booked):
    """Of what all services say of one second: the lowest or highest share of those that are measured."""
    measured = [entry for entry in booked if entry[1] is not None]
    if not measured:
        return next((e for e in booked if e[0] == "maintenance"), booked[0])
    best = (min if case["pool"] == "all_required" else max)(share for _, share in measured)
    equal = [entry for entry in measured if entry[1] == best]
    return next((entry for entry in equal if entry[0] not in UNKNOWN), equal[0])


def measure(case):
    """(good, valid, columns) per service and of all."""
    begin, end = case["from"], case["to"]
    valid = max(begin, case["valid"][0]), min(end, case["valid"][1])
    if valid[0] >= valid[1]:
        return None
    if case["partial"] == "pro_rata":
        begin, end = valid
    results = []
    moments = []
    for service in case["services"]:
        if case["method"] == "state_time":
            booked = measure_states(case, service, begin, end, valid)
            shares = [share for _, share in booked if share is not None]
            results.append((sum(shares, Fraction(0)), Fraction(len(shares)),
                            count_columns([column for column, _ in booked])))
            moments.append(booked)
        else:
            good, total, columns = measure_requests(case, service, begin, end, valid)
            results.append((good, total, count_columns(columns)))
    if case["pool"] in ("all_required", "any_enough"):
        pooled = [pool_moment(case, entries) for entries in zip(*moments)]
        shares = [share for _, share in pooled if share is not None]
        top = (sum(shares, Fraction(0)), Fraction(len(shares)), count_columns([c for c, _ in pooled]))
    elif case["pool"] == "sum":
        top = (sum(r[0] for r in results), sum(r[1] for r in results),
               {name: sum(r[2][name] for r in results) for name in COLUMNS})
    else:
        known = [r for r in results if r[1] > 0]
        top = min(known, key=lambda r: r[0] / r[1]) if known else results[0]
    return results, top


def credit_minor(case, uptime):
    """(tier, amount in minor units)."""
    passed = [tier for tier in case["tiers"] if uptime is not None and uptime < tier[0] / 100]
    if not passed:
        return None, 0
    tier = min(passed)
    amount = case["fee"] * tier[1] / 100
    if case["minimum"] is not None and not amount > case["minimum"]:
        amount = Fraction(0)
    if case["cap"] is not None:
        amount = min(amount, case["fee"] * case["cap"] / 100)
    scaled = amount * 10 ** DIGITS[case["currency"]]
    return tier, round(scaled) if case["rounding"] == "half_even" else floor(scaled + Fraction(1, 2))


def decimal(value):
    """Text of a fraction with at most 6 decimals."""
    scaled = value * 10 ** 6
    assert scaled.denominator == 1
    whole, rest = divmod(abs(scaled.numerator), 10 ** 6)
    return f"{'-' if value < 0 else ''}{whole}.{rest:06d}"


def random_rows(rng, begin, end):
    """States between begin and end, some time left out, lengths from seconds to most of the period."""
    rows = []
    at = begin - rng.choice([0, 0, 300, 900])
    while at < end + rng.choice([0, 300]):
        if rng.random() < 0.06:
            at += rng.randint(1, 200)
        length = rng.choice([15, 60, 300, rng.randint(1, 20), rng.randint(1, 120), rng.randint(60, 900)])
        grade = rng.choice(["operational"] * 5 + KNOWN + ["major"] + UNKNOWN)
        rows.append((at, at + length, grade))
        at += length
    return rows if rng.random() > 0.03 else []


def random_counts(rng, begin, end):
    counts = []
    for minute in range(begin // 60 * 60 - 60, end + 60, 60):
        if rng.random() < 0.8:
            total = rng.choice([0, rng.randint(1, 5), rng.randint(1, 1000)])
            errors = rng.randint(0, total) if rng.random() < 0.3 else 0
            slow = rng.randint(0, total - errors) if rng.random() < 0.3 else 0
            counts.append((minute, total, errors, slow))
    return counts


def random_announcements(rng, begin, end, names):
    announcements = []
    for _ in range(rng.randint(0, 5)):
        start = rng.randint(begin - 600, end)
        announcements.append({
            "from": start, "to": start + rng.choice([1, 59, 60, 300, rng.randint(1, 2000)]),
            "announced": start - rng.choice([-10, 0, 599, 600, 601, 5000]),
            "cancelled": rng.random() < 0.15, "service": rng.choice(names + ["*"])})
    return announcements


def random_case(rng):
    begin = 1_790_805_600 + 60 * rng.randint(0, 100_000)
    end = begin + 60 * rng.randint(5, 60)
    method = rng.choice(["state_time", "state_time", "request_ratio"])
    names = ["alpha", "beta", "gamma"][:rng.choice([1, 1, 2, 3])]
    pools = ["per_service", "sum"] + (["all_required", "any_enough"] if method == "state_time" else [])
    cuts = sorted(rng.randint(begin - 60, end + 60) for _ in range(2))
    below = sorted(rng.sample(list(range(500, 1000, 7)) + [1000] * 30, rng.randint(0, 3)), reverse=True)
    below = sorted(set(below), reverse=True)
    weights = {name: Fraction(rng.choice([0, 1, 10, 25, 50, 100]), 100) for name in KNOWN[1:]}
    return {
        "from": begin, "to": end, "method": method, "weights": weights if method == "state_time" else {},
        "target": Fraction(rng.choice([9000, 9500, 9990, 9995, 10000]), 100),
        "pool": rng.choice(pools) if len(names) > 1 else "none",
        "degraded_weight": Fraction(rng.choice([0, 25, 100]), 100),
        "min_outage": rng.choice([0, 0, 60, 300]) if method == "state_time" else 0,
        "absorb": rng.choice([0, 0, 15, 60]) if method == "state_time" else 0,
        "unknown": {name: rng.choice(["exclude", "up", "down"]) for name in UNKNOWN},
        "excluded": rng.choice(["none", "remove", "remove", "forgive"]),
        "notice": rng.choice([0, 600]), "quota_windows": rng.choice([None, None, 0, 1, 2]),
        "quota_seconds": rng.choice([None, None, 60, 600]),
        "valid": (cuts[0], cuts[1] + 1) if rng.random() < 0.3 else (-10 ** 12, 10 ** 12),
        "partial": rng.choice(["pro_rata", "deemed_up"]), "currency": rng.choice(list(DIGITS)),
        "fee": Fraction(rng.randint(0, 10 ** 6), 1000),
        "tiers": [(Fraction(b, 10), Fraction(rng.randint(1, 10000), 100)) for b in below],
        "minimum": rng.choice([None, Fraction(1), Fraction(rng.randint(0, 100))]),
        "cap": rng.choice([None, Fraction(10), Fraction(50)]),
        "rounding": rng.choice(["half_even", "half_up"]),
        "services": [{"name": name, "states": random_rows(rng, begin, end),
                      "counts": random_counts(rng, begin, end)} for name in names],
        "announcements": random_announcements(rng, begin, end, names),
    }


def case_text(case):
    lines = ["zone UTC"] + [f"{key} {case[key]}" for key in (
        "from", "to", "method", "pool", "min_outage", "absorb", "excluded", "notice", "partial",
        "currency", "rounding")]
    lines += [f"{key} {decimal(case[key])}" for key in ("target", "degraded_weight", "fee")]
    lines += [f"{key} {case[key]}" for key in ("quota_windows", "quota_seconds")
              if case[key] is not None]
    lines += [f"{key} {decimal(case[key])}" for key in ("minimum", "cap") if case[key] is not None]
    if case["weights"]:
        lines.append("weights " + " ".join(decimal(case["weights"][name]) for name in KNOWN[1:]))
    lines += [f"unknown {name} {rule}" for name, rule in case["unknown"].items()]
    lines.append("valid {} {}".format(*case["valid"]))
    lines += [f"tier {decimal(b)} {decimal(p)}" for b, p in case["tiers"]]
    for service in case["services"]:
        lines.append("service " + service["name"])
        lines += ["state {} {} {}".format(*row) for row in service["states"]]
        lines += ["count {} {} {} {}".format(*row) for row in service["counts"]]
    lines += ["announce {from} {to} {announced} {} {service}".format(int(a["cancelled"]), **a)
              for a in case["announcements"]]
    return "\n".join(lines) + "\n"


def compare_measure(where, document, expected, differences):
    good, valid, columns = expected
    uptime = document["uptime"]
    found = None if uptime is None else Fraction(int(uptime["numerator"]), int(uptime["denominator"]))
    if found != (good / valid if valid else None):
        differences.append(f"{where}: uptime {found}, expected {good}/{valid}")
    if uptime is not None:
        floored = floor(good / valid * 100 * 1000)
        if uptime["percent"] != f"{floored // 1000}.{floored % 1000:03d}":
            differences.append(f"{where}: percent {uptime['percent']}, expected {floored}/1000")
    for name in COLUMNS:
        if document["seconds"][name] != columns[name]:
            differences.append(f"{where}: {name} {document['seconds'][name]} s, expected {columns[name]} s")


def compare(case, document):
    """Differences as texts."""
    expected = measure(case)
    if expected is None or document is None:
        return [] if expected is None and document is None else ["only one of both has a result"]
    results, top = expected
    differences = []
    compare_measure("all", document, top, differences)
    for service, result, entry in zip(case["services"], results, document["services"]):
        compare_measure(service["name"], entry, result, differences)
    uptime = top[0] / top[1] if top[1] else None
    met = None if uptime is None else uptime >= case["target"] / 100
    if document["met"] != met:
        differences.append(f"met {document['met']}, expected {met}")
    tier, amount = credit_minor(case, uptime)
    found = document["tier"] and (Fraction(document["tier"]["below"]), Fraction(document["tier"]["percent"]))
    if found != tier:
        differences.append(f"tier {found}, expected {tier}")
    if document["credit"]["amount_minor"] != amount:
        differences.append(f"credit {document['credit']['amount_minor']}, expected {amount}")
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 9))
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--keep", help="write the first case that differs to this file")
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.cases} cases", flush=True)
    measured = credited = 0
    for number in range(options.cases):
        case = random_case(random.Random(f"{options.seed}/{number}"))
        text = case_text(case)
        answer = subprocess.run([options.program], input=text, capture_output=True, text=True)
        if answer.returncode != 0:
            sys.exit(f"case {number}: status {answer.returncode}: {answer.stderr[-2000:]}")
        document = json.loads(answer.stdout)
        differences = compare(case, document)
        if differences:
            if options.keep:
                with open(options.keep, "w", encoding="utf-8") as file:
                    file.write(text)
            sys.exit(f"case {number} ({case['method']}, {case['pool']}):\n  " + "\n  ".join(differences))
        measured += document is not None and document["uptime"] is not None
        credited += document is not None and document["credit"]["amount_minor"] > 0
    if measured < options.cases // 2 or credited < options.cases // 10:
        sys.exit(f"the cases say too little: {measured} measured, {credited} with a credit")
    print(f"all agree: {measured} measured, {credited} with a credit")


if __name__ == "__main__":
    main()
