#!/usr/bin/env python3
"""A brute-force evaluator of contracts: second by second, in exact fractions.

    brute.py CONTRACT.json --month 2026-10 [--windows W.csv] [--states S.csv] [--announcements A.csv]
    brute.py CONTRACT.json --from T --to T [...] [--slow]

CONTRACT.json is the list under `contracts` in the configuration, or one of them. It answers as `uptally evaluate --format json` does. It was
written from docs/sla-methods.md and decisions 9 and 21 alone and shares nothing with the program: simple rather than fast. By
default seconds in which nothing changes are taken together; --slow takes every second by itself, and a test shows that both agree.
Plain Python.
"""

import argparse
import json
import sys
from fractions import Fraction

import brute_methods as methods
from brute_data import UNKNOWN, Service, instant, table
from brute_money import shown, verdict
from brute_terms import Refused, choose, duration

COLUMNS = ("up", "degraded", "partial", "major", "maintenance") + UNKNOWN + ("outside_hours",)


# --- pools ----------------------------------------------------------------------------------------------

def total(measure, ground):
    """Numerator and denominator of what was measured."""
    if measure.fraction is not None:
        return measure.fraction
    if measure.units is not None:
        weighed = [(share, 1) for share in measure.units.values()]
    else:
        weighed = [(share, end - start) for (start, end), share in zip(ground.moments, measure.shares)]
    weights = {}
    for share, weight in weighed:
        if share is not None:
            weights[share] = weights.get(share, 0) + weight
    return sum(share * weight for share, weight in weights.items()), sum(weights.values())


def seconds(measure, ground):
    sums = dict.fromkeys(COLUMNS, 0)
    for (start, end), column in zip(ground.moments, measure.columns):
        sums[column] += end - start
    return sums


def speaker(measures, moment, better):
    """Which service a pooled moment shows: the best or worst share, a known column before an unknown one, then order."""
    measured = [m for m in measures if m.shares[moment] is not None]
    if measured:
        sign = -1 if better else 1
        return min(measured, key=lambda m: (sign * m.shares[moment], m.columns[moment] in UNKNOWN))
    resting = [m for m in measures if m.columns[moment] == "maintenance"]
    return (resting or measures)[0]


def united(measures, better):
    """Each moment, and each slice, judged on the services that are measured then."""
    picked = [speaker(measures, moment, better) for moment in range(len(measures[0].columns))]
    columns = [measure.columns[moment] for moment, measure in enumerate(picked)]
    shares = [measure.shares[moment] for moment, measure in enumerate(picked)]
    if measures[0].units is None:
        return methods.Measure(columns, shares)
    units = {}
    for number in measures[0].units:
        values = [m.units[number] for m in measures if m.units[number] is not None]
        units[number] = (max if better else min)(values) if values else None
    return methods.Measure(columns, shares, units=units)


def pooled(measures, terms, ground):
    """(uptime or None, seconds) of the contract and of each service."""
    def answer(fractions, sums):
        good, measured = (sum(parts) for parts in zip(*fractions))
        return (Fraction(good) / measured if measured else None), sums

    each = [answer([total(m, ground)], seconds(m, ground)) for m in measures]
    if len(each) == 1:
        return each[0], each
    if terms.pool == "sum":
        sums = {column: sum(part[1][column] for part in each) for column in COLUMNS}
        return answer([total(m, ground) for m in measures], sums), each
    if terms.pool == "per_service":
        known = [part for part in each if part[0] is not None]
        return (min(known, key=lambda part: part[0]) if known else each[0]), each
    top = united(measures, terms.pool == "any_enough")
    return answer([total(top, ground)], seconds(top, ground)), each


# --- levels ---------------------------------------------------------------------------------------------

def slice_borders(terms, length):
    return range(terms.first, terms.last, int(length))


def availability(terms, services, slow):
    """(uptime, seconds) of the contract and of each service."""
    rules = terms.availability
    method = rules["method"]
    if method == "total_failure_runs":
        return total_failure(terms, services, slow)
    length = rules.get("slice") or rules.get("interval")
    ground = methods.Ground(terms, services, slow, slice_borders(terms, duration(length)) if length else ())
    extra = (rules,) if method == "time_slices" else ()
    measures = [getattr(methods, method)(service, ground, *extra) for service in services]
    return pooled(measures, terms, ground)


def total_failure(terms, services, slow):
    """The fraction knows fractions of seconds; the columns hold whole seconds."""
    borders = [border for service in services for run in methods.failure_runs(service) for border in run]
    answers = []
    for whole in (False, True):
        ground = methods.Ground(terms, services, slow, [b // 1 if whole else b for b in borders])
        measures = [methods.total_failure_runs(service, ground, whole) for service in services]
        answers.append((measures, pooled(measures, terms, ground)))
    (_, exact_pool), (_, whole_pool) = answers
    top = [part[0] for part in exact_pool[1]].index(exact_pool[0][0]) if terms.pool == "per_service" else None
    sums = whole_pool[0][1] if top is None else whole_pool[1][top][1]
    each = [(uptime, columns) for (uptime, _), (_, columns) in zip(exact_pool[1], whole_pool[1])]
    return (exact_pool[0][0], sums), each


def latency(terms, services, slow):
    """The share of slices that are fast enough, of the contract and of each service."""
    if terms.latency is None:
        return None, [None] * len(services)
    ground = methods.Ground(terms, services, slow, slice_borders(terms, duration(terms.latency["slice"])))
    rules = {"slice": terms.latency["slice"], "max_slow_ratio": terms.latency["max_slow_ratio"]}
    top, each = pooled([methods.time_slices(service, ground, rules) for service in services], terms, ground)
    return top[0], [part[0] for part in each]


# --- the answer -----------------------------------------------------------------------------------------

def fraction(terms, uptime):
    if uptime is None:
        return None
    return {"numerator": uptime.numerator, "denominator": uptime.denominator,
            "percent": shown(uptime, int(terms.contract.get("digits", 3)))}


def entry(terms, level, fast):
    uptime, sums = level
    met, tier, minor = verdict(terms, uptime, fast)
    credit = None
    if "credits" in terms.contract:
        credit = {"amount_minor": minor, "currency": terms.contract["currency"]}
    out = {"uptime": fraction(terms, uptime), "met": met, "seconds": sums, "tier": tier, "credit": credit}
    if terms.latency is not None:
        out["latency"] = fraction(terms, fast)
    return out


class Measured:
    """What was measured; the answer follows from it and from targets, tiers and fee, which may still change."""

    def __init__(self, contracts, month=None, interval=None, windows=None, states=None, announcements=None, slow=False):
        self.terms = terms = choose(contracts, month, interval)
        if terms.availability["method"] == "state_time" and states is None:
            raise Refused("state_time needs --states")
        files = [table(windows), table(states), table(announcements)]
        services = [Service(name, terms, *files) for name in terms.services]
        self.top, self.each = availability(terms, services, slow)
        self.fast, self.fast_each = latency(terms, services, slow)

    def levels(self):
        return [level for level in (self.top[0], self.fast) if level is not None]

    def answer(self):
        terms = self.terms
        answer = {"contract": terms.contract["id"],
                  "period": {"from": terms.first, "to": terms.last, "seconds": terms.last - terms.first}}
        answer |= entry(terms, self.top, self.fast)
        answer["services"] = [{"service": name} | entry(terms, level, fast)
                              for name, level, fast in zip(terms.services, self.each, self.fast_each)]
        return answer


def evaluate(*arguments, **files):
    """The answer for a contract (all its versions), from CSV files; raises Refused."""
    return Measured(*arguments, **files).answer()


def main(arguments):
    parser = argparse.ArgumentParser(prog="brute.py")
    parser.add_argument("contract")
    parser.add_argument("--month")
    parser.add_argument("--from", dest="first", type=instant)
    parser.add_argument("--to", dest="last", type=instant)
    for name in ("windows", "states", "announcements"):
        parser.add_argument("--" + name)
    parser.add_argument("--slow", action="store_true")
    given = parser.parse_args(arguments)
    sys.set_int_max_str_digits(0)
    with open(given.contract, encoding="utf-8") as file:
        contracts = json.load(file, parse_float=str)
    try:
        answer = evaluate(contracts if isinstance(contracts, list) else [contracts], given.month,
                          None if given.month else (given.first, given.last),
                          given.windows, given.states, given.announcements, given.slow)
    except Refused as refusal:
        sys.exit(f"brute.py: {refusal}")
    print(json.dumps(answer, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
