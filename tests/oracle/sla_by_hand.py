#!/usr/bin/env python3
"""Cases of `uptally evaluate` whose answers were derived by hand; the derivation stands beside each in by_hand_*.py.

    sla_by_hand.py UPTALLY [--only TEXT] [--keep FOLDER]
    sla_by_hand.py --against brute            the same table against brute.py

With UPTALLY also the bad input of by_hand_bad.py, and what the command line promises.
Ends with one line of counts; exit status 1 if anything is not as expected. Plain Python.
"""

import argparse
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import brute
import by_hand_bad
import by_hand_counts
import by_hand_money
import by_hand_time
from sla_files import command, csv_text, moment, not_adding_up, parsed, ratio, run, tier, write_case

CASES = by_hand_time.CASES + by_hand_counts.CASES + by_hand_money.CASES


def ask_brute(folder, case):
    paths = {name: folder / f"{name}.csv" for name in case["tables"]}
    when = case["when"]
    return brute.evaluate(case["contracts"], when if isinstance(when, str) else None,
                          None if isinstance(when, str) else when, **paths)


def ask_program(program, folder, case):
    line = command(program, case["contracts"][0]["id"], case["when"], case["tables"])
    done = run(line, folder)
    if done.returncode != 0:
        raise ValueError(f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    return parsed(done.stdout)


def wanted_tier(value):
    return value and {"below": Fraction(str(value[0])), value[1]: Fraction(str(value[2]))}


def findings(wanted, answer, where=""):
    """Where an answer is not as derived by hand; only what was derived is looked at."""
    def value(name):
        if name in ("uptime", "latency"):
            exact = ratio(answer.get(name))
            return exact and exact[0]
        if name == "percent":
            return ratio(answer["uptime"])[1]
        if name == "period":
            length = int(answer["period"]["seconds"])
            ends = moment(answer["period"]["to"]) - moment(answer["period"]["from"])
            return length if length == ends else f"{length}, but to - from = {ends}"
        if name == "credit":
            return int((answer.get("credit") or {"amount_minor": 0})["amount_minor"])
        if name == "tier":
            return tier(answer["tier"])
        if name == "seconds":
            return {key: int(number) for key, number in answer["seconds"].items() if int(number)}
        return answer[name]

    for name, expected in wanted.items():
        if name == "services":
            entries = {entry["service"]: entry for entry in answer["services"]}
            for service, part in expected.items():
                yield from findings(part, entries[service], f"{service}: ")
            continue
        if name in ("uptime", "latency") and expected is not None:
            expected = Fraction(*expected)
        if name == "tier":
            expected = wanted_tier(expected)
        if value(name) != expected:
            yield f"{where}{name} is {value(name)}, by hand {expected}"


def check(case, ask, folder):
    tables = {name: csv_text(name, rows, widest(name, rows)) for name, rows in case["tables"].items()}
    write_case(folder, case["contracts"], tables)
    try:
        answer = ask(folder, case)
        pool = case["contracts"][-1]["availability"].get("pool", "per_service")
        return list(findings(case["wanted"], answer)) + list(not_adding_up(answer, pool))
    except (ValueError, KeyError, TypeError, brute.Refused) as error:
        return [f"{type(error).__name__}: {error}"]


def check_bad(program, case, folder):
    """Bad input: exit status, place and words on standard error, nothing on standard output, no new file."""
    write_case(folder, case["contracts"], case["files"])
    before = sorted(folder.iterdir())
    done = run(command(program, "c", "2026-09", case["files"]), folder)
    message = done.stderr.decode(errors="replace")
    if done.returncode not in case["status"]:
        yield f"exit {done.returncode} instead of {case['status']}: {message.strip()}"
    elif case["place"] and case["place"] not in message:
        yield f"{case['place']} is not named: {message.strip()}"
    for word in case["words"]:
        if word not in message:
            yield f"{word!r} is not named: {message.strip()}"
    if done.stdout:
        yield f"writes to standard output: {done.stdout[:80]!r}"
    if sorted(folder.iterdir()) != before:
        yield "files appeared"


def check_command_line(program, folder):
    """A missed target with and without --exit-code, and standard input as a file."""
    missed = next(case for case in CASES if case["name"] == "45 bad minutes of 44,640")
    text = csv_text("windows", missed["tables"]["windows"], 5)
    write_case(folder, missed["contracts"], {"windows": text})
    line = command(program, "c", missed["when"], {"windows": text})
    if run(line, folder).returncode != 0:
        yield "a missed target is no failure without --exit-code"
    if run(line + ["--exit-code"], folder).returncode != 10:
        yield "a missed target does not exit 10 with --exit-code"
    piped = run(["-" if word == "windows.csv" else word for word in line], folder, text.encode())
    if piped.returncode != 0 or piped.stdout != run(line, folder).stdout:
        yield f"standard input is read differently: {piped.stderr.decode(errors='replace').strip()}"
    if run(line[:2] + ["config.yaml", "--contract", "nobody"] + line[5:], folder).returncode not in (2, 3):
        yield "an unknown contract is not refused"


def widest(name, rows):
    """The optional columns at the end are left out where no row has them."""
    least = {"windows": 5, "states": 4, "announcements": 4}[name]
    return max([least] + [len(row) for row in rows])


def main(arguments):
    parser = argparse.ArgumentParser(prog="sla_by_hand.py")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--against", choices=["brute"])
    parser.add_argument("--only", default="")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args(arguments)
    if (given.program is None) == (given.against is None):
        parser.error("name UPTALLY or --against brute")
    program = given.program and str(Path(given.program).resolve())
    ask = (lambda folder, case: ask_program(program, folder, case)) if program else ask_brute
    checks = [(case["name"], lambda folder, case=case: check(case, ask, folder)) for case in CASES]
    if program:
        checks += [(case["name"], lambda folder, case=case: check_bad(program, case, folder)) for case in by_hand_bad.BAD]
        checks.append(("the command line", lambda folder: check_command_line(program, folder)))
    checks = [pair for pair in checks if given.only in pair[0]]
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        base = given.keep or Path(temporary)
        for number, (name, look) in enumerate(checks):
            found = list(look(base / f"{number:03}"))
            wrong += bool(found)
            for line in found:
                print(f"{name}: {line}")
    print(f"{len(checks)} cases by hand, {wrong} wrong")
    return 1 if wrong or not checks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
