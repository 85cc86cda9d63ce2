#!/usr/bin/env python3
"""The corners of Kafka: retention that overtook a partition, topics made again, transactions, compaction, new partitions."""

import json
import signal
import time
import unittest

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

from lab import REQUEST_MAP, Lab

MINUTE_S = 60
CONTRACT = {
    "id": "acme", "customer": "ACME", "services": ["portal"], "time_zone": "UTC", "currency": "EUR", "fee": 100,
    "grace": "0s",
    "availability": {
        "target": 99, "method": "state_time", "weights": {"degraded": 0, "partial": 0, "major": 1},
        "unknown": {"no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down", "not_provisioned": "exclude"},
    },
    "maintenance": {"notice": "1h", "excluded": "remove"},
    "credits": {"tiers": [{"below": 99, "percent": 10}], "rounding": "half_even"},
}


class KafkaCorners(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("kafka-corners")
        self.addCleanup(self.lab.close)
        self.admin = AdminClient({"bootstrap.servers": self.lab.bootstrap})
        self.encode = self.lab.encoder("request_event")
        self.topic = self.lab.topic("requests", partitions=2)
        self.start_s = (int(time.time()) // MINUTE_S - 120) * MINUTE_S  # two hours ago

    # --- the world ---

    def entry(self, topic, **changes):
        return {"name": topic, "kind": "requests", "framing": "confluent", "services": "discover",
                "map": REQUEST_MAP, **changes}

    def configure(self, *topics, **more):
        return self.lab.configuration([topic if isinstance(topic, dict) else self.entry(topic)
                                       for topic in topics], **more)

    def event(self, minute, service="portal"):
        """(payload, Kafka time stamp in milliseconds) in a minute counted from self.start_s."""
        time_s = self.start_s + minute * MINUTE_S
        return self.encode({"service_name": service, "start_time": time_s * 1_000_000,
                            "http_response_status_code": 200}), time_s * 1000

    def send(self, partition, minutes, topic=None, service="portal"):
        self.lab.produce(topic or self.topic, [(partition, *self.event(minute, service)) for minute in minutes])

    def expire(self, partition, offset, topic=None):
        position = TopicPartition(topic or self.topic, partition, offset)
        for future in self.admin.delete_records([position]).values():
            self.assertEqual(future.result(30).low_watermark, offset)

    def make_again(self, partitions=2):
        for future in self.admin.delete_topics([self.topic]).values():
            future.result(30)
        self.lab.wait_for(lambda: self.topic not in self.admin.list_topics(timeout=10).topics, "the deletion")
        self.lab.topic("requests", partitions=partitions, name=self.topic)
        self.lab.renew_producer()

    def add_partition(self, count):
        for future in self.admin.create_partitions([NewPartitions(self.topic, count)]).values():
            future.result(30)
        self.lab.wait_for(lambda: len(self.admin.list_topics(self.topic, 10).topics[self.topic].partitions) == count,
                          "the new partition")
        self.lab.renew_producer()

    # --- what is seen ---

    def refused(self, config, *options, words=()):
        done = self.lab.run(config, "consume", *options)
        self.assertEqual(done.returncode, 5, done.stderr)
        lines = [line for line in done.stderr.splitlines()
                 if line.startswith("uptally: ") and not line.startswith("uptally: warning: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in (self.topic, *words):
            self.assertIn(word, lines[0])

    def ranges(self, config, kind):
        return [(int(row["partition"]), int(row["from"]), int(row["to"])) for row in
                self.lab.export(config, "batches") if row["kind"] == kind]

    def total(self, config):
        self.lab.must(config, "aggregate")
        return sum(int(row["total"]) for row in self.lab.export(config, "windows"))

    def status(self, config):
        return json.loads(self.lab.must(config, "status", "--format", "json"))

    # --- retention ---

    def test_retention_overtakes_a_partition(self):
        """Parked, the other one finishes, exit 5; after the acceptance the run goes on and statements show the time."""
        config = self.configure(self.topic, contracts=[CONTRACT])
        self.send(0, [0, 1, 2])
        self.send(1, [0, 1, 2])
        self.lab.must(config, "consume")
        self.lab.must(config, "aggregate")
        self.send(0, [3, 4, 5, 6, 20])  # minutes 3 to 6 are going to expire
        self.send(1, [3, 4, 30])
        self.expire(0, 7)
        self.refused(config, words=("partition 0", "offsets 3 to 6", f"--accept-loss {self.topic}/0"))
        self.assertEqual(self.lab.query("SELECT partition_id, next_offset, parked IS NULL FROM partition_offset"
                                        " ORDER BY 1"), [(0, 3, 0), (1, 6, 1)])
        parked = self.status(config)["parked"]
        self.assertEqual([(row["partition"], row["next_offset"]) for row in parked], [(0, 3)])
        self.refused(config, "--accept-loss", f"{self.topic}/1")  # not the one that waits
        done = self.lab.run(config, "consume", "--accept-loss", f"{self.topic}/0")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("4 offsets are recorded as lost", done.stderr)
        self.lab.must(config, "consume", "--accept-loss", "all")  # nothing is left to accept
        self.assertEqual(self.ranges(config, "lost"), [(0, 3, 7)])
        self.assertEqual(self.total(config), 10)
        self.lab.must(config, "audit")
        status = self.status(config)
        self.assertEqual(status["parked"], [])
        self.assertEqual([(row["from_offset"], row["to_offset"]) for row in status["lost"]], [(3, 7)])
        # From the record read last, in minute 2, to the first that is left, in minute 20.
        month = time.strftime("%Y-%m", time.gmtime(self.start_s))
        document = json.loads(self.lab.must(config, "report", "--month", month, "--format", "json", "--stdout"))
        self.assertIs(document["completeness"]["complete"], False)
        self.assertEqual([row["seconds"] for row in document["completeness"]["lost"]], [19 * MINUTE_S])

    def test_two_partitions_of_which_nothing_is_left(self):
        """The loss ends now, and `all` accepts both at once."""
        config = self.configure(self.topic)
        self.send(0, [0])
        self.send(1, [0])
        self.lab.must(config, "consume")
        for partition in (0, 1):
            self.send(partition, [1, 2])
            self.expire(partition, 3)
        self.refused(config)
        self.lab.must(config, "consume", "--accept-loss", "all")
        self.assertEqual(self.ranges(config, "lost"), [(0, 1, 3), (1, 1, 3)])
        self.send(0, [5])
        self.lab.must(config, "consume")
        self.assertEqual(self.total(config), 3)
        self.lab.must(config, "audit")

    def test_a_run_that_follows(self):
        """It takes up a partition whose loss another run accepts, and one that is added."""
        config = self.configure(self.topic)
        self.send(0, [0])
        self.send(1, [0])
        self.lab.must(config, "consume")
        self.send(0, [1, 2, 3])
        self.expire(0, 3)
        follower = self.lab.start(config, "consume", "--follow")
        self.addCleanup(follower.wait)
        self.addCleanup(follower.kill)
        self.lab.wait_for(lambda: self.lab.query("SELECT 1 FROM partition_offset WHERE parked IS NOT NULL"), "parking")
        self.add_partition(3)
        self.lab.must(config, "consume", "--accept-loss", self.topic)
        self.send(0, [4])
        self.send(2, [1, 2])
        self.lab.wait_for(lambda: self.lab.query("SELECT next_offset FROM partition_offset WHERE partition_id <> 1"
                                                 " ORDER BY partition_id") == [(5,), (2,)], "both partitions")
        follower.send_signal(signal.SIGTERM)
        self.assertEqual(follower.wait(20), 0, follower.log.read_text())
        self.assertEqual(self.total(config), 6)
        self.lab.must(config, "audit")

    # --- other topics ---

    def test_topic_made_again(self):
        """Smaller, and grown past the old end: refused, and read as the next incarnation once that is accepted."""
        config = self.configure(self.topic)
        self.send(0, range(10))
        self.send(1, range(10))
        self.lab.must(config, "consume")
        for incarnation, count in ((2, 4), (3, 30)):
            self.make_again()
            minute = 30 * incarnation  # the same time stamps at the same offsets could not be told apart
            self.send(0, range(minute, minute + count))
            self.send(1, range(minute, minute + count))
            self.refused(config, words=(f"--accept-new {self.topic}",))
            self.refused(config, "--same-topic", "all")  # it is not
            self.lab.must(config, "consume", "--accept-new", self.topic)
            self.lab.must(config, "consume", "--accept-new", "all")
            self.assertEqual(self.lab.query("SELECT incarnation FROM stream WHERE closed_ns IS NULL"), [(incarnation,)])
        self.assertEqual(self.total(config), 2 * (10 + 4 + 30))
        self.lab.must(config, "audit")
        self.assertIsNotNone(self.status(config)["complete_until"])

    def test_guard_that_expired(self):
        """Nothing is left to tell the topic by: the run asks, and either answer is taken."""
        config = self.configure(self.topic)
        self.send(0, range(5))
        self.lab.must(config, "consume")
        self.expire(0, 5)
        self.lab.must(config, "consume")  # nothing to read, nothing to ask
        self.send(0, range(5, 8))
        self.refused(config, words=("--same-topic", "--accept-new"))
        self.assertEqual(self.lab.query("SELECT sum(delivered) FROM batch_range"), [(5,)])
        self.lab.must(config, "consume", "--same-topic", self.topic)
        self.lab.must(config, "consume")
        self.assertEqual(self.total(config), 8)
        self.lab.must(config, "audit")

    def test_topic_that_is_read_no_more(self):
        other = self.lab.topic("other", partitions=1)
        self.send(0, [0])
        self.send(0, [0], topic=other)
        config = self.configure(self.topic, other)
        self.lab.must(config, "consume")
        self.assertEqual(self.lab.run(config, "consume", "--close", other).returncode, 2)
        config = self.configure(self.topic)
        self.total(config)
        before = self.status(config)["complete_until"]
        time.sleep(1.1)
        self.lab.must(config, "consume")
        self.total(config)
        self.assertEqual(self.status(config)["complete_until"], before)  # it waits for the other one
        self.lab.must(config, "consume", "--close", other)
        self.total(config)
        self.assertGreater(self.status(config)["complete_until"], before)
        # Configured again, it must be said what it is; nothing is read twice.
        config = self.configure(self.topic, other)
        done = self.lab.run(config, "consume")
        self.assertEqual(done.returncode, 5)
        self.assertIn(f"--same-topic {other}", done.stderr)
        self.lab.must(config, "consume", "--same-topic", other)
        self.assertEqual(self.total(config), 2)
        self.lab.must(config, "audit")

    # --- transactions, compaction, partitions ---

    def transaction(self, producer, minutes, how):
        producer.begin_transaction()
        for minute in minutes:
            payload, time_ms = self.event(minute)
            producer.produce(self.topic, payload, partition=0, timestamp=time_ms)
        producer.flush(30)
        if how is not None:
            getattr(producer, how)(30)

    def test_open_transaction(self):
        """A drain ends before it, promises nothing behind it, and loses nothing of it."""
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "transactional.id": self.topic})
        producer.init_transactions(30)
        self.transaction(producer, range(10), "commit_transaction")
        self.transaction(producer, range(10, 15), "abort_transaction")
        self.transaction(producer, range(20, 30), None)
        config = self.configure(self.entry(self.topic, gaps=True))
        self.lab.must(config, "consume")  # would time out if it hung
        self.assertEqual(self.total(config), 10)
        self.assertEqual(self.lab.query("SELECT partition_id FROM partition_offset WHERE drained_ns IS NULL"), [(0,)])
        producer.commit_transaction(30)
        self.lab.must(config, "consume")
        self.assertEqual(self.total(config), 20)
        # Five that were aborted and a marker for each transaction.
        self.assertEqual(self.lab.query("SELECT sum(absent) FROM batch_range"), [(8,)])
        self.lab.must(config, "audit")
        config = self.configure(self.topic)
        done = self.lab.run(config, "audit")
        self.assertEqual(done.returncode, 9)
        self.assertIn("absent", done.stdout)

    def test_compaction(self):
        """What compaction took is absent, also in the middle of what is read."""
        topic = f"compacted-{self.topic}"
        settings = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.01",
                    "min.compaction.lag.ms": "0", "max.compaction.lag.ms": "200"}
        for future in self.admin.create_topics([NewTopic(topic, 1, 1, config=settings)]).values():
            future.result(30)
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "linger.ms": 1})
        now_ms = int(time.time() * 1000)
        for round_number in range(3):
            for key in range(10):
                payload, _ = self.event(round_number)
                producer.produce(topic, payload, key=str(key), timestamp=now_ms + round_number)
            producer.flush(30)
            time.sleep(0.3)
            producer.produce(topic, self.event(50)[0], key="roll")
            producer.flush(30)
        config = self.configure(self.entry(topic, gaps=True))
        consumer_sees = lambda: self.lab.run(config, "consume", "--batch", "5").returncode == 0 and self.lab.query(
            "SELECT sum(absent) FROM batch_range")[0][0] > 0
        deadline = time.monotonic() + 40
        while time.monotonic() < deadline:
            # A store of its own for each try: what was read before the cleaner came is read for good.
            if consumer_sees():
                break
            for file in self.lab.folder.glob("uptally.db*"):
                file.unlink()
            time.sleep(1)
        rows = self.lab.query("SELECT sum(to_offset - from_offset), sum(delivered), sum(absent) FROM batch_range")
        covered, delivered, absent = rows[0]
        self.assertEqual(covered, 33)
        self.assertGreater(absent, 0)
        self.assertEqual(self.total(config), delivered)
        self.lab.must(config, "audit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
