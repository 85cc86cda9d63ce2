"""kill -9 at random moments and at every fault point, of every step from the first record to the credit note; of
nightly, too, which does all of them but the first.

A round begins with fresh books and kills each step several times. A kill counts if the process was alive until then
and had got somewhere without being done: the ledger or the documents had grown since the run began and had not
reached their end; an aggregator held its lease; or the process killed itself at a fault point.
"""

import signal
import threading
import time

from bench import fault_points
from books import Wrong

# Which step passes a fault point, by the first words of its name. A new word has to be entered here.
STEPS = (
    ("store.", "consume"), ("ledger.", "consume"), ("consume.", "consume"), ("jobs.deliver.", "consume"),
    ("fold.", "aggregate"), ("grading.", "aggregate"), ("nightly.", "nightly"),
    ("statement.", "report"), ("objects.", "report"), ("draft.", "report"), ("credit_note.", "credits"),
)
# Not passed by these steps when nothing disturbs them, and where else they are tried.
ELSEWHERE = {
    "ledger.commit.resolve": "after a lost answer only: --lost-commits",
    "ledger.loss.": "where records expired: tests/broker/kafka_corners.py, tests/unit",
    "ledger.park.": "where records expired",
    "consume.loss.": "where records expired",
    "incarnation.": "where a topic was created again",
    "redrive.": "where dead letters are counted again: tests/broker/redriving.py, tests/unit",
    "jobs.redrive.": "where dead letters are counted again",
    "statement.compared.": "where the books changed since a statement, but not its result: tests/unit/statement/test_revisions.c",
    "reclassify.": "where people enter something: tests/cli/test_revisions.sh",
    "claim.": "where people enter something",
    "archive.": "of uptally archive: tests/unit/jobs/test_archive_kills.c",
    "objects.publish.": "of uptally archive",
    "rebuild.": "of uptally rebuild: --rebuilds",
    "fold.side.": "while a rebuild is open",
    "dead_letter.": "where their bytes expire: tests/unit/aggregator/test_dead_letter.c",
}
WORDS = {"consume": ("consume",), "aggregate": ("aggregate",), "nightly": ("nightly", "--quiet"),
         "report": ("report", "--quiet"), "credits": ("credits", "--quiet")}
CONTRACTS, FILES_PER_STATEMENT, FILES_PER_NOTE = 5, 3, 2
KILLS_AT_MOST = {"consume": 14, "aggregate": 3, "nightly": 4, "report": 3, "credits": 2}
LEASED = ("aggregate", "nightly")


def step_of(point):
    for prefix, step in STEPS:
        if point.startswith(prefix):
            return step
    raise Wrong(f"fault point {point}: kills.py does not know which step passes it")


class Points:
    """The fault points that were not hit yet, shared by all rounds; then any of them at random."""

    def __init__(self, names=None):
        self._lock = threading.Lock()
        self.names = [name for name in (names or fault_points()) if not name.startswith(tuple(ELSEWHERE))]
        self.left = {name: step_of(name) for name in self.names}

    def take(self, dice, step):
        """A point of this step: one that is left, if any."""
        with self._lock:
            left = [name for name, its in self.left.items() if its == step]
            names = left or [name for name in self.names if step_of(name) == step]
        return dice.choice(sorted(names)) if names else None

    def waiting(self, step):
        with self._lock:
            return step in self.left.values()

    def hit(self, name):
        with self._lock:
            self.left.pop(name, None)


def documents(books):
    output = books.folder / "statements"
    return sum(1 for path in output.rglob("*") if path.is_file() and not path.name.startswith(".new-"))


def rows(books, table):
    found = books.store.rows(f"SELECT count(*) FROM {table}")
    return found[0][0] if found else 0


def place(books, step):
    """How far the step is, and where its end is."""
    if step == "consume":
        return books.covered(), books.bench.material.total
    if step == "report":
        return rows(books, "statement") + documents(books), CONTRACTS * (1 + FILES_PER_STATEMENT)
    if step == "nightly":
        return (rows(books, "statement") + rows(books, "credit_note") + documents(books),
                CONTRACTS * (2 + FILES_PER_STATEMENT + FILES_PER_NOTE))
    return (rows(books, "credit_note") + documents(books),
            CONTRACTS * (1 + FILES_PER_NOTE) + CONTRACTS * FILES_PER_STATEMENT)


def lease_of(books, run):
    """Whether the aggregator holds its lease: it has begun and is not done."""
    return any(f"process {run.pid}" in str(holder) and expires > 0
               for holder, expires in books.store.rows("SELECT holder, expires_ns FROM lease"))


def expire_lease(books):
    """As if its minute were over; nobody shall have to wait for it a thousand times."""
    books.store.change("UPDATE lease SET expires_ns = 0")


def advanced(books, step, before, run):
    return lease_of(books, run) if step in LEASED else place(books, step)[0] > before


def kill_at_random(books, dice, step, words, tally):
    """True if there was something to kill."""
    before = 0 if step in LEASED else place(books, step)[0]
    run = books.start(*words)
    if dice.random() < 0.1:  # anywhere, most likely while it starts
        time.sleep(dice.uniform(0, 0.3))
    else:
        while run.alive() and not advanced(books, step, before, run):
            time.sleep(0.002)
        time.sleep(dice.uniform(0, 0.12))
    killed = run.kill()
    if not killed:
        if run.process.returncode != 0:
            raise Wrong(f"{' '.join(words)}: status {run.process.returncode} before the kill\n{run.errors()}")
        return False
    if step in LEASED:
        inside = lease_of(books, run)
        expire_lease(books)
    else:
        now, end = place(books, step)
        inside = before < now < end
    if inside:
        tally.hit(step)
    else:
        tally.miss()
    return True


def kill_at_point(books, dice, step, words, tally, points):
    name = points.take(dice, step)
    if name is None:
        return False
    count = 1 if name in points.left else dice.choice((1, 1, 2, 3, 5))
    run = books.start(*words, fault=f"{name}:{count}:kill")
    status = run.wait()
    if status == -signal.SIGKILL:
        points.hit(name)
        tally.hit(f"at {name}")
        if step in LEASED:
            expire_lease(books)
        return True
    if status != 0:
        raise Wrong(f"{' '.join(words)} with a fault at {name}: status {status}\n{run.errors()}")
    tally.miss()
    return False


def steps_of_round(points, dice):
    """nightly leaves nothing to do for those behind it."""
    if points.waiting("nightly") or dice.random() < 0.3:
        return ("consume", "nightly")
    return ("consume", "aggregate", "report", "credits")


def play(points):
    def round_of_kills(bench, dice, tally):
        books = bench.books()
        batch = str(dice.choice((20, 50, 50, 100, 300)))
        for step in steps_of_round(points, dice):
            words = WORDS[step] + (("--batch", batch) if step == "consume" else ())
            for _ in range(KILLS_AT_MOST[step]):
                if dice.random() < (0.6 if points.waiting(step) else 0.2):
                    kill_at_point(books, dice, step, words, tally, points)
                    if step == "consume" and books.drained():
                        break
                elif not kill_at_random(books, dice, step, words, tally):
                    break
                if step == "consume" and dice.random() < 0.15:  # books are folded while they grow
                    kill_at_random(books, dice, "aggregate", WORDS["aggregate"], tally)
            books.must(*words)
        books.check()
        undelivered = books.store.rows("SELECT count(*) FROM outbox WHERE delivered_ns IS NULL")
        if undelivered != [(0,)]:
            raise Wrong(f"{undelivered} dead letters were not delivered")
        books.close()
    return round_of_kills
