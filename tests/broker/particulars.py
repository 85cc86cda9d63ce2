#!/usr/bin/env python3
"""Statements that need more of a minute than counts, held against an oracle that looks at every single event.

From a seed: bursts of requests with times and latencies in nanoseconds, sampled ones, several customers, copies, equal instants, latencies exactly at
the limit, outages across the month's borders. They are read in two halves, late ones second, by two consumers at once in small batches, a part of
them only by a redrive. The oracle knows no minutes and no batches: runs of failure are found between successes in the sorted list of events,
percentiles by nearest rank in the list of latencies.
"""

import csv
import datetime
import io
import json
import os
import random
import subprocess
import sys
import unittest
import zipfile
from fractions import Fraction
from math import ceil
from pathlib import Path

from lab import SCHEMAS, Encoder, Lab

sys.path.append(str(Path(__file__).resolve().parents[1] / "oracle"))
from statement_schema import findings  # noqa: E402

SECOND, MINUTE, HOUR = 10**9, 60 * 10**9, 3600 * 10**9
MS = 10**6
SCHEMA = json.dumps({"type": "record", "name": "Hit", "fields": [
    {"name": "service", "type": "string"}, {"name": "at", "type": "long"}, {"name": "status", "type": "int"},
    {"name": "took", "type": ["null", "long"]}, {"name": "weight", "type": "int"},
    {"name": "customer", "type": ["null", "string"]}, {"name": "id", "type": ["null", "string"]}]})
MAP = {"service": "service", "time": {"path": "at", "unit": "ns"}, "outcome": {"path": "status", "success": [200], "error": [500, 503]},
       "latency": {"path": "took", "unit": "ns"}, "weight": "weight", "customer": "customer", "event_id": "id"}
WRONG = {**MAP, "outcome": {"path": "status", "success": [200], "error": [500]}}
SERVICES = ("api", "shop")
BURSTS = 24
LIMITS = {"100ms": 100 * MS, "250ms": 250 * MS, "1s": SECOND}


def last_month():
    end = datetime.datetime.now(datetime.timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (end - datetime.timedelta(days=1)).replace(day=1), end


def seed_of_today():
    return int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))


class Story:
    """The events, each once, and the order in which they reach the topic."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        start, end = last_month()
        self.start, self.end = int(start.timestamp()) * SECOND, int(end.timestamp()) * SECOND
        self.name = start.strftime("%Y-%m")
        self.events = [event for service in SERVICES for event in self.of_service(service)]

    def event(self, service, at, mode):
        dice = self.dice
        fails = dice.random() < {"well": 0.02, "dead": 1, "mixed": 0.5, "slow": 0}[mode]
        limit = dice.choice(list(LIMITS.values()))
        usual = dice.randrange(90 * MS)
        took = dice.choice([limit - 1, limit, limit + 1, 3 * SECOND] if mode == "slow" or dice.random() < 0.06 else [usual])
        return {"service": service, "at": at, "status": dice.choice([500, 500, 503]) if fails else 200,
                "took": None if dice.random() < 0.03 else took, "weight": dice.choice([1] * 6 + [2, 7]),
                "customer": dice.choice([None, "acme", "globex"]), "id": None}

    def of_service(self, service):
        """Bursts of some minutes, also around both ends of the month; what happens in one goes on for some minutes."""
        dice = self.dice
        starts = [self.start - 20 * HOUR, self.start - 5 * MINUTE, self.end - 6 * MINUTE]
        starts += [self.start + dice.randrange((self.end - self.start) // MINUTE) * MINUTE for _ in range(BURSTS)]
        for begin in starts:
            at, mode = begin, "well"
            while at < begin + 12 * MINUTE:
                if dice.random() < 0.04:
                    mode = dice.choice(["well", "dead", "dead", "mixed", "slow"])
                at += dice.choice([0, 1, dice.randrange(SECOND), dice.randrange(20 * SECOND), MINUTE - at % MINUTE,
                                   2 * MINUTE - 1 - at % MINUTE])
                yield self.event(service, at, mode)

    def records(self):
        """Payload fields in the order of arrival: two halves; a fifth has an id, and comes twice or thrice."""
        events = list(self.events)
        self.dice.shuffle(events)
        for index, event in enumerate(events):
            if self.dice.random() < 0.2:
                event["id"] = f"{index}"
        late = set(self.dice.sample(range(len(events)), len(events) // 3))
        halves = [[e for i, e in enumerate(events) if (i in late) == second] for second in (False, True)]
        copies = [[e for e in half if e["id"] for _ in range(self.dice.randrange(3))] for half in halves]
        for half, more in zip(halves, copies):
            half += more
            self.dice.shuffle(half)
        halves[1] += self.dice.choices(copies[0], k=len(copies[0]) // 2)  # also copies of what was read long before
        return halves

    def heart(self):
        """A request a minute of a service that nobody asks about: the topic is never silent."""
        for at in range(self.start - 21 * HOUR, self.end + 26 * HOUR, MINUTE):
            yield {"service": "heart", "at": at, "status": 200, "took": 1, "weight": 1, "customer": None, "id": None}


# --- the oracle -----------------------------------------------------------------------------------


def lost_to_failure(events, start, end, min_run):
    """Nanoseconds within [start, end) from one success to the next one, where a failure lies strictly between."""
    good = sorted({e["at"] for e in events if e["status"] == 200})
    bad = sorted({e["at"] for e in events if e["status"] != 200})
    first = min(e["at"] for e in events) // MINUTE * MINUTE
    last = (max(e["at"] for e in events) // MINUTE + 1) * MINUTE
    marks = [min(start, first) - 1, *good, max(end, last) + 1]  # outside of all events, so that any of them lies between
    lost = 0
    for a, b in zip(marks, marks[1:]):
        if any(a < at < b for at in bad):
            begin, stop = max(a, min(start, first)), min(b, max(end, last))
            if stop - begin >= min_run:
                lost += max(min(stop, end) - max(begin, start), 0)
    return lost


def slice_is_bad(events, percent, below, max_error_ratio):
    total = sum(e["weight"] for e in events)
    errors = sum(e["weight"] for e in events if e["status"] != 200)
    if max_error_ratio is not None and Fraction(errors, total) > max_error_ratio:
        return True
    latencies = sorted(e["took"] for e in events if e["status"] == 200 and e["took"] is not None for _ in range(e["weight"]))
    rank = ceil(Fraction(percent) / 100 * len(latencies))
    return rank > 0 and latencies[rank - 1] > below


def share_of_good_slices(events, start, end, length, silence, percent, below, max_error_ratio):
    good = measured = 0
    for begin in range(start, end, length):
        inside = [e for e in events if begin <= e["at"] < begin + length]
        if inside:
            measured += 1
            good += not slice_is_bad(inside, percent, below, max_error_ratio)
        elif silence != "exclude":
            measured += 1
            good += silence == "up"
    return Fraction(good, measured) if measured else None


# --- contracts ------------------------------------------------------------------------------------


class Terms:
    """A contract and what the oracle says of it."""

    def __init__(self, dice, index):
        self.id = f"c-{index}"
        self.service = dice.choice(SERVICES)
        self.silence = "up"
        if index % 2 == 0:
            self.min_run = dice.choice(["60s", "61s", "90500ms", "5m"])
            self.fields = {"method": "total_failure_runs", "min_run": self.min_run}
            return
        self.minutes, self.percent, self.below = dice.choice([1, 5, 60]), dice.choice(["50", "90", "95", "99", "99.9", "100"]), dice.choice(list(LIMITS))
        self.errors = dice.choice([None, "0.3"])
        self.silence = dice.choice(["up", "down", "exclude"])
        self.fields = {"method": "time_slices", "slice": f"{self.minutes}m", "latency": {"percentile": self.percent, "below": self.below}}
        if self.errors:
            self.fields["max_error_ratio"] = self.errors

    def contract(self, story, **more):
        unknown = {"no_traffic": self.silence, "probe_down": "up", "pipeline_gap": "down", "not_provisioned": "down"}
        return {"id": self.id, "services": [self.service], "time_zone": "UTC", "valid_from": f"{story.name}-01",
                "availability": {"target": 99, "unknown": unknown, **self.fields}, **more}

    def expected(self, story):
        events = [e for e in story.events if e["service"] == self.service]
        if self.fields["method"] == "total_failure_runs":
            number, unit = (self.min_run[:-2], MS) if self.min_run.endswith("ms") else (self.min_run[:-1], SECOND)
            unit = MINUTE if self.min_run.endswith("m") else unit
            lost = lost_to_failure(events, story.start, story.end, int(number) * unit)
            return 1 - Fraction(lost, story.end - story.start)
        return share_of_good_slices(events, story.start, story.end, self.minutes * MINUTE, self.silence, self.percent,
                                    LIMITS[self.below], Fraction(self.errors) if self.errors else None)


class Particulars(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("particulars")
        self.addCleanup(self.lab.close)
        self.seed = seed_of_today()
        print(f"seed {self.seed}; again with SEED={self.seed}", flush=True)
        self.story = Story(self.seed)
        self.dice = self.story.dice
        self.terms = [Terms(self.dice, index) for index in range(12)]
        self.encode = Encoder(self.lab.register(SCHEMA), SCHEMA)
        self.topic = self.lab.topic("hits", 3)

    def configure(self, name, mapping, contracts, **more):
        topic = {"name": self.topic, "kind": "requests", "framing": "confluent", "services": "discover", "map": mapping,
                 "duplicates": {"horizon": "40d"}}
        return self.lab.configuration([topic], name=name, contracts=contracts,
                                      services=[{"name": "api", "latency_threshold": "200ms"}], **more)

    def produce(self, events):
        self.lab.produce(self.topic, [(self.dice.randrange(3), self.encode(event)) for event in events])

    def consume(self, config):
        """Two consumers at once, in small batches; then what they read is folded."""
        both = [self.lab.start(config, "consume", "--shard", f"{i}/2", "--batch", "700") for i in range(2)]
        for process in both:
            self.assertEqual(process.wait(120), 0, process.log.read_text())
        self.lab.must(config, "aggregate")

    def read_all(self):
        halves = self.story.records()
        contracts = [terms.contract(self.story) for terms in self.terms]
        wrong = self.configure("wrong.yaml", WRONG, contracts)
        right = self.configure("right.yaml", MAP, contracts)
        self.produce(self.story.heart())
        self.lab.must(wrong, "consume")  # a mapping that is right for most, before the bad ones come
        self.produce(halves[0])
        self.consume(wrong)
        self.lab.must(right, "redrive")
        self.produce(halves[1])
        self.consume(right)
        self.lab.must(right, "audit")
        return right

    def assert_schema(self, document, name):
        schema = json.loads((SCHEMAS / name).read_text())
        self.assertEqual(findings(document, schema, schema), [])

    def statement(self, contract):
        [path] = (self.lab.folder / "statements" / contract / self.story.name).glob("statement*.json")
        done = subprocess.run([self.lab.program, "verify", str(path)], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr)
        statement = json.loads(path.read_text())
        self.assert_schema(statement, "statement.schema.json")
        return statement

    def check_figures(self):
        for terms in self.terms:
            with self.subTest(terms.id, seed=self.seed, fields=terms.fields, service=terms.service, silence=terms.silence):
                uptime = self.statement(terms.id)["uptime"]
                expected = terms.expected(self.story)
                got = None if uptime is None else Fraction(int(uptime["numerator"]), int(uptime["denominator"]))
                print(f"  {terms.id} {terms.service} {terms.fields}: {got}", flush=True)
                self.assertEqual(got, expected)

    def check_explanations(self, config):
        for terms in self.terms:
            told = json.loads(self.lab.must(config, "explain", terms.id, self.story.name, "--format", "json", "--limit", "1000000"))
            self.assert_schema(told, "explanation.schema.json")
            lines = [line for group in told["groups"] for stretch in group["stretches"] for line in stretch["cause"]]
            document = " ".join(self.statement(terms.id)["explanation"])
            if "latency" in terms.fields:
                self.assertIn(f"percentile {terms.percent} of the latency of its good requests is above {terms.below[:-2]}", document)
                self.assertTrue(all("took longer than" in line or "may" not in line for line in lines))
                latencies = [stretch["latency"] for group in told["groups"] for stretch in group["stretches"]]
                self.assertNotIn(None, latencies)
                self.assertEqual(any("took longer than" in line for line in lines), any(latency["known"] for latency in latencies))

    def unpacked(self, config, terms):
        """The tables of the contract's evidence pack, in a folder."""
        self.lab.must(config, "report", "--evidence", "--contract", terms.id, "--month", self.story.name)
        folder = self.lab.folder / f"pack-{terms.id}"
        with zipfile.ZipFile(self.lab.folder / "statements" / terms.id / self.story.name / "evidence-r1.zip") as pack:
            pack.extractall(folder)
        return folder / f"evidence-{terms.id}-{self.story.name}-r1"

    def check_evidence(self, config):
        """What the packs hold is enough to come to the figures again."""
        for terms in self.terms[:4]:
            pack = self.unpacked(config, terms)
            rows = list(csv.DictReader(io.StringIO((pack / "windows.csv").read_text())))
            if "latency" in terms.fields:
                events = [e for e in self.story.events if e["service"] == terms.service and e["status"] == 200 and e["took"] is not None
                          and e["at"] >= self.story.start - 24 * HOUR]
                events = [e for e in events if e["at"] < self.story.end]
                self.assertEqual(sum(int(row["known"]) for row in rows), sum(e["weight"] for e in events))
                self.assertEqual(sum(int(row["over"]) for row in rows), sum(e["weight"] for e in events if e["took"] > LIMITS[terms.below]))
                self.assertIn("over / known", (pack / "README.txt").read_text())
                continue
            again = json.loads(self.lab.must(config, "evaluate", "--contract", terms.id, "--month", self.story.name, "--format", "json",
                                             "--windows", str(pack / "windows.csv"), "--states", str(pack / "states.csv")))
            self.assertEqual(Fraction(int(again["uptime"]["numerator"]), int(again["uptime"]["denominator"])), terms.expected(self.story))

    def check_refusal(self):
        """A contract that comes too late is refused by name, by everything that would make its statement; others are not."""
        late = {**Terms(self.dice, 1).contract(self.story), "id": "late"}
        late["availability"] |= {"latency": {"percentile": 95, "below": "123ms"}}
        config = self.configure("late.yaml", MAP, [late, self.terms[0].contract(self.story)])
        for command in (["report", "--contract", "late", "--month", self.story.name], ["explain", "late", self.story.name], ["nightly"]):
            done = self.lab.run(config, *command)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"late: service {late['services'][0]}: of requests from {self.story.name}-01T", done.stderr)
            self.assertIn("the store did not keep what availability.latency needs", done.stderr)
        self.assertFalse((self.lab.folder / "statements" / "late").exists())
        self.lab.must(config, "report", "--contract", self.terms[0].id, "--month", self.story.name)
        # Nothing of it shows elsewhere.
        header = self.lab.must(config, "export", "windows").splitlines()[0]
        self.assertEqual(header, "service,minute,total,errors,slow")

    def check_rebuild(self):
        """The month again from an archive, in a store that read all of it by one mapping: weights, customers, copies, particulars."""
        contracts, archive = [terms.contract(self.story) for terms in self.terms], {"folder": "archive", "file_bytes": "64 KiB"}
        config = self.configure("again.yaml", MAP, contracts, store={"sqlite": "again.db"}, archive=archive)
        self.consume(config)
        for command in (["archive"], ["rebuild", "--month", self.story.name, "--threads", "3"], ["audit"]):
            self.lab.must(config, *command)
        # The other store has read some of it by another one.
        config = self.configure("mixed.yaml", MAP, contracts, archive={"folder": "mixed"})
        self.lab.must(config, "archive")
        done = self.lab.run(config, "rebuild", "--month", self.story.name)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("were counted by another configuration", done.stderr)

    def test_statements_are_what_the_events_say(self):
        config = self.read_all()
        self.assertGreater(self.lab.query("SELECT count(*) FROM duplicate")[0][0], 0)
        self.assertGreater(self.lab.query("SELECT sum(tallied) FROM moved")[0][0], 0)
        self.lab.must(config, "nightly")
        self.check_figures()
        self.check_explanations(config)
        self.check_evidence(config)
        self.check_refusal()
        self.check_rebuild()


if __name__ == "__main__":
    unittest.main(verbosity=2)
