"""Words for the tables of sla_by_hand.py: contracts, rows of CSV files, expected answers.

A case is a dict: name, contracts, when (a month or two instants), tables (rows of each CSV file), wanted (what was derived by hand).
"""

from brute_data import instant
from sla_files import rfc3339

RULES = {"no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down", "not_provisioned": "exclude"}
ALL_EXCLUDED = dict.fromkeys(RULES, "exclude")
WEIGHTS = {"degraded": "0.25", "partial": "0.5", "major": 1}


def contract(method="state_time", services=("s",), rules=None, fields=None, **availability):
    """A contract; keyword arguments go into `availability`, `fields` into the contract itself, `rules` into `unknown`."""
    if method == "state_time":
        availability = {"weights": WEIGHTS} | availability
    return {"id": "c", "services": list(services), "time_zone": "UTC", "availability": {
        "target": "99.9", "method": method, **availability, "unknown": RULES | (rules or {})}} | (fields or {})


def case(name, terms, when, wanted, windows=None, states=None, announcements=None):
    tables = {"windows": windows, "states": states, "announcements": announcements}
    return {"name": name, "contracts": terms if isinstance(terms, list) else [terms], "when": when,
            "tables": {key: rows for key, rows in tables.items() if rows is not None}, "wanted": wanted}


def at(text):
    """Seconds of `2026-10-05 10:00[:SS]` UTC."""
    return instant(text.replace(" ", "T") + (":00Z" if text.count(":") == 1 else "Z"))


def minutes(first, count, total, errors=0, slow=0, service="s"):
    """Rows of `count` minutes that follow each other, with the same counts."""
    return [[service, rfc3339(at(first) + 60 * i), total, errors, slow] for i in range(count)]


def times(minute, total, errors, first_ok="", last_ok="", first_error="", last_error="", service="s"):
    """A row with times, which are given as seconds of the minute, as text."""
    stamps = [f"{minute.replace(' ', 'T')}:{second}Z" if second else ""
              for second in (first_ok, last_ok, first_error, last_error)]
    return [[service, minute.replace(" ", "T") + ":00Z", total, errors, 0, *stamps]]


def states(*changes, service="s"):
    """Rows from a list of (instant, state), each until the next; the last only ends."""
    return [[service, rfc3339(at(a)), rfc3339(at(b)), state]
            for (a, state), (b, _) in zip(changes, changes[1:]) if state and a != b]


def trouble(first, last, *stretches, service="s"):
    """Operational from first to last, but for stretches (from, to, state)."""
    changes = [(first, "operational")]
    for start, end, state in sorted(stretches):
        changes += [(start, state), (end, "operational")]
    return states(*changes, (last, None), service=service)


def planned(announced, first, last, service="s", status="planned"):
    return [[service, rfc3339(at(announced)), rfc3339(at(first)), rfc3339(at(last)), status, "work"]]
