"""Books: a store, a folder and a configuration over one material; what is run on them and what comes of it.

The result is what people get, as bytes: exports, statements in all formats, credit notes. `finish` makes clean runs
of everything; then the result must equal that of books that nobody disturbed.
"""

import collections
import csv
import datetime
import io
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

RUN_SECONDS_MAX = 300
EXPORTS = ("windows", "instances", "dead-letters", "incidents")
STEPS = (("consume",), ("aggregate",), ("report", "--quiet"), ("credits", "--quiet", "--format", "json"))


class Wrong(Exception):
    """The books are not what they must be."""


class Run:
    """A command in the background. Its standard error is kept in a file."""

    def __init__(self, command, folder, log, environment):
        self.words = command[1:-2]
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=errors)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    def wait(self, seconds=RUN_SECONDS_MAX):
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            self.process.wait()
            raise Wrong(f"{' '.join(self.words)} did not end within {seconds} s\n{self.errors()}") from late

    def signal(self, number):
        if self.alive():
            os.kill(self.pid, number)

    def kill(self):
        """True if it was alive until then."""
        self.signal(signal.SIGKILL)
        return self.process.wait() == -signal.SIGKILL

    def stopped(self):
        """Whether it stands in SIGSTOP."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False

    def errors(self):
        return self.log.read_text(errors="replace")


class Books:
    numbers = itertools.count(1)

    def __init__(self, bench, store=None, bootstrap=None, **sections):
        self.bench = bench
        self.folder = bench.folder / f"books-{next(self.numbers)}"
        self.folder.mkdir()
        self.store = store or bench.stores.fresh(self.folder)
        self.bootstrap = bootstrap
        self.runs = []
        self.configure(**sections)

    def configure(self, **sections):
        lab = self.bench.lab
        content = {
            "store": {**self.store.section(), "lock_wait": "60s"},
            "output": "statements",
            "lateness": "0s",
            "cluster": {"name": "campaign", "bootstrap_servers": self.bootstrap or lab.bootstrap},
            "registry": {"url": lab.registry, "cache": str(self.bench.folder / "schema-cache"), "retry": "1s"},
            **self.bench.material.sections(),
            **sections,
        }
        self.config = self.folder / "uptally.yaml"
        self.config.write_text(json.dumps(content, indent=2))

    def close(self):
        for run in self.runs:
            run.signal(signal.SIGKILL)
            run.process.wait()
        self.store.drop()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- runs -------------------------------------------------------------------------------------

    def command(self, *words, program=None):
        return [str(program or self.bench.program), *words, "--config", str(self.config)]

    def environment(self, fault=None, more=None):
        environment = {**os.environ, **(more or {})}
        environment.pop("UPTALLY_FAULT", None)
        if fault is not None:
            environment["UPTALLY_FAULT"] = fault
        return environment

    def start(self, *words, fault=None, program=None, before=(), more=None):
        """before: a command that runs ours, such as faketime."""
        log = self.folder / f"stderr-{len(self.runs)}"
        run = Run([*before, *self.command(*words, program=program)], self.folder, log, self.environment(fault, more))
        self.runs.append(run)
        return run

    def run(self, *words, fault=None, program=None, before=(), more=None):
        """status, standard output, standard error"""
        done = subprocess.run([*before, *self.command(*words, program=program)], cwd=self.folder,
                              env=self.environment(fault, more), stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=RUN_SECONDS_MAX, check=False)
        return done.returncode, done.stdout, done.stderr.decode(errors="replace")

    def must(self, *words):
        status, output, errors = self.run(*words)
        if status != 0:
            raise Wrong(f"{' '.join(words)}: status {status} where nothing disturbed it\n{errors}")
        return output

    def wait_for(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise Wrong(f"not within {seconds} s: {what}")
            time.sleep(0.01)

    # --- how far they are ---------------------------------------------------------------------------

    def covered(self):
        """Offsets that the ledger covers."""
        rows = self.store.rows("SELECT CAST(coalesce(sum(next_offset - origin), 0) AS BIGINT) FROM partition_offset")
        return rows[0][0] if rows else 0

    def drained(self):
        return self.covered() >= self.bench.material.total

    def batches(self):
        rows = self.store.rows("SELECT count(*) FROM batch")
        return rows[0][0] if rows else 0

    # --- the result ---------------------------------------------------------------------------------

    def finish(self):
        """Clean runs of everything, each of which must succeed; and the proof of the books."""
        for words in STEPS:
            self.must(*words)
        self.must("audit")

    def exclusions(self):
        """Summed over batches, whose bounds depend on who read when."""
        sums = collections.Counter()
        for row in csv.DictReader(io.StringIO(self.must("export", "exclusions").decode())):
            sums[row["topic"], row["partition"], row["reason"]] += int(row["records"])
        return json.dumps(sorted((*key, value) for key, value in sums.items())).encode()

    def result(self):
        """Name of each document, and its bytes."""
        result = {f"export {what}": self.must("export", what) for what in EXPORTS}
        result["export exclusions"] = self.exclusions()
        result["credit notes"] = self.must("credits", "--quiet", "--format", "json")
        output = self.folder / "statements"
        for path in sorted(output.rglob("*")):
            # What a killed run left under a temporary name is hidden from people by its name.
            if path.is_file() and not path.name.startswith(".new-"):
                result[str(path.relative_to(output))] = path.read_bytes()
        return result

    def check(self):
        """finish, and compare with the reference."""
        self.finish()
        compare(self.result(), self.bench.reference)


def compare(got, wanted):
    if got.keys() != wanted.keys():
        raise Wrong(f"other documents than in the undisturbed run: {sorted(got.keys() ^ wanted.keys())}")
    for name, content in wanted.items():
        if got[name] != content:
            raise Wrong(f"{name} differs from the undisturbed run:\n{difference(got[name], content)}")


def difference(got, wanted):
    """The first line that differs."""
    pairs = itertools.zip_longest(got.split(b"\n"), wanted.split(b"\n"), fillvalue=b"")
    for number, (ours, theirs) in enumerate(pairs, start=1):
        if ours != theirs:
            return f"line {number}\n  disturbed:   {ours[:300]!r}\n  undisturbed: {theirs[:300]!r}"
    return "in nothing but its length"


def check_count(result, count):
    """Holds the undisturbed result against the independent count."""
    def minute(text):
        return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 60

    windows = {(row["service"], minute(row["minute"])): [int(row[name]) for name in ("total", "errors", "slow")]
               for row in csv.DictReader(io.StringIO(result["export windows"].decode()))}
    if windows != dict(count.windows):
        wrong = [key for key in windows.keys() | count.windows.keys() if windows.get(key) != count.windows.get(key)]
        raise Wrong(f"{len(wrong)} windows differ from the independent count, such as {min(wrong)}: "
                    f"{windows.get(min(wrong))}, counted {count.windows.get(min(wrong))}")
    reasons = collections.Counter(row["reason"] for row in
                                  csv.DictReader(io.StringIO(result["export dead-letters"].decode())))
    if reasons != count.dead_letters:
        raise Wrong(f"dead letters {dict(reasons)}, counted {dict(count.dead_letters)}")
    excluded = collections.Counter()
    for _, _, reason, records in json.loads(result["export exclusions"]):
        excluded[reason] += records
    if excluded != count.exclusions:
        raise Wrong(f"exclusions {dict(excluded)}, counted {dict(count.exclusions)}")
    check_statements(result)


def check_statements(result):
    """The comparison shall have something to compare: statements in all formats, and a credit that is not zero."""
    for suffix in (".json", ".html", ".csv", ".pdf"):
        if not any(name.endswith(suffix) for name in result):
            raise Wrong(f"the undisturbed run published no {suffix}")
    if not re.search(rb'"amount_minor": ?[1-9]', result["credit notes"]):
        raise Wrong("the undisturbed run earned no credit")
