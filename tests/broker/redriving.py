#!/usr/bin/env python3
"""A wrong mapping on a real broker, repaired: the books end as those of a run whose mapping was right from the start."""

import os
import sqlite3
import subprocess
import time
import unittest

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from lab import REQUEST_MAP, Lab

RECORDS = 1200
NOW_MS = time.time_ns() // 1000000
WRONG = {**REQUEST_MAP, "outcome": {"path": "http_response_status_code", "success": [200], "error": ["500"]}}
RIGHT = {**WRONG, "outcome": {"path": "http_response_status_code", "success": [200], "error": ["500", "503"],
                              "exclude": [499]}}


class Redriving(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("redriving")
        self.addCleanup(self.lab.close)
        self.encode = self.lab.encoder("request_event")
        self.topic = self.lab.topic("requests", partitions=3)
        self.fill()

    def fill(self):
        """Every 20th has an outcome that the wrong mapping does not know; 5 more are no records at all."""
        records = []
        for i in range(RECORDS):
            status = 200 if i % 20 else 499 if i % 60 == 0 else 503
            value = {"service_name": f"service-{i % 4}", "start_time": (NOW_MS - RECORDS * 1000 + i * 1000) * 1000,
                     "http_response_status_code": status, "duration_us": 1500}
            records.append((i % 3, self.encode(value), NOW_MS))
            if i % 240 == 0:
                records.append((i % 3, b"\x07nothing", NOW_MS))
        self.dead = sum(1 for i in range(RECORDS) if i % 20 == 0)
        self.lab.produce(self.topic, records)

    def configure(self, name, mapping, **more):
        store = {"sqlite": f"{name.split('.')[0].split('-')[0]}.db"}
        entry = {"name": self.topic, "kind": "requests", "framing": "confluent", "services": "discover",
                 "map": mapping, **more.pop("topic", {})}
        return self.lab.configuration([entry], name=name, store=store, **more)

    def books(self, config):
        """What people see: windows, counts of offsets, letters that are dead still, exclusions by reason."""
        self.lab.must(config, "aggregate")
        self.lab.must(config, "audit")
        counts = {}
        for row in self.lab.export(config, "batches"):
            self.assertEqual(int(row["delivered"]), sum(int(row[name]) for name in (
                "tallied", "excluded", "duplicate", "dead_lettered")), row)
            sums = counts.setdefault(row["partition"], [0] * 6)
            for index, name in enumerate(("delivered", "tallied", "excluded", "duplicate", "dead_lettered", "absent")):
                sums[index] += int(row[name])
        exclusions = {}
        for row in self.lab.export(config, "exclusions"):
            exclusions[row["reason"]] = exclusions.get(row["reason"], 0) + int(row["records"])
        letters = [(row["partition"], row["offset"], row["reason"]) for row in self.lab.export(config, "dead-letters")]
        return self.lab.export(config, "windows"), counts, letters, exclusions

    def undisturbed(self):
        config = self.configure("right.yaml", RIGHT)
        self.lab.must(config, "consume")
        return self.books(config)

    def wrong_then_right(self, name="wrong", batch=None, **more):
        wrong = self.configure(f"{name}-1.yaml", WRONG, **({"batch": batch} if batch else {}), **more)
        self.lab.must(wrong, "consume", "--batch", "250")
        self.assertEqual(len(self.lab.export(wrong, "dead-letters")), self.dead + 5)
        return self.configure(f"{name}-2.yaml", RIGHT, **more)

    def delivered(self, topic):
        consumer = Consumer({"bootstrap.servers": self.lab.bootstrap, "group.id": "nobody",
                             "enable.partition.eof": True})
        self.addCleanup(consumer.close)
        consumer.assign([TopicPartition(topic, 0, 0)])
        messages = []
        deadline = time.monotonic() + 60
        while len(messages) < self.dead + 5 and time.monotonic() < deadline:
            messages += [m for m in consumer.consume(100, 1) if m.error() is None]
        self.assertEqual(len(messages), self.dead + 5)
        return messages

    def test_as_if_it_had_been_right(self):
        config = self.wrong_then_right()
        self.lab.must(config, "aggregate")  # the letters are late events then
        out = self.lab.must(config, "redrive", "--dry-run")
        self.assertIn("nothing was written", out)
        self.assertEqual(len(self.lab.export(config, "dead-letters")), self.dead + 5)
        out = self.lab.must(config, "redrive")
        self.assertEqual(out.splitlines()[0], f"{self.dead + 5} dead letters: 40 tallied, 20 excluded, 0 duplicate, "
                         "5 still dead")
        self.assertIn("5 bad_framing, the first: topic ", out)
        self.assertEqual(self.books(config), self.undisturbed())
        self.assertEqual(len(self.lab.export(config, "redriven")), self.dead)
        self.assertIn("5 dead letters: 0 tallied", self.lab.must(config, "redrive"))

    def test_two_at_once_and_killed(self):
        """Killed at each place where it would hurt, then two at the same time on what is left."""
        places = ["jobs.redrive.commit", "redrive.commit.claims", "redrive.commit.moved", "redrive.commit.rows",
                  "ledger.commit.before", "ledger.commit.after"]
        config = self.wrong_then_right()
        for place in places:
            done = subprocess.run(self.lab.command(config, "redrive", "--reason", "bad_outcome"), cwd=self.lab.folder,
                                  env={**os.environ, "UPTALLY_FAULT": f"{place}:1:kill"}, capture_output=True,
                                  text=True, timeout=120, check=False)
            self.assertEqual(done.returncode, -9, f"{place}: {done.stderr}")
            self.lab.must(config, "audit")
        self.assertEqual(len(self.lab.export(config, "dead-letters")), 5)  # the last kill came behind the commit
        self.assertEqual(self.books(config), self.undisturbed())

        config = self.wrong_then_right(name="other")
        both = [self.lab.start(config, "redrive") for _ in range(2)]
        for process in both:
            self.assertEqual(process.wait(120), 0, process.log.read_text())
        self.assertEqual(self.books(config), self.undisturbed())

    def test_bytes_that_are_not_in_the_store(self):
        """Cut, or redacted: the records are read again, as far as the topic still has them."""
        dead = self.lab.topic("dead", partitions=1)
        config = self.wrong_then_right(batch={"dead_letter_bytes": 8}, topic={
            "dead_letter_redact": ["service_name"], "dead_letter_topic": dead})
        stored = self.lab.query("SELECT content, bytes, detail FROM dead_letter", "wrong.db")
        for content, data, detail in stored:
            self.assertEqual(content, "redacted")
            self.assertNotIn(b"service-", data)
            self.assertNotIn('"', detail)
        for message in self.delivered(dead):
            self.assertNotIn(b"service-", message.value() + b"".join(value for _, value in message.headers()))
            self.assertEqual(dict(message.headers())["uptally-content"], b"redacted")
        admin = AdminClient({"bootstrap.servers": self.lab.bootstrap})
        for future in admin.delete_records([TopicPartition(self.topic, 0, 100)]).values():
            future.result(30)
        gone = [row for row in self.lab.export(config, "dead-letters")
                if row["partition"] == "0" and int(row["offset"]) < 100]
        self.assertGreater(len(gone), 0)
        out = self.lab.must(config, "redrive")
        self.assertIn(f"  {len(gone)} whose bytes are not all in the store, and the broker no longer has the record", out)
        left = self.lab.export(config, "dead-letters")
        self.assertEqual([row["offset"] for row in left if row in gone], [row["offset"] for row in gone])
        self.assertTrue(all(row in gone or row["reason"] == "bad_framing" for row in left), left)
        self.lab.must(config, "aggregate")
        self.lab.must(config, "audit")

    def test_a_night_empties_old_bytes(self):
        self.wrong_then_right()
        config = self.configure("wrong-3.yaml", RIGHT, dead_letters={"keep": "90d"})
        kept = "SELECT count(*) FROM dead_letter WHERE length(bytes) > 0"
        self.lab.must(config, "nightly")
        self.assertEqual(self.lab.query(kept, "wrong.db"), [(self.dead + 5,)])
        with sqlite3.connect(self.lab.folder / "wrong.db") as store:  # as if it had been read in 1970
            store.execute("UPDATE batch SET committed_ns = 0")
        self.lab.must(config, "nightly")
        self.assertEqual(self.lab.query(kept, "wrong.db"), [(0,)])
        self.lab.must(config, "redrive")  # from the topic
        self.lab.must(config, "aggregate")
        self.assertEqual(self.lab.export(config, "windows"), self.undisturbed()[0])

    def test_refusals(self):
        config = self.configure("right.yaml", RIGHT)
        for arguments, words in ((["--topic", "no"], "--topic no: the configuration has no such topic"),
                                 (["--reason", "no"], "--reason no: it must be one of malformed, too_deep")):
            done = self.lab.run(config, "redrive", *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
