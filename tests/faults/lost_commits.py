"""The answer to a COMMIT is lost: the store has the batch, or it has not, and the program must find out.

With SQLite there is no answer to lose; fault points on both sides of the commit stand for it. With PostgreSQL the
program is stopped right before its COMMIT. Either toxiproxy then swallows what it sends, and the transaction is rolled
back. Or the server is made to wait within the COMMIT, as for a standby; toxiproxy is told to swallow the answer; and the
server may go on: the transaction is committed. What happened is asked of the store.
"""

import signal

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
    lose_one = lose_answer if outcome == "committed" else lose_request
    appeared = lose_one(books, run, proxy)
    if appeared not in (0, 1):
        raise Wrong(f"{appeared} batches appeared while the answer was being lost")
    tally.hit(OUTCOMES[appeared])


def lose_request(books, run, proxy):
    """Not a byte more to the server, and the connection is closed at the first attempt."""
    before = books.batches()
    with proxy.toxic("limit_data", "upstream", bytes=0):
        run.signal(signal.SIGCONT)
        books.wait_for(lambda: not books.store.sessions(), "the end of the session")
        return books.batches() - before  # the program does not reach the store yet


def lose_answer(books, run, proxy):
    stores = books.bench.stores
    waiting = (f"SELECT pid FROM pg_stat_activity WHERE datname = '{books.store.name}' AND wait_event = 'SyncRep'")
    try:
        stores.configure("synchronous_standby_names", "nobody")
        run.signal(signal.SIGCONT)
        books.wait_for(lambda: stores.sql(waiting), "the server waiting within COMMIT")
        before = books.batches()  # only now: a session may learn of the standby one commit later
        with proxy.toxic("limit_data", "downstream", bytes=0):
            stores.configure("synchronous_standby_names", "")
            books.wait_for(lambda: books.batches() != before, "the commit")
            return books.batches() - before
    finally:
        stores.configure("synchronous_standby_names", "")
