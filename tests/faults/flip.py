#!/usr/bin/env python3
"""Flips bytes of a small store, one at a time, each in a copy of its own: nothing may be wrong in silence.

    flip.py [--flips N | --all] [--seed S] [--at OFFSET:MASK] [--program FILE] [--small-store FILE]

After each flip `uptally audit` has to exit 9 (a mismatch) or 6 (the store cannot be read). If it exits 0, the statements, the credit notes and
all exports have to be the bytes that the undamaged store gives, unless a command exits 6 because the store cannot be written. Anything else is wrong: another figure, another status, a signal, a run
that does not end. The last line is `F faults, W wrong`; the status is 0 if W is 0. --at repeats one flip.

With --all two things save time. Statements are published as JSON only: every other form is drawn from it. And where SQLite's own integrity check
finds nothing and the schema and all rows are as they were, the program would read the same, so it is asked of every 20th such flip only.

The store comes from small_store.c. It is packed into small pages first, so that most of its bytes are in use.
"""

import argparse
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SECONDS_MAX = 60
PAGE_SIZE = 512
HEADER_SIZE, WRITE_VERSION, READ_VERSION = 100, 18, 19  # https://www.sqlite.org/fileformat2.html#the_database_header
MONTH = "2024-10"
STORE, MISMATCH = 6, 9
AUDIT_NOTICED = (STORE, MISMATCH)
EXPORTS = ("windows", "instances", "dead-letters", "exclusions", "batches", "incidents")


class Program:
    """The program under test on a store in a folder; statements are published in that format."""

    def __init__(self, path, form):
        self.path = str(Path(path).resolve())
        self.readings = [["report", "--month", MONTH, "--format", form], ["credits", "--month", MONTH, "--format", "json"],
                         *(["export", what] for what in EXPORTS)]

    def run(self, folder, *arguments):
        """(status, standard output); a run that does not end has the status None."""
        try:
            done = subprocess.run([self.path, *arguments, "--config", "uptally.yaml", "--lock-wait", "1s"], cwd=folder,
                                  stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX, check=False)
        except subprocess.TimeoutExpired:
            return None, b""
        return done.returncode, done.stdout

    def audit(self, folder):
        return self.run(folder, "audit")[0]

    def figures(self, folder):
        """Everything that people are told: what the commands say, and each file that they publish."""
        answers = [self.run(folder, *arguments) for arguments in self.readings]
        files = sorted(path for path in (folder / "statements").rglob("*") if path.is_file())
        return answers, [(str(path.relative_to(folder)), path.read_bytes()) for path in files]


def pack(store):
    """Small pages without free space, no log beside the file."""
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute(f"PRAGMA page_size={PAGE_SIZE}")
    connection.execute("VACUUM")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


def content(store):
    """Schema and rows, as the table trees have them; None if SQLite finds a fault. The check holds the index trees against them."""
    image = bytearray(store)
    image[WRITE_VERSION:READ_VERSION + 1] = b"\1\1"  # an image in memory has no log beside it
    connection = sqlite3.connect(":memory:")
    try:
        connection.deserialize(bytes(image))
        schema = connection.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema").fetchall()
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            return None
        return schema, [connection.execute(f'SELECT * FROM "{row[1]}"').fetchall() for row in schema if row[0] == "table"]
    except (sqlite3.Error, UnicodeError, OverflowError):
        return None
    finally:
        connection.close()


class Flipper:
    def __init__(self, program, small_store, folder, every):
        self.every = every
        self.program = Program(program, "json" if every else "all")
        self.folder = Path(folder)
        sound = self.folder / "sound"
        sound.mkdir()
        subprocess.run([small_store, sound], check=True, timeout=SECONDS_MAX)
        pack(sound / "uptally.db")
        self.configuration = (sound / "uptally.yaml").read_bytes()
        self.store = (sound / "uptally.db").read_bytes()
        self.content = content(self.store)
        if self.content is None:
            raise AssertionError("SQLite finds a fault in the undamaged store")
        shutil.rmtree(sound / "statements")  # what is published later comes from the store alone
        status = self.program.audit(sound)
        if status != 0:
            raise AssertionError(f"the undamaged store: audit exits {status}")
        self.figures = self.program.figures(sound)
        if any(status != 0 for status, _ in self.figures[0]) or len(self.figures[1]) < (2 if every else 8):
            raise AssertionError(f"the undamaged store cannot be read: {self.figures}")

    def refused(self, got):
        """The store can be read but not written, and the first command that differs says so; what it gave beside that is right: `report` goes
        on behind a contract that it could not issue."""
        answers, files = got
        (status, text), (_, sound) = next((pair for pair in zip(answers, self.figures[0]) if pair[0] != pair[1]), ((0, b""), (0, b"")))
        lines = iter(sound.splitlines())
        return status == STORE and all(line in lines for line in text.splitlines()) and set(files) <= set(self.figures[1])

    def flip(self, at, mask):
        """None, or what is wrong."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            folder = Path(name)
            damaged = bytearray(self.store)
            damaged[at] ^= mask
            if self.every and at >= HEADER_SIZE and at % 20 != 0 and content(damaged) == self.content:
                return "unchanged"
            (folder / "uptally.yaml").write_bytes(self.configuration)
            (folder / "uptally.db").write_bytes(damaged)
            status = self.program.audit(folder)
            if status in AUDIT_NOTICED:
                return "noticed"
            if status != 0:
                return f"audit exits {status}"
            got = self.program.figures(folder)
        if got == self.figures:
            return "unchanged"
        if self.refused(got):
            return "noticed"
        for arguments, answer, sound in zip(self.program.readings, got[0], self.figures[0]):
            if answer != sound:
                return f"audit finds nothing, but {' '.join(arguments)}: status {answer[0]}, {answer[1][:2000]}"
        return f"audit finds nothing, but files differ: {sorted(set(got[1]) ^ set(self.figures[1]))[:2]}"


def places(size, count, seed):
    """(offset, mask) of each flip: a mask changes at least one bit. count None: every byte."""
    generator = random.Random(seed)
    offsets = range(size) if count is None else sorted(generator.sample(range(size), min(count, size)))
    return [(at, 1 << generator.randrange(8) if generator.randrange(2) else generator.randrange(1, 256)) for at in offsets]


def flip(count, seed, program=None, small_store=None, only=None, report=print):
    """Flips `count` random bytes (None: all). Returns (flips, noticed, [(offset, mask, what is wrong)])."""
    program = program or os.environ["UPTALLY"]
    small_store = small_store or os.environ["SMALL_STORE"]
    wrong = []
    noticed = 0
    with tempfile.TemporaryDirectory(prefix="uptally-flip-") as folder:
        flipper = Flipper(program, small_store, folder, count is None)
        todo = only or places(len(flipper.store), count, seed)
        report(f"seed {seed}: {len(todo)} flips in a store of {len(flipper.store)} bytes")
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for number, ((at, mask), result) in enumerate(zip(todo, pool.map(lambda place: flipper.flip(*place), todo)), 1):
                noticed += result == "noticed"
                if result not in ("noticed", "unchanged"):
                    wrong.append((at, mask, result))
                    report(f"--at {at}:{mask}: {result}")
                if number % 1000 == 0:
                    report(f"{number} flips, {noticed} noticed, {len(wrong)} wrong")
    return len(todo), noticed, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--all", action="store_true", help="every byte")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--at", action="append", help="OFFSET:MASK, only this flip")
    parser.add_argument("--program", help="default: $UPTALLY")
    parser.add_argument("--small-store", help="default: $SMALL_STORE")
    options = parser.parse_args()
    only = [tuple(map(int, text.split(":"))) for text in options.at or []]
    count, noticed, wrong = flip(None if options.all else options.flips, options.seed, options.program,
                                 options.small_store, only, lambda line: print(line, flush=True))
    print(f"{noticed} noticed by the audit, {count - noticed - len(wrong)} without effect")
    print(f"{count} faults, {len(wrong)} wrong")
    # A store in which nearly nothing is noticed would be a test of nothing.
    return 1 if wrong or (count >= 100 and noticed < count // 3) else 0


if __name__ == "__main__":
    sys.exit(main())
