#!/usr/bin/env python3
"""Runs that are ended from outside, and runs side by side: every event is still counted once."""

import collections
import datetime
import random
import signal
import time
import unittest

from confluent_kafka import Producer

from lab import REQUEST_MAP, Lab

SEED = 20261123
LEAVE_SECONDS_MAX = 10
LATENCY_THRESHOLD_US = 250000


def random_requests(count, seed):
    """Events of the last hours, in no order; and the windows they must give."""
    dice = random.Random(seed)
    newest_minute = time.time_ns() // 60_000_000_000
    events, windows = [], collections.defaultdict(lambda: [0, 0, 0])
    for _ in range(count):
        service = dice.choice(["portal", "device-api", "billing"])
        minute = newest_minute - dice.randrange(180)
        status = dice.choices([200, 404, 500, 503], [90, 4, 4, 2])[0]
        duration_us = dice.randrange(2 * LATENCY_THRESHOLD_US)
        events.append({
            "service_name": service, "http_response_status_code": status, "duration_us": duration_us,
            "start_time": minute * 60_000_000 + dice.randrange(60_000_000),
        })
        window = windows[service, minute]
        window[0] += 1
        window[1] += status >= 500
        window[2] += status < 500 and duration_us > LATENCY_THRESHOLD_US
    return events, dict(windows)


class Interruptions(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("interruptions")
        self.addCleanup(self.lab.close)
        self.encode = self.lab.encoder("request_event")

    def configure(self, topic, store="uptally.db", **more):
        entry = {"name": topic, "kind": "requests", "framing": "confluent", "services": "discover",
                 "map": REQUEST_MAP, "gaps": more.pop("gaps", False)}
        return self.lab.configuration([entry], name=f"{store}.yaml", store={"sqlite": store},
                                      service_defaults={"latency_threshold": "250ms"}, **more)

    def produce(self, topic, events, partitions=3):
        self.lab.produce(topic, [(index % partitions, self.encode(event))
                                 for index, event in enumerate(events)])

    def committed(self, store="uptally.db"):
        rows = self.lab.query("SELECT coalesce(sum(delivered), 0) FROM batch_range", store)
        return rows[0][0] if rows else 0

    def windows(self, config):
        self.lab.must(config, "aggregate")
        def minute(text):
            return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 60
        return {(row["service"], minute(row["minute"])):
                [int(row["total"]), int(row["errors"]), int(row["slow"])]
                for row in self.lab.export(config, "windows")}

    def leaves(self, process, status):
        """Within ten seconds of the signal that was sent just now."""
        self.assertEqual(process.wait(LEAVE_SECONDS_MAX), status, process.log.read_text())

    def test_follow_leaves_with_a_commit(self):
        """Nothing but the signal can have caused the commit: the interval is an hour."""
        events, windows = random_requests(3000, SEED)
        topic = self.lab.topic("requests")
        config = self.configure(topic, batch={"interval": "1h", "records": 1000000})
        self.produce(topic, events)
        process = self.lab.start(config, "consume", "--follow")
        self.addCleanup(process.kill)
        # The first record was decoded once its schema is in the cache.
        self.lab.wait_for(lambda: any((self.lab.folder / "schema-cache").glob("*")), "the first record")
        time.sleep(2)
        self.assertEqual(self.committed(), 0)
        process.send_signal(signal.SIGTERM)
        self.leaves(process, 0)
        self.assertGreater(self.committed(), 0)
        self.lab.must(config, "consume")
        self.assertEqual(self.windows(config), windows)
        self.lab.must(config, "audit")

    def test_drain_that_is_terminated_says_so(self):
        events, windows = random_requests(30000, SEED + 1)
        topic = self.lab.topic("requests")
        config = self.configure(topic)
        self.produce(topic, events)
        process = self.lab.start(config, "consume", "--batch", "200")
        self.addCleanup(process.kill)
        self.lab.wait_for(lambda: self.committed() > 0, "the first commit")
        process.send_signal(signal.SIGTERM)
        self.leaves(process, 128 + signal.SIGTERM)
        self.assertLess(self.committed(), len(events))
        self.lab.must(config, "consume")
        self.assertEqual(self.windows(config), windows)

    def test_killed_drains_resume(self):
        """Three kills at other places of the stream; the books equal those of a run that nobody disturbed."""
        events, windows = random_requests(60000, SEED + 2)
        topic = self.lab.topic("requests")
        self.produce(topic, events)
        config = self.configure(topic)
        for part in (0.1, 0.3, 0.5):  # with commits enough between here and the end to be met alive
            process = self.lab.start(config, "consume", "--batch", "200")
            self.addCleanup(process.kill)
            self.lab.wait_for(lambda part=part: self.committed() >= part * len(events), "commits")
            process.kill()
            process.wait()
            self.assertLess(self.committed(), len(events), "killed too late to prove anything")
        self.lab.must(config, "consume")
        self.lab.must(config, "audit")
        disturbed = self.windows(config)
        undisturbed = self.configure(topic, "undisturbed.db")
        self.lab.must(undisturbed, "consume")
        self.assertEqual(disturbed, self.windows(undisturbed))
        self.assertEqual(disturbed, windows)

    def test_two_members_share_the_topic(self):
        events, windows = random_requests(40000, SEED + 3)
        topic = self.lab.topic("requests", partitions=4)
        self.produce(topic, events, partitions=4)
        cluster = {"name": "tests", "bootstrap_servers": self.lab.bootstrap, "group": f"group-of-{topic}"}
        config = self.configure(topic, cluster=cluster)
        members = [self.lab.start(config, "consume", "--follow", "--batch", "1000") for _ in range(2)]
        for member in members:
            self.addCleanup(member.kill)
        self.lab.wait_for(lambda: self.committed() == len(events), "all events")
        for member in members:
            member.send_signal(signal.SIGTERM)
        for member in members:
            self.leaves(member, 0)
        self.assertEqual(self.windows(config), windows)
        self.lab.must(config, "audit")

    def test_group_survives_the_death_of_a_member(self):
        """The dead member's partitions come to the other one, from the ledger's offsets."""
        events, windows = random_requests(40000, SEED + 4)
        topic = self.lab.topic("requests", partitions=4)
        cluster = {"name": "tests", "bootstrap_servers": self.lab.bootstrap, "group": f"group-of-{topic}",
                   "properties": {"session.timeout.ms": "6000"}}
        config = self.configure(topic, cluster=cluster, batch={"interval": "1s", "records": 1000})
        members = [self.lab.start(config, "consume", "--follow") for _ in range(2)]
        for member in members:
            self.addCleanup(member.kill)
        self.produce(topic, events[:20000], partitions=4)
        self.lab.wait_for(lambda: self.committed() > 0, "the first commit")
        members[0].kill()
        members[0].wait()
        self.produce(topic, events[20000:], partitions=4)
        self.lab.wait_for(lambda: self.committed() == len(events), "all events")
        members[1].send_signal(signal.SIGTERM)
        self.leaves(members[1], 0)
        self.assertEqual(self.windows(config), windows)
        self.lab.must(config, "audit")

    def test_aborted_transactions_are_absent(self):
        """read_committed: what was aborted is not delivered, and its offsets are accounted for as absent."""
        events, _ = random_requests(300, SEED + 5)
        topic = self.lab.topic("requests", partitions=1)
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "transactional.id": topic})
        producer.init_transactions(30)
        for part, commit in ((events[:100], True), (events[100:200], False), (events[200:], True)):
            producer.begin_transaction()
            for event in part:
                producer.produce(topic, self.encode(event), partition=0)
            producer.flush(30)  # an abort would drop what was not sent yet
            (producer.commit_transaction if commit else producer.abort_transaction)(30)
        config = self.configure(topic, gaps=True)
        self.lab.must(config, "consume")
        # A hundred aborted records and one marker a transaction.
        self.assertEqual(self.lab.query("SELECT sum(tallied), sum(absent) FROM batch_range"), [(200, 103)])
        self.assertEqual(sum(total for total, _, _ in self.windows(config).values()), 200)
        self.lab.must(config, "audit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
