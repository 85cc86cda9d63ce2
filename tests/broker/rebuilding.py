#!/usr/bin/env python3
"""uptally rebuild on a real Kafka: a month again from its archive, held against a count of the same files by fastavro.

Late events, copies, bad records, a consumer that follows, kills at fault points, windows that somebody changed, and the revision that comes of it.
"""

import csv
import io
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import unittest
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fastavro
from confluent_kafka.admin import AdminClient

from lab import CHECK_MAP, REQUEST_MAP, Lab

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from hostile_store import checksum  # noqa: E402

THIS_MONTH = datetime.now(timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
MONTH = (THIS_MONTH - timedelta(days=1)).replace(day=1)
NAME = MONTH.strftime("%Y-%m")
MINUTES = int((THIS_MONTH - MONTH).total_seconds()) // 60
KILLS = ["rebuild.open.before", "rebuild.open.after", "rebuild.work.commit", "rebuild.commit.offsets", "ledger.commit.before",
         "rebuild.work.committed", "fold.step.merged"]
SWAP_KILLS = ["rebuild.swap.begin", "rebuild.swap.window", "rebuild.swap.derived", "rebuild.close.removed", "rebuild.swap.before",
              "rebuild.swap.after"]


class Rebuilding(unittest.TestCase):
    def setUp(self):
        self.seed = random.SystemRandom().randrange(2**32)
        print(f"seed {self.seed}", file=sys.stderr)
        self.random = random.Random(self.seed)
        self.lab = Lab("rebuilding")
        self.addCleanup(self.lab.close)
        self.encode = self.lab.encoder("request_event")
        self.encode_check = self.lab.encoder("health_check_event")
        self.topic = self.lab.topic("requests", partitions=3)
        self.checks = self.lab.topic("checks", partitions=2)
        self.config = self.lab.configuration(
            [{"name": self.topic, "kind": "requests", "framing": "confluent", "services": "discover", "max_age": "400d",
              "map": {**REQUEST_MAP, "event_id": "event_id"}, "duplicates": {"horizon": "1d", "count": 1000000}},
             {"name": self.checks, "kind": "checks", "framing": "confluent", "services": "discover", "max_age": "400d", "map": CHECK_MAP}],
            archive={"folder": "archive", "file_bytes": "64 KiB", "block_bytes": "4 KiB"},
            contracts=[{
                "id": "acme", "customer": "ACME", "services": ["service-0"], "time_zone": "UTC", "currency": "EUR", "fee": "1000.00",
                "valid_from": MONTH.strftime("%Y-%m-%d"), "valid_until": THIS_MONTH.strftime("%Y-%m-%d"), "grace": "0s",
                "availability": {"target": 99.9, "method": "request_ratio", "unknown": {
                    "no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down", "not_provisioned": "exclude"}},
                "credits": {"tiers": [{"below": 99.9, "percent": 10}, {"below": 50.0, "percent": 50}], "rounding": "half_even"}}])
        self.sent = self.checked = 0  # events; checks of the month

    def send(self, count, spread=MINUTES + 600):
        """Events of the month and of the hours behind it; some come twice, some are no events."""
        records = []
        for _ in range(count):
            number, self.sent = self.sent, self.sent + 1
            at = MONTH + timedelta(minutes=self.random.randrange(spread), seconds=self.random.randrange(60))
            payload = self.encode({
                "service_name": f"service-{number % 5}", "start_time": int(at.timestamp()) * 1000000,
                "http_response_status_code": 503 if self.random.random() < 0.02 else 200,
                "duration_us": self.random.randrange(2000000), "event_id": f"event-{number}"})
            records.append((number % 3, payload))
            if self.random.random() < 0.05:
                records.append((self.random.randrange(3), payload))
            if self.random.random() < 0.02:
                records.append((number % 3, b"no event"))
        self.lab.produce(self.topic, records)
        results = []
        for number in range(count // 10):
            minute = self.random.randrange(spread)
            self.checked += minute < MINUTES
            results.append((number % 2, self.encode_check({
                "service_name": f"service-{self.random.randrange(5)}", "service_instance_id": f"i-{self.random.randrange(3)}",
                "observed_time": int((MONTH + timedelta(minutes=minute)).timestamp()) * 1000000,
                "status": self.random.choice(["pass", "pass", "warn", "fail", "unknown", "removed"]), "interval_ms": 60000,
                "checker": self.random.choice(["probe-1", "probe-2", None]), "region": "eu"})))
        self.lab.produce(self.checks, results)

    def oracle(self):
        """(service, minute) to [total, errors] of the month, by the archive's files alone: of the copies of an event one counts."""
        schema, counts, seen = self.encode.schema, defaultdict(lambda: [0, 0]), set()
        for path in sorted((self.lab.folder / "archive").rglob("*.avro")):
            with open(path, "rb") as stream:
                for record in fastavro.reader(stream):
                    value = record["value"]
                    if not value.startswith(b"\0" + self.encode.schema_id.to_bytes(4, "big")):
                        continue
                    event = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema)
                    if event["event_id"] in seen or not MONTH <= event["start_time"] < THIS_MONTH:
                        continue
                    seen.add(event["event_id"])
                    minute = event["start_time"].replace(second=0, microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")
                    counts[event["service_name"], minute][0] += 1
                    counts[event["service_name"], minute][1] += event["http_response_status_code"] >= 500
        return counts

    def windows(self):
        return {(row["service"], row["minute"]): [int(row["total"]), int(row["errors"])] for row in self.lab.export(
            self.config, "windows", "--from", MONTH.strftime("%Y-%m-%dT%H:%M:%SZ"), "--to", THIS_MONTH.strftime("%Y-%m-%dT%H:%M:%SZ"))}

    def rebuild(self, *more, status=0):
        done = self.lab.run(self.config, "rebuild", "--month", NAME, *more)
        self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        return done

    def kill(self, place, passage, *more):
        done = subprocess.run(self.lab.command(self.config, "rebuild", "--month", NAME, *more), cwd=self.lab.folder,
                              env={**os.environ, "UPTALLY_FAULT": f"{place}:{passage}:kill"}, capture_output=True, text=True,
                              timeout=120, check=False)
        return done.returncode == -signal.SIGKILL

    def store(self, sql, *values):
        connection = sqlite3.connect(self.lab.folder / "uptally.db", timeout=30)
        try:
            rows = connection.execute(sql, values).fetchall()
            connection.commit()
            return rows
        finally:
            connection.close()

    def expire_leases(self):
        """What a minute would do."""
        self.store("UPDATE lease SET expires_ns = 0")

    def write_window(self, service, hour, tally):
        """With a checksum that is right."""
        row = [1, "window", service, "", "", "", hour, tally]
        self.store("INSERT INTO window_hour VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (book_id, kind, a, b, c, d, hour) "
                   "DO UPDATE SET tally = excluded.tally, checksum = excluded.checksum", *row, checksum(row))

    def test_everything(self):
        """From the first event to the revision."""
        self.send(6000)
        for command in ("consume", "aggregate", "archive", "audit"):
            self.lab.must(self.config, command)
        self.assertIn("all as they were counted again", self.rebuild().stdout)

        # A consumer follows, late events come, and the rebuild dies again and again.
        follower = self.lab.start(self.config, "consume", "--follow")
        try:
            killed = 0
            for place in KILLS:
                often = place.startswith(("rebuild.work", "rebuild.commit", "ledger"))  # once a batch, the others once a run
                killed += self.kill(place, 1 + self.random.randrange(2 if often else 1))
                self.lab.must(self.config, "audit")
                self.expire_leases()
                self.send(60)
                self.lab.must(self.config, "aggregate")
            self.assertGreater(killed, len(KILLS) // 2)
            if self.lab.query("SELECT count(*) FROM rebuild") == [(0,)]:  # one of them ended it before it could be killed
                self.assertTrue(self.kill("rebuild.open.after", 1))
                self.expire_leases()
            self.assertIn(f"A rebuild of {NAME} is open", self.lab.must(self.config, "status"))
        finally:
            follower.terminate()
            self.assertEqual(follower.wait(30), 0, follower.log.read_text())
        self.lab.must(self.config, "consume")
        self.lab.must(self.config, "aggregate")
        self.assertIn("all as they were counted again", self.rebuild().stdout)

        # Windows that somebody changed, and removed: the difference names them.
        self.lab.must(self.config, "archive")
        expected = self.oracle()
        self.assertEqual(self.windows(), expected)
        hours = [row[0] for row in self.store("SELECT hour FROM window_hour WHERE book_id = 1 AND kind = 'window' AND a = 'service-0' AND "
                                              "hour < ? ORDER BY hour", int(THIS_MONTH.timestamp()) // 3600)]
        tally = self.store("SELECT tally FROM window_hour WHERE book_id = 1 AND kind = 'window' AND a = 'service-0' AND hour = ?",
                           hours[5])[0][0]
        self.store("DELETE FROM window_hour WHERE book_id = 1 AND kind = 'window' AND a = 'service-0' AND hour > ? AND hour < ?",
                   hours[20], int(THIS_MONTH.timestamp()) // 3600)
        self.write_window("service-1", hours[7], tally)
        removed = {time for (service, time) in expected if service == "service-0" and
                   datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() // 3600 > hours[20]}
        done = self.rebuild("--format", "ndjson", status=9)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual({row["minute"] for row in rows if row["service"] == "service-0" and row["what"] == "total"}, removed)
        self.assertEqual({row["service"] for row in rows}, {"service-0", "service-1"})
        for row in rows:
            if row["what"] == "total":
                self.assertEqual(row["rebuilt"], expected.get((row["service"], row["minute"]), [0])[0], row)
        self.assertEqual(list(csv.DictReader(io.StringIO(self.rebuild("--format", "csv", status=9).stdout)))[0]["kind"], "window")

        # The statement of the changed books, and the revision of the right ones.
        self.store("INSERT INTO regrade SELECT 1, 'service-0', hour FROM grade_hour WHERE service = 'service-0' ON CONFLICT DO NOTHING")
        self.lab.must(self.config, "aggregate")
        self.lab.must(self.config, "nightly")
        statement = self.lab.folder / "statements" / "acme" / NAME
        first = json.loads((statement / "statement-r1.json").read_text())
        for place in SWAP_KILLS:
            self.kill(place, 1, "--swap")
            self.expire_leases()
        self.rebuild("--swap")
        self.lab.must(self.config, "aggregate")
        self.assertEqual(self.windows(), expected)
        self.lab.must(self.config, "audit")
        self.lab.must(self.config, "nightly")
        second = json.loads((statement / "statement-r2.json").read_text())
        self.assertEqual(second["changes"]["causes"], ["late_data"])
        self.assertNotEqual(first["uptime"], second["uptime"])
        good = sum(total - errors for (service, _), (total, errors) in expected.items() if service == "service-0")
        total = sum(total for (service, _), (total, _) in expected.items() if service == "service-0")
        self.assertEqual(int(second["uptime"]["numerator"]) * total, good * int(second["uptime"]["denominator"]))
        self.assertIn("all as they were counted again", self.rebuild("--swap").stdout)
        self.assertIn("nothing is due", self.lab.run(self.config, "nightly").stderr)

    def test_a_topic_that_was_made_again(self):
        """Its incarnation of before is closed, and its events are of the month like the others."""
        self.send(300)
        for command in ("consume", "archive"):
            self.lab.must(self.config, command)
        admin = AdminClient({"bootstrap.servers": self.lab.bootstrap})
        for future in admin.delete_topics([self.topic]).values():
            future.result(30)
        self.lab.wait_for(lambda: self.topic not in admin.list_topics(timeout=10).topics, "the deletion")
        self.lab.topic("again", partitions=3, name=self.topic)
        self.lab.renew_producer()
        self.send(200)
        for command in (["consume", "--accept-new", self.topic], ["archive"], ["aggregate"], ["rebuild", "--month", NAME], ["audit"]):
            self.lab.must(self.config, *command)
        self.assertEqual(self.windows(), self.oracle())

    def test_words(self):
        """What a person hears who asks for too much, or too early."""
        self.assertEqual(self.rebuild_status("--month", "2026-13"), (2, "no month"))
        self.assertEqual(self.rebuild_status(), (2, "--month"))
        self.assertEqual(self.rebuild_status("--month", NAME, "--swap", "--drop"), (2, "two runs"))
        self.assertEqual(self.rebuild_status("--month", NAME, "--swap", "--shard", "0/2"), (2, "without a shard"))
        self.send(300)
        self.lab.must(self.config, "consume")
        self.assertEqual(self.rebuild_status("--month", NAME), (4, "run uptally archive"))
        self.lab.must(self.config, "archive")
        self.lab.must(self.config, "rebuild", "--month", NAME, "--shard", "0/2")
        self.lab.must(self.config, "rebuild", "--month", NAME, "--drop")
        self.assertEqual(self.lab.query("SELECT count(*) FROM rebuild"), [(0,)])
        summary = json.loads(self.lab.must(self.config, "rebuild", "--month", NAME, "--format", "json", "--threads", "3"))
        self.assertEqual((summary["windows_different"], summary["open"], summary["partitions_waiting"]), (0, False, 0))
        self.assertEqual(summary["tallied"], self.checked + sum(total for total, _ in self.oracle().values()))

    def rebuild_status(self, *arguments):
        done = self.lab.run(self.config, "rebuild", *arguments)
        words = {"no month", "--month", "two runs", "without a shard", "run uptally archive"}
        return done.returncode, next((word for word in sorted(words, key=len, reverse=True) if word in done.stderr), done.stderr)


if __name__ == "__main__":
    unittest.main()
