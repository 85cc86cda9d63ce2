"""An operating system that refuses or misleads: writes, fsync and memory that fail, files that may not grow, a clock
that steps; and two schedulers that start the same job at once.
"""

import subprocess
import time
from pathlib import Path

from books import Wrong
from kills import LEASED, WORDS, place
from world import end, in_the_middle

# Without memory libraries of others stop the process, or say that they cannot read: whatever they do, the store is right.
STOPPED = (-6, -11, 134, 139)


# --- failing calls (libfiu) and limits --------------------------------------------------------


def fiu(point, probability, error=None):
    info = f",failinfo={error}" if error is not None else ""
    return ("fiu-run", "-x", "-c", f"enable_random name={point},probability={probability}{info}")


ENOSPC, EIO = 28, 5
# name, what runs the program, statuses that are in order
REFUSALS = (
    ("write fails", fiu("posix/io/rw/write", 0.05, ENOSPC), (5, 6, 7)),
    ("write to the store fails", fiu("posix/io/rw/pwrite", 0.01, ENOSPC), (5, 6, 7)),
    ("fsync fails", fiu("posix/io/sync/*", 0.3, EIO), (6, 7)),
    ("no memory", fiu("libc/mm/malloc", 0.0002), (1, 3, 5, 6, 7, *STOPPED)),
    ("file may not grow", ("prlimit", "--fsize=400000"), (6, 7)),
)


def play_refusals(program):
    """program: one without sanitizers, which want to be loaded first themselves."""
    def play(bench, dice, tally):
        name, before, statuses = REFUSALS[tally.faults % len(REFUSALS)]
        books = bench.books()
        hit = False
        for step in ("consume", "aggregate", "report", "credits"):
            words = WORDS[step] + (("--batch", "100") if step == "consume" else ())
            status, _, errors = books.run(*words, before=before, program=program)
            if status not in (0, *statuses):
                raise Wrong(f"{step}, {name}: status {status}\n{errors[-2000:]}")
            if status != 0:
                hit = True
                tally.hit(f"{name}, {step}")
                if step == "aggregate":
                    books.store.change("UPDATE lease SET expires_ns = 0")
            books.must(*WORDS[step])
        if not hit:
            tally.miss()
        books.check()
        books.close()
    return play


# --- the clock (faketime) ------------------------------------------------------------------------

STEPS = ("+3600", "-3600", "+90000", "-90000")


def play_clock(program):
    """The wall clock steps in the middle of a run; with every second one the monotonic clock steps too."""
    def play(bench, dice, tally):
        books = bench.books()
        step = STEPS[tally.faults % len(STEPS)]
        file = books.folder / "clock"
        file.write_text("+0\n")
        more = {"FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
                "LD_PRELOAD": f"{waits_library(bench.folder)}:{faketime_library()}"}
        if tally.faults // len(STEPS) % 2 == 0:
            more["DONT_FAKE_MONOTONIC"] = "1"
        run = start_consume(books, program, more)
        hit = in_the_middle(books, run)
        file.write_text(f"{step}\n")
        # A broker takes no record whose time is more than an hour ahead: dead letters wait for the next run (7).
        status = end(run, (0, 5, 7))
        if hit:
            tally.hit(f"{step} s: exit {status}")
        else:
            tally.miss()
        status, _, errors = books.run("aggregate", program=program, more=more)
        if status != 0:
            raise Wrong(f"aggregate with the clock {step} s: status {status}\n{errors}")
        books.check()
        books.close()
    return play


def start_consume(books, program, more):
    run = books.start("consume", "--batch", "10", program=program, more=more)
    books.wait_for(lambda: books.covered() > 0 or not run.alive(), "the first commit")
    return run


def waits_library(folder):
    """c11_waits.c, built once."""
    library = folder / "c11_waits.so"
    if not library.exists():
        subprocess.run(["cc", "-std=c17", "-D_GNU_SOURCE", "-O1", "-shared", "-fPIC", "-o", str(library),
                        str(Path(__file__).with_name("c11_waits.c"))], check=True)
    return library


def faketime_library():
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        raise Wrong("there is no libfaketime; bash infra/packages test installs it")
    return str(found[0])


# --- two at once ---------------------------------------------------------------------------------


def play_twins(bench, dice, tally):
    """Two schedulers start the same job: one of them does the work, the other one helps, finds nothing or leaves with 8."""
    books = bench.books()
    steps = ("consume", "nightly") if dice.random() < 0.3 else ("consume", "aggregate", "report", "credits")
    for step in steps:
        words = WORDS[step] + (("--batch", "20") if step == "consume" else ())
        before = 0 if step in LEASED else place(books, step)[0]
        twins = [books.start(*words), books.start(*words)]
        both = False
        while all(twin.alive() for twin in twins):
            both = both or step in LEASED or before < place(books, step)[0]
            time.sleep(0.002)
        statuses = sorted(end(twin, (0, 8)) for twin in twins)
        if statuses[0] != 0:
            raise Wrong(f"two of {step}: neither did the work\n{twins[0].errors()}{twins[1].errors()}")
        if both:
            tally.hit(f"{step}: {statuses[0]} and {statuses[1]}")
        else:
            tally.miss()
        books.must(*WORDS[step])
    books.check()
    books.close()
