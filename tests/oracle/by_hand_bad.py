"""Bad input to `uptally evaluate`: the exit status, the file and line that are named, and a word of the reason.

A case: name, exit statuses that are right, FILE:LINE (None: no line can be named), words of the reason, contracts, files as bytes.
"""

from by_hand import RULES, contract

CONFIG, DATA = (3,), (4,)
WINDOWS = "service,minute,total,errors,slow\n"
STATES = "service,from,to,state\n"
ANNOUNCEMENTS = "service,announced_at,from,to,status,reason\n"
COUNTS = contract("bad_minute_runs", max_error_ratio="0.5")
TIERS = {"currency": "EUR", "fee": "10.00"}


def config(name, words, line, terms):
    return {"name": name, "status": CONFIG, "place": f"config.yaml:{line}:", "words": words,
            "contracts": terms if isinstance(terms, list) else [terms], "files": {"states": STATES.encode()}}


def data(name, words, file, line, text):
    content = text if isinstance(text, bytes) else text.encode()
    return {"name": name, "status": DATA, "place": f"{file}.csv:{line}:", "words": words,
            "contracts": [contract() if file == "states" else COUNTS],
            "files": {"windows": WINDOWS.encode(), "states": STATES.encode()} | {file: content}}


def windows(name, words, line, *rows):
    return data(name, words, "windows", line, WINDOWS + "".join(f"{row}\n" for row in rows))


def states(name, words, line, *rows):
    return data(name, words, "states", line, STATES + "".join(f"{row}\n" for row in rows))


def announcements(name, words, line, *rows):
    return data(name, words, "announcements", line, ANNOUNCEMENTS + "".join(f"{row}\n" for row in rows))


def changed(terms, **availability):
    return terms | {"availability": terms["availability"] | availability}


def without(terms, key):
    return terms | {"availability": {k: v for k, v in terms["availability"].items() if k != key}}


# A contract is written one key a line: id 2, services 3, time_zone 4, availability 5, then what was added.
CONFIGURATIONS = [
    config("an unknown field", ["targt", "target"], 5, without(changed(contract(), targt=99), "target")),
    config("an unknown field of the contract", ["servicehours", "service_hours"], 6, contract(fields={"servicehours": {"mon": "08:00-18:00"}})),
    config("an unknown zone", ["Mars/Olympus"], 4, contract() | {"time_zone": "Mars/Olympus"}),
    config("tiers out of order", ["below"], 8, contract(fields=TIERS | {"credits": {"tiers": [{"below": 95, "percent": 25}, {"below": 99, "percent": 10}], "rounding": "half_up"}})),
    config("two tiers with one border", ["below"], 8, contract(fields=TIERS | {"credits": {"tiers": [{"below": 95, "percent": 25}, {"below": "95.0", "percent": 10}], "rounding": "half_up"}})),
    config("a tier of two kinds", ["amount", "percent"], 8, contract(fields=TIERS | {"credits": {"tiers": [{"below": 95, "percent": 25, "amount": 1}], "rounding": "half_up"}})),
    config("credits without rounding", ["rounding"], 8, contract(fields=TIERS | {"credits": {"tiers": [{"below": 95, "percent": 25}]}})),
    config("no rule for one kind of unknown time", ["pipeline_gap"], 5, contract() | {"availability": contract()["availability"] | {"unknown": {k: v for k, v in RULES.items() if k != "pipeline_gap"}}}),
    config("state_time without weights", ["weights"], 5, without(contract(), "weights")),
    config("a field of another method", ["min_run"], 5, contract(min_run="5m")),
    config("several services without a pool", ["pool"], 5, contract(services=("s", "t"))),
    config("a ratio pooled by moments", ["pool"], 5, contract("request_ratio", services=("s", "t"), pool="all_required")),
    config("a run shorter than a minute", ["min_run"], 5, contract("total_failure_runs", min_run="59s")),
    config("slices without a limit", ["max_error_ratio"], 5, contract("time_slices", slice="5m")),
    config("a ratio above 1", ["max_error_ratio"], 5, contract("bad_minute_runs", max_error_ratio="1.5")),
    config("a negative fee", ["fee"], 7, contract(fields={"currency": "EUR", "fee": "-1"})),
    config("service hours over midnight", ["mon"], 6, contract(fields={"service_hours": {"mon": "22:00-06:00"}})),
    config("a day that does not exist", ["valid_from"], 6, contract(fields={"valid_from": "2026-02-29"})),
    # The month of the case is September 2026.
    {"name": "two versions in the period", "status": CONFIG, "place": "config.yaml:", "words": ["2026-09-16"],
     "contracts": [contract(fields={"valid_until": "2026-09-16"}), contract(fields={"valid_from": "2026-09-16"})], "files": {"states": STATES.encode()}},
    {"name": "no version in the period", "status": CONFIG, "place": "config.yaml:", "words": ["2026-10-01"],
     "contracts": [contract(fields={"valid_from": "2026-10-01"})], "files": {"states": STATES.encode()}},
    {"name": "a percentile cannot be computed from counts", "status": CONFIG, "place": "config.yaml:5:", "words": ["percentile"],
     "contracts": [contract("time_slices", slice="5m", latency={"percentile": 95, "below": "300ms"})], "files": {"windows": WINDOWS.encode()}},
    {"name": "state_time without states", "status": (2, 3, 4), "place": None, "words": ["--states"], "contracts": [contract()], "files": {"windows": WINDOWS.encode()}},
]

GOOD = "s,2026-09-05T10:00:00Z,10,1,0"
FILES = [
    windows("a negative count", ["errors"], 3, GOOD, "s,2026-09-05T10:01:00Z,10,-1,0"),
    windows("more errors than requests", ["errors"], 3, GOOD, "s,2026-09-05T10:01:00Z,10,11,0"),
    windows("errors and slow requests are more than all", ["slow"], 3, GOOD, "s,2026-09-05T10:01:00Z,10,6,5"),
    windows("a count that is no number", ["total"], 2, "s,2026-09-05T10:01:00Z,1e3,0,0"),
    windows("a count with a fraction", ["total"], 2, "s,2026-09-05T10:01:00Z,1.0,0,0"),
    windows("an empty count", ["total"], 2, "s,2026-09-05T10:01:00Z,,0,0"),
    windows("a count of more than 64 bits", ["total"], 2, "s,2026-09-05T10:01:00Z,9223372036854775808,0,0"),
    windows("a count of very many digits", ["total"], 2, "s,2026-09-05T10:01:00Z,1" + "0" * 100 + ",0,0"),
    windows("a minute twice", ["2026-09-05"], 4, GOOD, "s,2026-09-05T10:01:00Z,10,1,0", GOOD),
    windows("a minute twice, with different offsets", ["2026-09-05"], 3, GOOD, "s,2026-09-05T12:00:00+02:00,10,1,0"),
    windows("not on the minute", ["minute"], 2, "s,2026-09-05T10:00:01Z,10,1,0"),
    windows("no time", ["minute"], 2, "s,yesterday,10,1,0"),
    windows("a time without a zone", ["minute"], 2, "s,2026-09-05T10:00:00,10,1,0"),
    windows("a day that does not exist", ["minute"], 2, "s,2026-09-31T10:00:00Z,10,1,0"),
    windows("too few fields", [], 3, GOOD, "s,2026-09-05T10:01:00Z,10,1"),
    windows("too many fields", [], 3, GOOD, "s,2026-09-05T10:01:00Z,10,1,0,7"),
    windows("a quote that is not closed", ["quote"], 3, GOOD, '"s,2026-09-05T10:01:00Z,10,1,0'),
    data("bad UTF-8", ["UTF-8"], "windows", 3, (WINDOWS + GOOD + "\n").encode() + b"\xff\xfe,2026-09-05T10:01:00Z,10,1,0\n"),
    data("no column of errors", ["errors"], "windows", 1, "service,minute,total,slow\ns,2026-09-05T10:00:00Z,1,0\n"),
    data("an empty file", [], "windows", 1, ""),
    # Of two rows that overlap the one further down is named, whichever begins earlier.
    states("overlapping rows", ["overlap"], 3, "s,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,major", "s,2026-09-05T10:59:59Z,2026-09-05T12:00:00Z,operational"),
    states("overlapping rows, the earlier one below", ["overlap"], 3, "s,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,major", "s,2026-09-05T09:00:00Z,2026-09-05T10:00:01Z,operational"),
    states("an inverted interval", ["to"], 2, "s,2026-09-05T11:00:00Z,2026-09-05T10:00:00Z,major"),
    states("an interval without length", ["to"], 2, "s,2026-09-05T11:00:00Z,2026-09-05T11:00:00Z,major"),
    states("a fraction of a second", ["from"], 2, "s,2026-09-05T10:00:00.5Z,2026-09-05T11:00:00Z,major"),
    states("an unknown state", ["down"], 2, "s,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,down"),
    announcements("an inverted announcement", ["to"], 3, "s,2026-09-01T00:00:00Z,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,planned,", "s,2026-09-01T00:00:00Z,2026-09-05T11:00:00Z,2026-09-05T10:00:00Z,planned,"),
    announcements("an unknown status", ["status", "postponed"], 2, "s,2026-09-01T00:00:00Z,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,postponed,"),
]

# What total_failure_runs needs of a row: times of its successes and of its errors, in its minute and in order.
TIMES = "service,minute,total,errors,slow,first_ok,last_ok,first_error,last_error\n"
FAILURES = contract("total_failure_runs", min_run="60s")


def instants(name, words, row):
    return data(name, words, "windows", 2, TIMES + row + "\n") | {"contracts": [FAILURES]}


FILES += [
    instants("successes without times", ["first_ok"], "s,2026-09-05T10:00:00Z,2,1,0,,,2026-09-05T10:00:01Z,2026-09-05T10:00:01Z"),
    instants("errors without times", ["first_error"], "s,2026-09-05T10:00:00Z,2,1,0,2026-09-05T10:00:01Z,2026-09-05T10:00:01Z,,"),
    instants("a time in another minute", ["last_ok"], "s,2026-09-05T10:00:00Z,2,0,0,2026-09-05T10:00:01Z,2026-09-05T10:01:00Z,,"),
    instants("the last before the first", ["last_ok"], "s,2026-09-05T10:00:00Z,2,0,0,2026-09-05T10:00:02Z,2026-09-05T10:00:01.999999999Z,,"),
    # Four counts of 62 bits: no sum of 63 bits holds them; the program's limit is 2^62 - 1, which the second exceeds.
    windows("a sum that is too large", ["total"], 3, *(f"s,2026-09-05T10:0{i}:00Z,2400000000000000000,0,0" for i in range(4))),
]

# The line is that of the file, also behind a record of several lines and behind a BOM.
FILES += [
    data("lines are counted in quoted fields", ["status"], "announcements", 4,
         "\ufeff" + ANNOUNCEMENTS + 's,2026-09-01T00:00:00Z,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,planned,"two\nlines"\n'
         + "s,2026-09-01T00:00:00Z,2026-09-05T10:00:00Z,2026-09-05T11:00:00Z,perhaps,\n"),
]

BAD = CONFIGURATIONS + FILES
