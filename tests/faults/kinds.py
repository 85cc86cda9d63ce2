"""The kinds of faults, one row each: its option, what it is called in docs/reliability.md, and what plays it."""

import contextlib
import dataclasses
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable

import disk
import kills
import lost_commits
import system
import workers
import world
import zombies
from bench import ROOT, Bench
from proxy import Toxiproxy
from servers import free_ports
from tally import Tally, play_rounds

SHARD_KILLS_S, GROUP_KILLS_S = 1, 15


@dataclasses.dataclass
class Kind:
    option: str
    text: str                # the fault, in the table of docs/reliability.md
    help: str
    play: Callable           # (session, tally): plays until the tally has enough
    stores: tuple = ("sqlite", "postgresql")


class Session:
    """What the kinds need, made when the first of them asks for it."""

    def __init__(self, options, stores):
        self.options, self.stores = options, stores
        self.exits = contextlib.ExitStack()
        self._bench = self._broker = self._remote = self._toxiproxy = None

    @property
    def bench(self):
        if self._bench is None:
            self._bench = Bench(self.stores, self.options.seed)
            self.exits.callback(self._bench.close)
        return self._bench

    @property
    def broker(self):
        """One of our own, behind a proxy."""
        if self._broker is None:
            self._broker = self.exits.enter_context(world.own_broker(self.bench.folder / "broker", self.options.toxiproxy))
        return self._broker

    @property
    def remote(self):
        """A bench over that broker."""
        if self._remote is None:
            self._remote = Bench(self.stores, self.options.seed, bootstrap=self.broker.bootstrap)
            self.exits.callback(self._remote.close)
        return self._remote

    def database_proxy(self):
        if self._toxiproxy is None:
            self._toxiproxy = Toxiproxy(self.options.toxiproxy, self.bench.folder / "database-proxy")
            self.exits.callback(self._toxiproxy.close)
            self._database_proxy = self._toxiproxy.proxy("postgresql", free_ports(1)[0],
                                                         f"127.0.0.1:{self.stores.server.port}")
        return self._database_proxy

    def close(self):
        self.exits.close()


def play_kills(session, tally):
    points = kills.Points()
    play_rounds(tally, kills.play(points), session.bench, jobs=2)
    tally.left = sorted(points.left)


def play_zombies(session, tally):
    play_rounds(tally, zombies.play, session.bench, jobs=1)


def play_lost_commits(session, tally):
    play = lost_commits.play_sqlite if session.stores.kind == "sqlite" else \
        lost_commits.play_postgresql(session.database_proxy())
    play_rounds(tally, play, session.bench)


def play_disk(session, tally):
    """Most sizes are too small for the first step; some let it pass and stop a later one."""
    least, most, far = (64, 4000, 9000) if session.stores.kind == "sqlite" else (8000, 12000, 20000)
    play = disk.play(lambda dice: dice.randrange(least, most if dice.random() < 0.7 else far))
    play_rounds(tally, play, session.bench)


def play_shards(session, tally):
    play_rounds(tally, workers.play_shards(SHARD_KILLS_S), session.bench)


def play_group(session, tally):
    play_rounds(tally, workers.play_group(session.options.group_interval), session.bench)


def play_restarts(session, tally):
    play_rounds(tally, world.play_restarts(session.broker), session.remote)


def play_network(session, tally):
    if session.stores.kind == "sqlite":
        play_rounds(tally, world.play_network(session.broker.proxy, world.BROKER_STATUSES), session.remote)
        return
    proxy = session.database_proxy()
    play = world.play_network(proxy, world.STORE_STATUSES, lambda: session.stores.fresh(None, "127.0.0.1", proxy.port))
    play_rounds(tally, play, session.bench)


def play_freezes(session, tally):
    play_rounds(tally, world.play_freezes(session.broker.proxy, session.options.freeze_seconds), session.remote)


def play_database(session, tally):
    play_rounds(tally, world.play_database(session.stores), session.bench)


def play_refusals(session, tally):
    play_rounds(tally, system.play_refusals(session.options.plain_program), session.bench)


def play_clock(session, tally):
    play_rounds(tally, system.play_clock(session.options.plain_program), session.bench)


def play_twins(session, tally):
    play_rounds(tally, system.play_twins, session.bench)


def take_over(tally, command, pattern):
    """A program of its own whose last line tells how many and how many were wrong."""
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
    lines = done.stdout.strip().splitlines() or [""]
    found = re.fullmatch(pattern, lines[-1])
    if found is None:
        tally.note_wrong(" ".join(map(str, command)), f"status {done.returncode}, last line: {lines[-1]}")
        return
    tally.faults = int(found[1])
    if found[2] != "0" or done.returncode != 0:
        tally.note_wrong(" ".join(map(str, command)), lines[-1])


def play_schedules(session, tally):
    """Simulated: broker, workers, aggregator and store in one process; see tests/sim."""
    program = session.options.program.parents[1] / "tests/sim/sim"
    take_over(tally, [program, "--schedules", str(tally.wanted), "--seed", str(tally.seed)],
              r"(\d+) schedules, (\d+) wrong")


def play_bytes(session, tally):
    """flip.py, on the small store that small_store makes."""
    wanted = ["--all"] if session.options.bytes == "all" else ["--flips", str(tally.wanted)]
    take_over(tally, [sys.executable, Path(__file__).with_name("flip.py"), *wanted, "--seed", str(tally.seed),
                      "--program", session.options.plain_program,
                      "--small-store", session.options.program.parents[1] / "tests/faults/small_store"],
              r"(\d+) faults, (\d+) wrong")


def play_rebuilds(session, tally):
    """The unit test, with as many faults as are wanted."""
    program = session.options.program.parents[1] / "tests/unit.jobs.rebuild_kills"
    take_over(tally, ["env", f"UPTALLY_REBUILD_KILLS={tally.wanted}", program], r"(\d+) faults, (\d+) wrong")


KINDS = (
    Kind("kills", "kill -9 of consume, aggregate, nightly, report and credits, at random moments and at every fault point",
         "kill -9 of every step", play_kills),
    Kind("zombies", "SIGSTOP of a consumer or aggregator that is replaced and then wakes",
         "stopped processes that wake after they were replaced", play_zombies),
    Kind("lost-commits", "the answer to a COMMIT is lost", "lost answers to COMMIT", play_lost_commits),
    Kind("shards", "4 workers as static shards of 8 partitions, one killed every second",
         "kills among static shards", play_shards),
    Kind("rebalances", "4 workers of a consumer group on 8 partitions, one killed every 15 s",
         "kills among members of a group", play_group),
    Kind("disk-full", "the disk of the store is full", "sizes of a disk that is too small", play_disk),
    Kind("bytes", "a byte of the store is flipped", "flipped bytes, or \"all\"", play_bytes, ("sqlite",)),
    Kind("schedules", "simulated schedules of kills, rebalances, lost answers and clock steps",
         "simulated schedules", play_schedules, ("sqlite",)),
    Kind("restarts", "the broker is restarted or killed", "restarts of the broker", play_restarts),
    Kind("sessions", "the database ends sessions, restarts or is killed", "faults of the database", play_database,
         ("postgresql",)),
    Kind("network", "latency, bandwidth, slicing, half-open and cut connections (to Kafka; to PostgreSQL where that is the store)",
         "faults of the network", play_network),
    Kind("freezes", "SIGSTOP for 10 s while all connections to Kafka are cut", "moves of the machine", play_freezes),
    Kind("refusals", "write, fsync or malloc fails, or files may not grow", "calls that fail", play_refusals),
    Kind("clock", "the clock steps by an hour or 25, forwards or back", "steps of the clock", play_clock),
    Kind("twins", "two schedulers start the same job at once", "jobs that are started twice", play_twins),
    Kind("rebuilds", "uptally rebuild is killed, or fails, at every fault point, while late events are read and folded",
         "kills and failures of a rebuild and its swap", play_rebuilds, ("sqlite",)),
)


def play(kind, wanted, session, progress):
    tally = Tally(kind.option, wanted, session.options.seed, progress)
    kind.play(session, tally)
    return tally
