#!/usr/bin/env python3
"""`uptally evaluate` against brute.py, on random contracts and data.

    brute_compare.py UPTALLY [--seed N] [--cases N] [--months N] [--keep FOLDER]
    brute_compare.py UPTALLY --seed N --only CASE       repeats one case
    brute_compare.py --self [--seed N] [--cases N]      brute.py second by second against brute.py

Cases are intervals of 2 hours to 3 days; months are whole ones. Without --seed a fresh one is taken; it is printed first. A case that
differs is printed with the command that repeats it, and its files are kept in FOLDER (default: uptally-brute-SEED in the folder of
temporary files). The last line counts; exit status 1 if anything differs. Plain Python.
"""

import argparse
import random
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

import brute
from brute_random import METHODS, MONTHS, Case
from sla_files import answer_differences, command, parsed, run, write_case

LONGEST = 3 * 24 * 60      # minutes of a case
LONGEST_SLOW = 360         # of one that is evaluated second by second in Python


def measured(case, folder, slow=False):
    month = case.when if isinstance(case.when, str) else None
    paths = {name: folder / f"{name}.csv" for name in case.tables}
    return brute.Measured(case.contracts, month, None if month else case.when, **paths, slow=slow)


def prepared(seed, number, folder, itself=False):
    """A case whose targets and tiers lie where the measured values are, with its files and the oracle's measure."""
    month = method = None
    if number < 0:
        month, method = MONTHS[-number % len(MONTHS)], METHODS[(seed - number) % len(METHODS)]
    if itself and number % 2:      # states change at seconds, and rows of minutes do not hide a border that was forgotten
        method = "state_time"
    case = Case(seed, number, method, month, LONGEST_SLOW if itself else LONGEST)
    write_case(folder, case.contracts, case.tables)
    measure = measured(case, folder)
    case.settle(measure.levels())
    write_case(folder, case.contracts, case.tables)
    return case, measure


def against_program(program, case, measure, folder):
    line = command(program, case.contract["id"], case.when, case.tables, case.offset)
    (folder / "command").write_text(shlex.join(line) + "\n", encoding="utf-8")
    done = run(line, folder)
    if done.returncode != 0:
        return [f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}"]
    try:
        return answer_differences(measure.answer(), parsed(done.stdout),
                                  case.contract["availability"].get("pool", "per_service"))
    except (KeyError, TypeError, ValueError) as error:
        return [f"the answer cannot be read: {type(error).__name__}: {error}"]


def against_itself(case, measure, folder):
    slow, fast = measured(case, folder, slow=True).answer(), measure.answer()
    return [] if slow == fast else answer_differences(slow, fast, "per_service") or ["the answers differ"]


def check(given, number, folder):
    """Whether a case differs; its files are kept in the folder then."""
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary, "case")
        case, measure = prepared(given.seed, number, place, given.self)
        found = (against_itself(case, measure, place) if given.self
                 else against_program(given.program, case, measure, place))
        for line in found:
            print(f"case {number} ({case.method}, {case.contract['availability'].get('pool', 'one service')}): {line}")
        if found:
            shutil.copytree(place, folder, dirs_exist_ok=True)
            what = "--self" if given.self else shlex.quote(given.program)
            print(f"case {number}: files in {folder}; repeat: brute_compare.py {what} --seed {given.seed} --only {number}")
    sys.stdout.flush()
    return bool(found)


def arguments_of(arguments):
    parser = argparse.ArgumentParser(prog="brute_compare.py")
    parser.add_argument("program", nargs="?")
    parser.add_argument("--self", action="store_true", help="compare brute.py with its slow form")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--months", type=int, default=0)
    parser.add_argument("--only", type=int, help="one case; months have negative numbers")
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args(arguments)
    if given.self == (given.program is not None):
        parser.error("name UPTALLY or --self")
    if given.program:
        given.program = str(Path(given.program).resolve())
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(10**9)
    return given


def main(arguments):
    given = arguments_of(arguments)
    print(f"seed {given.seed}", flush=True)
    keep = given.keep or Path(tempfile.gettempdir(), f"uptally-brute-{given.seed}")
    numbers = list(range(given.cases)) + [-number for number in range(1, given.months + 1)]
    if given.only is not None:
        numbers = [given.only]
    wrong = sum(check(given, number, keep / f"{number}") for number in numbers)
    print(f"{len(numbers)} contracts, {wrong} differ")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
