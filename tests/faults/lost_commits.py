"""The answer to a COMMIT is lost: the store has the batch, or it has not, and the program must find out.

With SQLite there is no answer to lose; fault points on both sides of the commit stand for it. With PostgreSQL the
program is stopped right before its COMMIT; toxiproxy is told to swallow the request (the transaction is rolled back)
or the answer (it is committed); the program goes on, and the store is asked for the batch.
"""

import signal
import time

from books import Wrong
from zombies import must_end, stop_at

OUTCOMES = ("not committed", "committed")


def play_sqlite(bench, dice, tally):
    books = bench.books()
    outcome = OUTCOMES[tally.faults % 2]
    point = "ledger.commit.after" if outcome == "committed" else "ledger.commit.before"
    count = dice.randrange(1, 12)
    run = books.start("consume", "--batch", str(dice.choice((50, 100, 200))), fault=f"{point}:{count}:error")
    must_end(run, 0)
    # More commits than that: the point was passed, and there was work after it.
    if books.batches() > count:
        tally.hit(outcome)
    else:
        tally.miss()
    books.check()
    books.close()


def play_postgresql(proxy):
    """proxy: between the program and the server."""
    def play(bench, dice, tally):
        outcome = OUTCOMES[tally.faults % 2]
        store = bench.stores.fresh(None, host="127.0.0.1", port=proxy.port)
        books = bench.books(store=store)
        run = stop_at(books, "ledger.commit.before", dice.randrange(1, 12), "consume", "--batch", "100")
        if run is None:
            tally.miss()
        else:
            lose(books, run, proxy, outcome, tally)
            must_end(run, 0, 6)
        books.check()
        books.close()
    return play


def lose(books, run, proxy, outcome, tally):
    before = books.batches()
    # Not a byte passes any more in that direction, and the connection is closed at the first attempt.
    with proxy.toxic("limit_data", "downstream" if outcome == "committed" else "upstream", bytes=0):
        run.signal(signal.SIGCONT)
        books.wait_for(lambda: not books.store.sessions() or books.batches() != before, "the end of the session")
        time.sleep(0.05)
        after = books.batches()
    seen = OUTCOMES[after - before] if after - before in (0, 1) else None
    if seen is None:
        raise Wrong(f"{after - before} batches appeared while the answer was being lost")
    tally.hit(seen)
