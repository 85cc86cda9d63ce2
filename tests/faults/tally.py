"""What a kind of fault came to: how many hit, how many books were wrong afterwards. Rounds of it, side by side."""

import collections
import concurrent.futures
import random
import sys
import threading
import time

from books import Wrong

MISSES_PER_FAULT = 4  # so many attempts may miss for each fault that was wanted, and some more


class Tally:
    """Safe for several threads. `progress` is told each hit."""

    def __init__(self, kind, wanted, seed, progress=lambda tally: None):
        self.kind, self.wanted, self.seed = kind, wanted, seed
        self.progress = progress
        self.faults = 0       # confirmed to have hit a run in progress
        self.missed = 0       # too early or too late; tried again
        self.wrong = []
        self.notes = collections.Counter()
        self.started = time.monotonic()
        self._lock = threading.Lock()

    def hit(self, note=None):
        with self._lock:
            self.faults += 1
            if note is not None:
                self.notes[note] += 1
        self.progress(self)

    def miss(self):
        with self._lock:
            self.missed += 1

    def note_wrong(self, where, error):
        with self._lock:
            self.wrong.append(f"{where}: {error}")
        print(f"\nWRONG {self.kind}, {where}: {error}", file=sys.stderr, flush=True)

    def enough(self):
        return self.faults >= self.wanted

    def hopeless(self):
        return self.missed > MISSES_PER_FAULT * self.wanted + 20 or len(self.wrong) >= 10

    def confirmed(self):
        return self.faults >= self.wanted


def play_rounds(tally, play, bench, jobs=1):
    """play(bench, dice, tally) until enough hit; each round has dice of its own, named by its number."""
    def one(number):
        try:
            play(bench, random.Random(f"{tally.seed}/{tally.kind}/{number}"), tally)
        except Wrong as error:
            tally.note_wrong(f"seed {tally.seed}, round {number}", error)

    number = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = set()
        while not tally.enough() and not tally.hopeless():
            while len(running) < jobs:
                number += 1
                running.add(pool.submit(one, number))
            done, running = concurrent.futures.wait(running, return_when="FIRST_COMPLETED")
            for future in done:
                future.result()
        for future in running:
            future.result()
