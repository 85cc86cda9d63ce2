#!/usr/bin/env python3
"""Topics that change between two runs: records that expired, topics made again, partitions added."""

import time
import unittest

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from lab import REQUEST_MAP, Lab

RECORDS = 100


class MovingTopics(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("moving-topics")
        self.addCleanup(self.lab.close)
        self.admin = AdminClient({"bootstrap.servers": self.lab.bootstrap})
        self.encode = self.lab.encoder("request_event")
        self.topic = self.lab.topic("requests", partitions=2)
        self.config = self.configure(self.topic)

    def configure(self, topic, **changes):
        entry = {"name": topic, "kind": "requests", "framing": "confluent", "services": "discover",
                 "map": REQUEST_MAP, **changes}
        return self.lab.configuration([entry])

    def produce(self, *partitions, topic=None, count=RECORDS):
        event = self.encode({"service_name": "portal", "start_time": time.time_ns() // 1000,
                             "http_response_status_code": 200})
        self.lab.produce(topic or self.topic, [(partition, event) for partition in partitions] * count)

    def expire(self, partition, offset):
        futures = self.admin.delete_records([TopicPartition(self.topic, partition, offset)])
        for future in futures.values():
            self.assertEqual(future.result(30).low_watermark, offset)

    def next_offsets(self):
        return dict(self.lab.query("SELECT partition_id, next_offset FROM partition_offset"))

    def one_line(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        lines = [line for line in done.stderr.splitlines()
                 if line.startswith("uptally: ") and not line.startswith("uptally: warning: ")]
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])

    def test_expired_offsets_are_never_skipped(self):
        """The partition waits for an operator, the other one finishes, and the next run says the same."""
        self.produce(0, 1)
        self.lab.must(self.config, "consume")
        self.produce(0, 1)
        self.expire(0, RECORDS + RECORDS // 2)
        for _ in range(2):
            self.one_line(self.lab.run(self.config, "consume"), 5, self.topic, "partition 0", str(RECORDS))
            self.assertEqual(self.next_offsets(), {0: RECORDS, 1: 2 * RECORDS})
        self.lab.must(self.config, "aggregate")
        self.lab.must(self.config, "audit")

    def test_first_start_behind_expired_records(self):
        """What had expired before the ledger began was never ours to count."""
        self.produce(0, 1)
        self.expire(0, 30)
        self.lab.must(self.config, "consume")
        self.assertEqual(self.lab.query("SELECT partition_id, origin, next_offset FROM partition_offset ORDER BY 1"),
                         [(0, 30, RECORDS), (1, 0, RECORDS)])
        self.lab.must(self.config, "aggregate")
        self.lab.must(self.config, "audit")

    def test_start_latest(self):
        self.produce(0, 1)
        config = self.configure(self.topic, start="latest")
        self.lab.must(config, "consume")
        self.produce(0)
        self.lab.must(config, "consume")
        self.assertEqual(self.lab.query("SELECT sum(delivered) FROM batch_range"), [(RECORDS,)])

    def make_again(self):
        for future in self.admin.delete_topics([self.topic]).values():
            future.result(30)
        self.lab.wait_for(lambda: self.topic not in self.admin.list_topics(timeout=10).topics, "the deletion")
        self.lab.topic("requests", partitions=2, name=self.topic)

    def test_topic_made_again_with_fewer_records(self):
        self.produce(0, 1)
        self.lab.must(self.config, "consume")
        self.make_again()
        self.produce(0, 1, count=10)
        self.one_line(self.lab.run(self.config, "consume"), 5, self.topic)
        self.assertEqual(self.next_offsets(), {0: RECORDS, 1: RECORDS})

    def test_topic_made_again_with_more_records(self):
        """Offsets alone cannot tell; the time stamp of the last record that was read can."""
        self.produce(0, 1)
        self.lab.must(self.config, "consume")
        self.make_again()
        self.produce(0, 1, count=3 * RECORDS)
        self.one_line(self.lab.run(self.config, "consume"), 5, self.topic)
        self.assertEqual(self.next_offsets(), {0: RECORDS, 1: RECORDS})

    def test_new_partitions_begin_at_zero(self):
        config = self.configure(self.topic, start="latest")
        self.produce(0, 1)
        self.lab.must(config, "consume")
        for future in self.admin.create_partitions([NewPartitions(self.topic, 3)]).values():
            future.result(30)
        self.lab.wait_for(lambda: len(self.admin.list_topics(self.topic, 10).topics[self.topic].partitions) == 3,
                          "the new partition")
        self.lab.renew_producer()  # the old one still believes in two
        self.produce(2)
        self.lab.must(config, "consume")
        self.assertEqual(self.next_offsets(), {0: RECORDS, 1: RECORDS, 2: RECORDS})
        self.assertEqual(self.lab.query("SELECT origin FROM partition_offset WHERE partition_id = 2"), [(0,)])

    def test_shards_share_a_topic(self):
        self.produce(0, 1)
        self.lab.must(self.config, "consume", "--shard", "0/2")
        self.assertEqual(self.lab.query("SELECT sum(delivered) FROM batch_range"), [(RECORDS,)])
        self.lab.must(self.config, "consume", "--shard", "1/2")
        self.assertEqual(self.next_offsets(), {0: RECORDS, 1: RECORDS})


if __name__ == "__main__":
    unittest.main(verbosity=2)
