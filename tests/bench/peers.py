"""Programs of others that do the same work: what peers/install has built. A suite goes on without those that are not there."""
import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parent
_said = set()


def find(name):
    """The program, or None."""
    where = subprocess.run(["bash", HERE / "peers/install", "--where"], stdout=subprocess.PIPE, text=True, check=True)
    path = Path(where.stdout.strip(), name)
    if path.exists():
        return str(path)
    if name not in _said:
        _said.add(name)
        print(f"{name}: not installed; to see it beside uptally: bash tests/bench/peers/install", file=sys.stderr)
    return None


def counted(path):
    """SERVICE,MINUTE,TOTAL,ERRORS,SLOW of a file, as everything here writes it."""
    with open(path, encoding="utf-8") as file:
        return sorted([row[0], *map(int, row[1:])] for row in csv.reader(file))


def must_equal(who, found, wanted):
    if found != wanted:
        wrong = [pair for pair in zip(found, wanted) if pair[0] != pair[1]][:3]
        raise measure.Failed(f"{who}: {len(found)} windows, wanted {len(wanted)}; first of them counted and wanted: {wrong}")


def run(command, topic, cores, folder, check):
    """command: a function of the file that the program writes."""
    with tempfile.NamedTemporaryFile(dir=folder) as out:
        cost = measure.run(command(out.name), cores)
        if check:
            must_equal(Path(command(out.name)[0]).name, counted(out.name), counted(topic.truth))
    return cost
