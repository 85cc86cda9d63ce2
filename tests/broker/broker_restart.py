#!/usr/bin/env python3
"""A broker of its own that is restarted, in good order and by SIGKILL, while a drain reads from it."""

import os
import shutil
import signal
import tempfile
import time
import unittest
from pathlib import Path

import servers
from lab import REQUEST_MAP, Lab

EVENTS = 10000
BATCH = 500
# Small enough that the drain still has to fetch when the broker goes away.
PROPERTIES = {"queued.min.messages": "1000", "queued.max.messages.kbytes": "128", "fetch.message.max.bytes": "4096",
              "reconnect.backoff.max.ms": "1000"}


class Broker:
    def __init__(self):
        self.libs = os.environ["UPTALLY_KAFKA_LIBS"]
        self.parent = Path(tempfile.mkdtemp(prefix="uptally-restart-"))
        self.folder = self.parent / "kafka"
        self.port, secure, controller = servers.free_ports(3)
        servers.format_kafka(self.folder, self.libs, self.port, secure, controller)
        self.process = servers.run_kafka(self.folder, self.libs)
        self.wait()

    def wait(self):
        servers.wait_until(lambda: servers.accepts(self.port), self.process, "Kafka", self.folder / "log")

    def stop(self, number):
        self.process.send_signal(number)
        self.process.wait(60)

    def start_again(self):
        self.process = servers.run_kafka(self.folder, self.libs)
        self.wait()

    def close(self):
        self.process.kill()
        self.process.wait(60)
        shutil.rmtree(self.parent, ignore_errors=True)


class BrokerRestart(unittest.TestCase):
    def setUp(self):
        self.broker = Broker()
        self.addCleanup(self.broker.close)
        self.lab = Lab("broker-restart", bootstrap=f"127.0.0.1:{self.broker.port}")
        self.addCleanup(self.lab.close)

    def committed(self):
        rows = self.lab.query("SELECT coalesce(sum(delivered), 0) FROM batch_range")
        return rows[0][0] if rows else 0

    def restart_within(self, process, at_least, number):
        self.lab.wait_for(lambda: self.committed() >= at_least, f"{at_least} records")
        self.broker.stop(number)
        self.assertIsNone(process.poll(), process.log.read_text())
        self.assertLess(self.committed(), EVENTS, "stopped too late to prove anything")
        self.broker.start_again()

    def test_restarts(self):
        encode = self.lab.encoder("request_event")
        topic = self.lab.topic("requests", partitions=2)
        event = encode({"service_name": "portal", "start_time": time.time_ns() // 1000,
                        "http_response_status_code": 200})
        for _ in range(0, EVENTS, BATCH):  # of one large batch everything would be fetched at once
            self.lab.produce(topic, [(index % 2, event) for index in range(BATCH)])
        config = self.lab.configuration(
            [{"name": topic, "kind": "requests", "framing": "confluent", "services": "discover", "map": REQUEST_MAP}],
            cluster={"name": "tests", "bootstrap_servers": self.lab.bootstrap, "properties": PROPERTIES})
        drain = self.lab.start(config, "consume", "--batch", "500")
        self.addCleanup(drain.wait)
        self.addCleanup(drain.kill)
        self.restart_within(drain, 500, signal.SIGTERM)
        self.restart_within(drain, EVENTS // 2, signal.SIGKILL)
        self.assertEqual(drain.wait(100), 0, drain.log.read_text())
        self.assertEqual(self.committed(), EVENTS)
        self.lab.must(config, "aggregate")
        self.assertEqual([row["total"] for row in self.lab.export(config, "windows")], [str(EVENTS)])
        self.lab.must(config, "audit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
