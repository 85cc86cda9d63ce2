#!/usr/bin/env python3
"""`uptally verify` on statements of random contracts: each agrees as it was computed, and with any figure changed it does not.

    verify_cases.py SLA_CASE UPTALLY [--seed N] [--cases N]

Canonical JSON and the digest of the terms are written here a second time, and so is the uptime of the statements whose fractions have thousands of digits.
Plain Python; the seed is printed.
"""

import argparse
import copy
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path


FROM = 1790812800  # 2026-10-01T00:00:00Z
STATES = ("operational", "degraded", "partial", "major", "no_traffic", "probe_down", "pipeline_gap", "not_provisioned")


def terms_of(dice, services):
    """The lines of a random contract."""
    tiers = sorted(dice.sample(range(1, 1000), dice.randint(1, 3)), reverse=True)
    lines = [f"zone {dice.choice(('UTC', 'Europe/Berlin', 'Asia/Kolkata'))}", f"from {FROM}",
             f"method {dice.choice(('state_time', 'request_ratio'))}", f"target {dice.choice(('99.9', '99', '80', '50'))}",
             f"digits {dice.randint(0, 6)}", f"excluded {dice.choice(('none', 'remove', 'forgive'))}",
             "weights 0.25 0.5 1", f"currency {dice.choice(('EUR', 'JPY', 'KWD'))}", f"fee {dice.randint(1, 99999)}",
             f"rounding {dice.choice(('half_even', 'half_up'))}"]
    lines += [f"unknown {name} {dice.choice(('exclude', 'up', 'down'))}" for name in STATES[4:]]
    lines += [f"tier {below / 10} {percent}" for below, percent in zip(tiers, (10, 12.5, 50))]
    lines += [f"minimum {dice.randint(0, 300)}"] if dice.random() < 0.5 else []
    lines += [f"cap {dice.randint(1, 60)}"] if dice.random() < 0.5 else []
    pools = ("per_service", "sum") if "request_ratio" in lines[2] else ("per_service", "sum", "all_required", "any_enough")
    return lines + [f"pool {dice.choice(pools) if services > 1 else 'none'}"]


def random_case(dice):
    """A contract and one to three services with trouble, as sla_case reads it."""
    services = dice.randint(1, 3)
    length = dice.randint(60, 72 * 60) * 60
    lines = terms_of(dice, services) + [f"to {FROM + length}"]
    for number in range(services):
        lines.append(f"service s{number}")
        at = FROM
        while at < FROM + length:
            end = min(FROM + length, at + dice.choice((60, 600, 7200, 86400)) * dice.randint(1, 5))
            lines.append(f"state {at} {end} {dice.choice(STATES[:1] * 12 + STATES)}")
            at = end
        for minute in range(0, length // 60, dice.randint(5, 50)):
            total = dice.randint(1, 1000)
            errors = dice.choice((0, 0, 0, dice.randint(0, total)))
            lines.append(f"count {FROM + minute * 60} {total} {errors} {dice.randint(0, total - errors)}")
    start = FROM + dice.randrange(length // 60) * 60
    lines.append(f"announce {start} {start + 3600} {start - 86400} 0 s0")
    return "\n".join(lines) + "\n"


def primes(low, count):
    found = []
    while len(found) < count:
        if all(low % divisor for divisor in range(2, int(low ** 0.5) + 1)):
            found.append(low)
        low += 1
    return found


def long_case(dice):
    """(lines, uptime): hundreds of slices whose totals have no common factor, so that nothing of the fraction cancels."""
    method = dice.choice(("ratio_time_slices", "mean_interval_errors", "proportional"))
    slices = dice.randint(700, 1000)
    length = slices * 600
    lines = ["zone UTC", f"from {FROM}", f"method {method}", "slice 600", "target 80", f"digits {dice.randint(0, 6)}",
             "excluded none", "pool none", "currency EUR", "fee 1000", "rounding half_even", "tier 75 10", "tier 50 20"]
    lines += [f"unknown {name} {'up' if name == 'no_traffic' else 'exclude'}" for name in STATES[4:]]
    lines += [f"to {FROM + length}", "service s0", f"state {FROM} {FROM + length} operational"]
    lost = Fraction(0)
    for number, total in enumerate(primes(dice.randint(2000, 30000), slices)):
        errors = dice.randint(1, total - 1)
        lines.append(f"count {FROM + number * 600} {total} {errors} 0")
        lost += Fraction(errors, total)
    uptime = 1 - (lost * 60 / length if method == "proportional" else lost / slices)
    return "\n".join(lines) + "\n", uptime


def canonical(document):
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def with_digest(document):
    """SLA_CASE has no configuration, and so no digest of it."""
    terms = json.dumps(document["contract"]["terms"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    document["contract"]["digest"] = hashlib.sha256(terms.encode()).hexdigest()
    return document


def last_digit(text):
    """The same decimal with another last digit."""
    return text[:-1] + ("1" if text[-1] != "1" else "2")


def changed(document, dice):
    """(what, document) with one figure that is not what it was, each by itself plausible."""
    def edit(what, change):
        other = copy.deepcopy(document)
        change(other)
        return what, other

    def set_at(*path, value):
        def change(other):
            inner = other
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value
        return change

    column = dice.choice(sorted(document["seconds"]))
    service = dice.randrange(len(document["services"]))
    yield edit("a second more at the top", set_at("seconds", column, value=document["seconds"][column] + 1))
    own = document["services"][service]["seconds"]
    yield edit("a second more of a service", set_at("services", service, "seconds", column, value=own[column] + 1))
    other = dice.choice(sorted(set(own) - {column}))
    if own[column] > 0:
        def move(moved):
            moved["services"][service]["seconds"][column] -= 1
            moved["services"][service]["seconds"][other] += 1
        yield edit("a second in another column than its day", move)
    yield edit("another revision", set_at("revision", value=2))
    yield edit("another length", set_at("period", "seconds", value=document["period"]["seconds"] + 1))
    if document["credit"]:
        amount = document["credit"]["amount_minor"]
        yield edit("a cent more", set_at("credit", "amount_minor", value=amount + 1))
    if document["uptime"]:
        uptime = document["uptime"]
        yield edit("another percent", set_at("uptime", "percent", value=last_digit(uptime["percent"])))
        yield edit("more than all", set_at("uptime", "numerator", value=str(int(uptime["denominator"]) + 1)))
        yield edit("the other verdict", set_at("met", value=not document["met"]))
        percent, unit = Fraction(uptime["percent"]) / 100, Fraction(1, 10 ** (document["contract"]["terms"]["digits"] + 2))
        above = (percent + unit) * int(uptime["denominator"])
        yield edit("a fraction above its percent", set_at("uptime", "numerator", value=str(-(-above.numerator // above.denominator))))
        if percent > 0:
            below = percent * int(uptime["denominator"])
            yield edit("a fraction below its percent", set_at("uptime", "numerator", value=str(-(-below.numerator // below.denominator) - 1)))
        if document["tier"]:
            yield edit("no tier", set_at("tier", value=None))
        border = dice.randrange(len(document["borders"]))
        yield edit("another side of a border",
                   set_at("borders", border, "missed", value=not document["borders"][border]["missed"]))


def verify(program, folder):
    """Names of the files that do not agree, with their findings."""
    done = subprocess.run([program, "verify", folder, "--format", "json", "--quiet"], capture_output=True, text=True)
    if done.returncode not in (0, 9):
        sys.exit(f"verify: status {done.returncode}: {done.stderr[-2000:]}")
    return {Path(file["path"]).name: file["findings"] for file in json.loads(done.stdout)["files"] if file["finding_count"]}


def statement_of(program, case):
    answer = subprocess.run([program], input=case, capture_output=True, text=True, check=True)
    document = json.loads(answer.stdout)
    return with_digest(document) if document else None


def statement(program, dice, number):
    """Of a random contract; every tenth has a long fraction, which is held against the one computed here."""
    if number % 10 != 1:
        return statement_of(program, random_case(dice))
    case, uptime = long_case(dice)
    document = statement_of(program, case)
    told = document["uptime"]
    if Fraction(int(told["numerator"]), int(told["denominator"])) != uptime or len(told["denominator"]) < 2000:
        sys.exit(f"case {number}: not the uptime, or no long fraction")
    return document


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sla_case")
    parser.add_argument("uptally")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 9))
    parser.add_argument("--cases", type=int, default=60)
    options = parser.parse_args()
    print(f"seed {options.seed}, {options.cases} cases", flush=True)
    sys.set_int_max_str_digits(0)
    with tempfile.TemporaryDirectory() as sound, tempfile.TemporaryDirectory() as spoilt:
        wanted = {}
        for number in range(1, options.cases + 1):
            dice = random.Random(f"{options.seed}/{number}")
            document = statement(options.sla_case, dice, number)
            if document is None:
                continue
            (Path(sound) / f"statement-r{number}.json").write_text(canonical(document), encoding="utf-8")
            for index, (what, other) in enumerate(changed(document, dice)):
                name = f"statement-r{number}{index:02}.json"
                (Path(spoilt) / name).write_text(canonical(other), encoding="utf-8")
                wanted[name] = what
        found = verify(options.uptally, sound)
        if found:
            sys.exit(f"computed, but does not agree: {found}")
        found = verify(options.uptally, spoilt)
        missed = {what for name, what in wanted.items() if name not in found}
        if missed or len(wanted) < options.cases:
            sys.exit(f"{len(wanted)} changes; not noticed: {missed}")
    print(f"{len(wanted)} changed figures, all noticed")


if __name__ == "__main__":
    main()
