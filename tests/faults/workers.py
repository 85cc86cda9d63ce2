"""Four workers on eight partitions, as static shards or as a consumer group, of which one is killed again and again.

A producer writes all the while, so that there is work to be interrupted. A kill counts if the worker was alive, the
ledger had grown since that worker began, and records were left to read. In the end a single worker reads the whole
topic into fresh books; both results must be the same bytes.
"""

import signal
import threading
import time

from bench import Bench
from books import Books, Wrong, check_count, compare

WORKERS = 4
PARTITIONS = 8


class Feed:
    """Writes requests at a steady pace until it is told to end."""

    def __init__(self, material, pace_per_s):
        self.material, self.pace_per_s = material, pace_per_s
        self.ended = threading.Event()
        self.failure = None
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        try:
            while not self.ended.wait(0.25):
                self.material.produce_requests(self.pace_per_s // 4)
        except Exception as error:  # told to whoever ends the feed
            self.failure = error

    def end(self):
        self.ended.set()
        self.thread.join()
        if self.failure is not None:
            raise self.failure
        self.material.settle()


class Crew:
    def __init__(self, books, words):
        self.books, self.words = books, words
        self.workers = [self.hire(index) for index in range(WORKERS)]

    def hire(self, index):
        run = self.books.start("consume", "--follow", *self.words(index))
        run.began_at = self.books.covered()
        return run

    def replace(self, index):
        """True if the kill counts."""
        worker = self.workers[index]
        grown = self.books.covered() > worker.began_at
        if not worker.kill():
            raise Wrong(f"worker {index} had left with status {worker.process.returncode}\n{worker.errors()}")
        self.workers[index] = self.hire(index)
        return grown

    def leave(self):
        for worker in self.workers:
            worker.signal(signal.SIGTERM)
        for index, worker in enumerate(self.workers):
            status = worker.wait(30)
            if status != 0:
                raise Wrong(f"worker {index}: status {status} after SIGTERM\n{worker.errors()}")


def disturb(bench, dice, tally, interval_s, words, **sections):
    books = bench.books(**sections)
    # Faster than four workers are between two kills, or the last record would be read before the next kill.
    feed = Feed(bench.material, 400)
    try:
        crew = Crew(books, words)
        while not tally.enough() and not tally.hopeless():
            time.sleep(interval_s)
            if crew.replace(dice.randrange(WORKERS)):
                tally.hit()
            else:
                tally.miss()
    finally:
        feed.end()
    books.wait_for(books.drained, "the workers reading all records", 120)
    crew.leave()
    books.finish()
    alone = Books(bench)
    alone.finish()
    reference = alone.result()
    check_count(reference, bench.material.count)
    compare(books.result(), reference)
    alone.close()
    books.close()


def play_shards(interval_s):
    def play(bench, dice, tally):
        own = Bench(bench.stores, tally.seed, records=2000, partitions=PARTITIONS)
        try:
            disturb(own, dice, tally, interval_s, lambda index: ("--shard", f"{index}/{WORKERS}", "--batch", "50"))
        finally:
            own.close()
    return play


def play_group(interval_s):
    def play(bench, dice, tally):
        own = Bench(bench.stores, tally.seed + 1, records=2000, partitions=PARTITIONS)
        cluster = {"name": "campaign", "bootstrap_servers": own.lab.bootstrap, "group": f"crew-{own.material.requests}",
                   "properties": {"session.timeout.ms": "6000"}}
        try:
            disturb(own, dice, tally, interval_s, lambda index: ("--batch", "50"), cluster=cluster)
        finally:
            own.close()
    return play
