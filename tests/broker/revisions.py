#!/usr/bin/env python3
"""A month whose statement is issued while events of it are still on their way: each time they arrive, a revision and a note of the difference.

What is owed is computed here by hand: requests that failed, of all, against the tiers of the contract.
"""

import hashlib
import json
import os
import subprocess
import unittest
from datetime import datetime, timedelta, timezone
from fractions import Fraction

from lab import REQUEST_MAP, Lab

FEE = 1000
TIERS = ((Fraction("0.999"), 10), (Fraction("0.99"), 25), (Fraction("0.95"), 50))
THIS_MONTH = datetime.now(timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
NAME = MONTH.strftime("%Y-%m")


def credit(good, total):
    """Minor units: of the last tier that the share is strictly below."""
    percents = [percent for below, percent in TIERS if Fraction(good, total) < below]
    return FEE * percents[-1] if percents else 0


class Revisions(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("revisions")
        self.addCleanup(self.lab.close)
        self.encode = self.lab.encoder("request_event")
        self.topic = self.lab.topic("requests", partitions=3)
        self.config = self.lab.configuration(
            [{"name": self.topic, "kind": "requests", "framing": "confluent", "services": "discover", "map": REQUEST_MAP,
              "max_age": "400d"}],
            contracts=[{
                "id": "acme", "customer": "ACME", "services": ["api"], "time_zone": "UTC", "currency": "EUR", "fee": f"{FEE}.00",
                "valid_from": MONTH.strftime("%Y-%m-%d"), "valid_until": THIS_MONTH.strftime("%Y-%m-%d"), "grace": "0s",
                "availability": {"target": 99.9, "method": "request_ratio", "unknown": {
                    "no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down", "not_provisioned": "exclude"}},
                "credits": {"tiers": [{"below": float(below) * 100, "percent": percent} for below, percent in TIERS],
                            "rounding": "half_even"}}])
        self.folder = self.lab.folder / "statements" / "acme" / NAME
        self.good = self.total = 0
        self.sent = 0

    def send(self, good, bad, again=False):
        """Requests of the month, spread over its minutes and the partitions of the topic; their records are of now. again: in minutes that had one."""
        records = []
        self.sent = 0 if again else self.sent
        for i in range(good + bad):
            at = MONTH + timedelta(minutes=(self.sent * 37) % (27 * 1440))
            value = {"service_name": "api", "start_time": int(at.timestamp()) * 1000000,
                     "http_response_status_code": 200 if i < good else 503, "duration_us": 1500}
            records.append((self.sent % 3, self.encode(value)))
            self.sent += 1
        self.lab.produce(self.topic, records)
        self.good, self.total = self.good + good, self.total + good + bad

    def night(self):
        """Read, folded, and what is due is done; read once more after a kill between counting and committing."""
        done = subprocess.run(self.lab.command(self.config, "consume"), cwd=self.lab.folder,
                              env={**os.environ, "UPTALLY_FAULT": "ledger.commit.before:1:kill"}, capture_output=True,
                              text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, -9, done.stderr)
        self.lab.must(self.config, "consume")
        self.lab.must(self.config, "aggregate")
        done = self.lab.run(self.config, "nightly")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def statement(self, revision):
        return json.loads((self.folder / f"statement-r{revision}.json").read_text())

    def on_disk(self):
        """Everything but what says which revision is the newest."""
        return {path.name: path.read_bytes() for path in self.folder.iterdir() if "-r" in path.name}

    def stored(self):
        return self.lab.query("SELECT revision, document, sha256 FROM statement WHERE contract = 'acme' ORDER BY revision")

    def notes(self):
        return [row[0] for row in self.lab.query("SELECT amount_minor FROM credit_note WHERE contract = 'acme' ORDER BY revision")]

    def check(self, revision):
        statement = self.statement(revision)
        uptime = statement["uptime"]
        self.assertEqual(Fraction(int(uptime["numerator"]), int(uptime["denominator"])), Fraction(self.good, self.total))
        self.assertEqual(statement["credit"]["amount_minor"], credit(self.good, self.total))
        self.assertEqual(sum(self.notes()), credit(self.good, self.total))
        self.assertEqual(statement["services"][0]["requests"]["total"], self.total)
        for number, document, sha256 in self.stored():
            text = (self.folder / f"statement-r{number}.json").read_bytes()
            self.assertEqual(text, document.encode())
            self.assertEqual(sha256, hashlib.sha256(text).hexdigest())
        self.assertEqual(len(self.stored()), revision)

    def follow(self, revision, moved):
        """That the revision says what it changed, and why, and which document it follows."""
        statement, before = self.statement(revision), self.statement(revision - 1)
        self.assertEqual((statement["revision"], statement["status"]), (revision, "restated"))
        self.assertEqual(statement["changes"]["causes"], ["late_data"])
        self.assertEqual(statement["changes"]["before"]["uptime"], before["uptime"])
        self.assertEqual(statement["changes"]["after"]["uptime"], statement["uptime"])
        self.assertEqual(statement["changes"]["credit_difference"]["amount_minor"], moved)
        self.assertEqual(statement["changes"]["sha256_before"],
                         hashlib.sha256((self.folder / f"statement-r{revision - 1}.json").read_bytes()).hexdigest())
        note = json.loads((self.folder / f"credit-note-r{revision}.json").read_text())
        self.assertEqual((note["amount_minor"], note["total_minor"]), (moved, statement["credit"]["amount_minor"]))
        self.assertEqual(self.notes()[-1], moved)

    def prove(self, count):
        """By the files alone, and by the store."""
        for more in ([], ["--config", str(self.config)]):
            done = subprocess.run([self.lab.program, "verify", str(self.folder), *more], cwd=self.lab.folder,
                                  capture_output=True, text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(done.stdout.count("  agrees  "), count)
            self.assertNotIn("chain was not followed", done.stderr)
        self.lab.must(self.config, "audit", "--published", "statements")

    def test_late_events_twice(self):
        self.send(995, 5)  # 99.5 %: 10 % of the fee
        self.assertNotIn("revision 2", self.night())
        self.check(1)
        self.assertEqual(self.notes(), [10000])
        self.assertEqual(self.statement(1)["status"], "final")
        first, in_store = self.on_disk(), self.stored()[0]
        self.prove(1)

        # Nothing new: nothing is issued.
        self.lab.must(self.config, "consume")
        self.assertIn("nothing is due", self.lab.run(self.config, "nightly").stderr)

        self.send(0, 200)  # 995 of 1,200: 50 %, so 400.00 more
        self.assertIn(f"acme, {NAME}: revision 2 is issued: late data changed the result", self.night())
        self.check(2)
        self.follow(2, 40000)
        self.assertEqual({name: self.on_disk()[name] for name in first}, first)
        self.assertEqual(self.stored()[0], in_store)
        self.prove(2)
        second = self.on_disk()

        self.send(10000, 0)  # 10,995 of 11,200 are 98.2 %: 25 %, so 250.00 of it are taken back
        self.assertIn("revision 3 is issued", self.night())
        self.check(3)
        self.follow(3, -25000)
        self.assertEqual({name: self.on_disk()[name] for name in second}, second)
        self.assertEqual(self.stored()[0], in_store)
        self.prove(3)
        self.assertEqual(self.notes(), [10000, 40000, -25000])

        # A forged figure of the first revision breaks the chain behind it.
        forged = self.folder / "statement-r1.json"
        forged.write_bytes(first["statement-r1.json"].replace(b'"customer": "ACME"', b'"customer": "ACMF"'))
        done = subprocess.run([self.lab.program, "verify", str(self.folder)], capture_output=True, text=True, timeout=120,
                              check=False)
        self.assertEqual(done.returncode, 9)
        self.assertIn("the chain is broken", done.stdout)

    def test_late_events_that_change_nothing(self):
        """Of a hundred more one fails, as of the thousand before ten: the result stays, and so does the statement."""
        self.send(990, 10)
        self.night()
        self.check(1)
        first, in_store = self.on_disk(), self.stored()
        self.send(99, 1, again=True)
        self.assertIn(f"compared acme, {NAME}: the books changed, the result did not", self.night())
        self.assertEqual((self.on_disk(), self.stored()), (first, in_store))
        self.assertEqual(self.notes(), [credit(990, 1000)])
        self.assertIn("nothing is due", self.lab.run(self.config, "nightly").stderr)
        self.prove(1)


if __name__ == "__main__":
    unittest.main()
