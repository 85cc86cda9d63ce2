"""A world that breaks: a broker of one's own behind toxiproxy that is restarted, slowed down, cut off; a frozen
machine; a database that ends sessions or dies.

A fault counts if the run was alive and in the middle of its records when it came. The run may ride it out (0) or say
that the broker (5) or the store (6) failed; the next clean run must come to the same result.
"""

import contextlib
import json
import os
import signal
import time
from pathlib import Path

import servers
from books import Wrong
from proxy import Toxiproxy

BROKER_STATUSES = (0, 5)
STORE_STATUSES = (0, 6)


class OwnBroker:
    """Kafka that nobody else uses; clients reach it only through a proxy."""

    def __init__(self, folder, toxiproxy):
        state = json.loads(Path(os.environ["UPTALLY_TEST_SERVERS"], "servers.json").read_text())
        self.libs = state["kafka_libs"]
        self.folder = folder / "kafka"
        self.port, secure, controller, front = servers.free_ports(4)
        self.proxy = toxiproxy.proxy("kafka", front, f"127.0.0.1:{self.port}")
        self.bootstrap = f"127.0.0.1:{front}"
        servers.format_kafka(self.folder, self.libs, self.port, secure, controller, advertised=front)
        self.process = servers.run_kafka(self.folder, self.libs)
        self.wait()

    def start(self):
        """Again, with what it had."""
        self.process = servers.run_kafka(self.folder, self.libs)
        self.wait()

    def wait(self):
        servers.wait_until(lambda: servers.accepts(self.port), self.process, "Kafka", self.folder / "log")

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        try:
            self.process.wait(30)
        except servers.subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def own_broker(folder, toxiproxy_program):
    folder.mkdir(parents=True, exist_ok=True)
    toxiproxy = Toxiproxy(toxiproxy_program, folder / "proxy")
    try:
        broker = OwnBroker(folder, toxiproxy)
        try:
            yield broker
        finally:
            broker.stop(signal.SIGKILL)
    finally:
        toxiproxy.close()


def start_in_the_middle(books, dice, *words):
    """A consumer that has committed something and is far from its end; None if it was too fast."""
    run = books.start("consume", *words, "--batch", str(dice.choice((5, 10, 20))))
    books.wait_for(lambda: books.covered() > 0 or not run.alive(), "the first commit")
    time.sleep(dice.uniform(0, 0.1))
    return run


def in_the_middle(books, run):
    return run.alive() and 0 < books.covered() < books.bench.material.total


def end(run, statuses):
    status = run.wait()
    if status not in statuses:
        raise Wrong(f"{' '.join(run.words)}: status {status}, expected {' or '.join(map(str, statuses))}\n{run.errors()}")
    return status


def disturbed(bench, dice, tally, fault, statuses, note, store=None):
    """fault(run): what happens while a run is in the middle."""
    books = bench.books(store=store)
    run = start_in_the_middle(books, dice)
    hit = in_the_middle(books, run)
    fault(run)
    status = end(run, statuses)
    if hit:
        tally.hit(f"{note}: exit {status}")
    else:
        tally.miss()
    books.check()
    books.close()


# --- the broker -----------------------------------------------------------------------------------


def play_restarts(broker):
    def play(bench, dice, tally):
        number = (signal.SIGTERM, signal.SIGKILL)[tally.faults % 2]

        def restart(run):
            broker.stop(number)
            time.sleep(dice.uniform(0, 2))
            broker.start()
        disturbed(bench, dice, tally, restart, BROKER_STATUSES, number.name)
    return play


# name, stream, attributes, seconds
PROFILES = (
    ("latency", "downstream", {"latency": 300, "jitter": 50}, 4),
    ("bandwidth", "downstream", {"rate": 10}, 4),
    ("slicer", "downstream", {"average_size": 64, "size_variation": 32, "delay": 500}, 4),
    ("timeout", "downstream", {"timeout": 0}, 6),   # half open: nothing comes, nothing is closed
    ("timeout", "upstream", {"timeout": 0}, 6),
    ("reset_peer", "downstream", {"timeout": 0}, 3),
    ("limit_data", "downstream", {"bytes": 1000}, 3),  # cut in the middle of an answer
)


def play_network(proxy, statuses, store=lambda: None):
    """store(): one that is reached through the proxy, if it stands before the database."""
    def play(bench, dice, tally):
        name, stream, attributes, seconds = PROFILES[tally.faults % len(PROFILES)]

        def spoil(run):
            with proxy.toxic(name, stream, **attributes):
                deadline = time.monotonic() + seconds
                while run.alive() and time.monotonic() < deadline:
                    time.sleep(0.1)
        disturbed(bench, dice, tally, spoil, statuses, f"{name} {stream}", store())
    return play


def play_freezes(proxy, seconds):
    """As a platform moves a machine: stopped, its connections cut, and continued."""
    def play(bench, dice, tally):
        def freeze(run):
            run.signal(signal.SIGSTOP)
            with proxy.cut():
                time.sleep(seconds)
            run.signal(signal.SIGCONT)
        disturbed(bench, dice, tally, freeze, BROKER_STATUSES, "frozen")
    return play


# --- the database -------------------------------------------------------------------------------


def play_database(stores):
    """In turn: the session is ended, the server shuts down at once and comes back, the server is killed."""
    server = stores.server

    def terminate(name):
        stores.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def restart(name):
        server.stop(signal.SIGQUIT)
        server.start()

    def kill(name):
        server.stop(signal.SIGKILL)
        time.sleep(1)  # its children notice and leave
        server.start()

    turns = (("session ended", terminate), ("session ended", terminate), ("immediate restart", restart),
             ("server killed", kill))

    def play(bench, dice, tally):
        note, fault = turns[tally.faults % len(turns)]
        books = bench.books()
        run = start_in_the_middle(books, dice)
        hit = in_the_middle(books, run)
        fault(books.store.name)
        status = end(run, STORE_STATUSES)
        if hit:
            tally.hit(f"{note}: exit {status}")
        else:
            tally.miss()
        books.check()
        books.close()
    return play

