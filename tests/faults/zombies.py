"""Processes that are stopped in the middle of their work, are replaced, and wake up.

A zombie counts if it stood at a fault point when another one took its place, and the place it would have written to
had moved before it woke.
"""

import signal

from books import Wrong
from kills import expire_lease

FENCED = 8


def stop_at(books, point, count, *words):
    """A run that stands at the fault point, or None if it ended without passing it."""
    run = books.start(*words, fault=f"{point}:{count}:stop")
    books.wait_for(lambda: run.stopped() or not run.alive(), f"{' '.join(words)} stopping at {point}")
    return run if run.alive() else None


def must_end(run, *statuses):
    status = run.wait()
    if status not in statuses:
        raise Wrong(f"{' '.join(run.words)}: status {status}, expected {' or '.join(map(str, statuses))}\n{run.errors()}")
    return status


def shard(books, dice, tally):
    """The new owner goes on in small steps while the zombie wakes: fenced once it reads its place anew, fenced again
    it leaves."""
    zombie = stop_at(books, "ledger.commit.begin", dice.randrange(2, 6), "consume", "--shard", "0/1", "--batch", "300")
    if zombie is None:
        return tally.miss()
    stood = books.covered()
    owner = books.start("consume", "--shard", "0/1", "--batch", "3")
    books.wait_for(lambda: books.covered() > stood or not owner.alive(), "the new owner's first commit")
    moved = books.covered() > stood
    zombie.signal(signal.SIGCONT)
    left = must_end(zombie, FENCED, 0)
    # Whoever came second twice leaves. The two may meet on several partitions, and each come second on one: then both leave, and the run of
    # everything that follows reads to the end.
    if must_end(owner, 0, FENCED) == FENCED and "another consumer owns it" not in owner.errors():
        raise Wrong(f"{' '.join(owner.words)}: left without having been refused\n{owner.errors()}")
    if moved and left == FENCED:
        return tally.hit("shard")
    return tally.miss()


def late_shard(books, dice, tally):
    """Everything was read by another one before it wakes: there is nothing left for it to do."""
    zombie = stop_at(books, "ledger.commit.begin", dice.randrange(2, 8), "consume", "--batch", "200")
    if zombie is None:
        return tally.miss()
    books.must("consume")
    zombie.signal(signal.SIGCONT)
    must_end(zombie, 0, FENCED)
    return tally.hit("shard, after the end")


def member(books, dice, tally):
    """A member of a group that was given up by its coordinator."""
    lab = books.bench.lab
    group = f"zombies-{books.folder.name}-{dice.randrange(10**9)}"
    books.configure(cluster={"name": "campaign", "bootstrap_servers": lab.bootstrap, "group": group,
                             "properties": {"session.timeout.ms": "6000"}})
    zombie = stop_at(books, "ledger.commit.begin", dice.randrange(2, 6), "consume", "--batch", "200")
    if zombie is None:
        return tally.miss()
    stood = books.covered()
    heir = books.start("consume", "--batch", "50")
    must_end(heir, 0)
    moved = books.covered() > stood
    zombie.signal(signal.SIGCONT)
    must_end(zombie, 0, FENCED)
    return tally.hit("member of a group") if moved else tally.miss()


def aggregator(books, dice, tally):
    """Outside of a transaction; its lease runs out."""
    point, count = dice.choice((("fold.step.begin", 1), ("fold.step.begin", 2), ("fold.step.after", 1)))
    books.must("consume", "--batch", "100")
    zombie = stop_at(books, point, count, "aggregate")
    if zombie is None:
        return tally.miss()
    expire_lease(books)
    books.must("aggregate")
    zombie.signal(signal.SIGCONT)
    must_end(zombie, FENCED)
    return tally.hit("aggregator")


def inside_transaction(books, dice, tally):
    """SQLite: who is stopped inside a transaction holds the lock of the store. Others wait and leave with 8; nobody
    takes over, so it is no zombie when it wakes."""
    writer = stop_at(books, "ledger.commit.rows", dice.randrange(1, 5), "consume", "--batch", "300")
    if writer is None:
        return tally.miss()
    other = books.start("consume", "--lock-wait", "1s")
    must_end(other, FENCED)
    writer.signal(signal.SIGCONT)
    must_end(writer, 0)
    return tally.hit("inside a transaction")


def inside_session(books, dice, tally):
    """PostgreSQL: the server ends the session of who is stopped inside a transaction, and others go on."""
    zombie = stop_at(books, "ledger.commit.rows", dice.randrange(1, 5), "consume", "--batch", "300")
    if zombie is None:
        return tally.miss()
    books.must("consume")
    zombie.signal(signal.SIGCONT)
    must_end(zombie, 0, 6, FENCED)
    return tally.hit("inside a transaction")


def play(bench, dice, tally):
    """In turn, so that a few show the most important ones; every tenth waits for a session to end."""
    inside = inside_transaction if bench.stores.kind == "sqlite" else inside_session
    turns = (shard, aggregator, inside, shard, late_shard, aggregator, shard, aggregator, shard, member)
    books = bench.books()
    turns[tally.faults % len(turns)](books, dice, tally)
    books.check()
    books.close()

