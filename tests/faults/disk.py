"""A store on a disk that is too small: a clear error and exit 6, and once there is space the same result.

The disk is a tmpfs of the size that is tried, mounted for it. With PostgreSQL it holds the tablespace of the database.
"""

import contextlib
import os
import shutil
import subprocess

from books import STEPS, Books, Wrong
from stores import SqliteStore

FULL = 6
ENOUGH = "256m"
# What a reader can act on: one of these words stands in the one line that says why.
WORDS = ("disk is full", "full or failing disk", "No space left")


def mount(*words):
    command = ["mount", *words] if os.geteuid() == 0 else ["sudo", "-n", "mount", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Wrong(f"no small disk could be mounted, which needs root: {done.stderr.strip()}")


@contextlib.contextmanager
def small_disk(folder, size):
    folder.mkdir()
    mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)] if os.geteuid() == 0 else ["sudo", "-n", "umount", "-l", str(folder)],
                       capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


def run_until_full(books):
    """The step that met the full disk, or None."""
    for words in STEPS:
        step = ("consume", "--batch", "200") if words == ("consume",) else words
        status, _, errors = books.run(*step)
        if status == 0:
            continue
        lines = [line for line in errors.splitlines() if line.startswith("uptally: ") and "warning:" not in line]
        if status != FULL or not any(word in line for line in lines for word in WORDS):
            raise Wrong(f"{' '.join(step)} on a full disk: status {status}\n{errors}")
        return words[0]
    return None


def play(sizes_kib):
    """sizes_kib(dice): a size to try."""
    def one(bench, dice, tally):
        size = sizes_kib(dice)
        folder = bench.folder / f"disk-{tally.kind}-{size}-{dice.randrange(10**9)}"
        with small_disk(folder, f"{size}k"):
            store = place_store(bench, folder)
            books = Books(bench, store)
            step = run_until_full(books)
            if step is None:
                tally.miss()
            else:
                tally.hit(step)
            mount("-o", f"remount,size={ENOUGH}", str(folder))
            books.check()
            books.close()
            remove_tablespace(bench, folder)
    return one


def place_store(bench, folder):
    if bench.stores.kind == "sqlite":
        return SqliteStore(folder)
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    bench.stores.sql(f"CREATE TABLESPACE {tablespace(folder)} LOCATION '{folder}'")
    return bench.stores.fresh(folder, tablespace=tablespace(folder))


def remove_tablespace(bench, folder):
    if bench.stores.kind == "postgresql":
        bench.stores.sql(f"DROP TABLESPACE {tablespace(folder)}")


def tablespace(folder):
    return folder.name.replace("-", "_")
