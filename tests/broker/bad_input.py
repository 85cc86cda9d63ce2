#!/usr/bin/env python3
"""Everything from outside is hostile: what each kind of bad input does to a run on a real broker.

Bad records are dead letters and the run goes on; a world that is not as configured ends the run with its
documented status and one line.
"""

import os
import shutil
import time
import unittest

from lab import NOBODY, REQUEST_MAP, Lab, framed
from servers import free_ports

NOW_US = time.time_ns() // 1000
JANUARY_1970_US = 86400 * 1000000
YEAR_9999_US = 253402300799 * 1000000


def request(**changes):
    return {"service_name": "portal", "start_time": NOW_US, "http_response_status_code": 200,
            "duration_us": 1500, **changes}


class BadInput(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("bad-input")
        self.addCleanup(self.lab.close)
        self.encode = self.lab.encoder("request_event")

    def topic_entry(self, name, **changes):
        return {"name": name, "kind": "requests", "framing": "confluent", "services": "discover",
                "map": REQUEST_MAP, **changes}

    def filled_topic(self, count=20):
        name = self.lab.topic("requests", partitions=1)
        self.lab.produce(name, [(0, self.encode(request()))] * count)
        return name

    def one_line(self, done, status, *words):
        """The documented status, and one line that names the place."""
        self.assertEqual(done.returncode, status, done.stderr)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("uptally: "), lines[0])
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(done.stdout, "")


class BadRecords(BadInput):
    def bad_records(self):
        """(name of the attack, payload, reason)"""
        good = self.encode(request())
        encode = self.encode
        not_avro = self.lab.register('syntax = "proto3"; message A { string b = 1; }', "PROTOBUF")
        return [
            ("cut in the last field", good[:-3], "malformed"),
            ("cut after the id", good[:5], "malformed"),
            ("text longer than the record", framed(encode.schema_id, b"\xc0\x84\x3dportal"), "malformed"),
            ("text of negative length", framed(encode.schema_id, b"\x01" + good[6:]), "malformed"),
            ("varint of eleven bytes", framed(encode.schema_id, b"\xff" * 11), "malformed"),
            ("a byte too many", good + b"\0", "malformed"),
            ("two records in one", good + good[5:], "malformed"),
            ("schema id nobody registered", framed(987654321, good[5:]), "unknown_schema"),
            ("schema that is not Avro", framed(not_avro, b"{}"), "bad_schema"),
            ("another magic", b"\x07" + good[1:], "bad_framing"),
            ("shorter than its framing", b"\0\0\0", "bad_framing"),
            ("empty", b"", "bad_framing"),
            ("year 9999", encode(request(start_time=YEAR_9999_US)), "time_out_of_range"),
            ("January 1970", encode(request(start_time=JANUARY_1970_US)), "time_out_of_range"),
            ("milliseconds taken for microseconds", encode(request(start_time=NOW_US // 1000)), "time_out_of_range"),
            ("time before any clock", encode(request(start_time=-2**63)), "time_out_of_range"),
            ("negative latency", encode(request(duration_us=-1)), "bad_latency"),
            ("latency of 25 hours", encode(request(duration_us=25 * 3600 * 10**6)), "bad_latency"),
            ("status 700", encode(request(http_response_status_code=700)), "bad_outcome"),
            ("service without a name", encode(request(service_name="")), "bad_name"),
            ("name of 256 bytes", encode(request(service_name="x" * 256)), "bad_name"),
            ("name with a line break", encode(request(service_name="a\nb")), "bad_name"),
        ]

    def test_each_is_a_dead_letter(self):
        bad = self.bad_records()
        good = self.encode(request())
        topic = self.lab.topic("requests", partitions=2)
        offsets = self.lab.produce(topic, [(0, good)] * 3 + [(1, payload) for _, payload, _ in bad]
                                   + [(1, None), (1, good)])[3:]
        config = self.lab.configuration([self.topic_entry(topic)])
        self.lab.must(config, "consume")
        self.lab.must(config, "aggregate")

        letters = self.lab.export(config, "dead-letters")
        got = [(row["topic"], int(row["partition"]), int(row["offset"]), row["reason"]) for row in letters]
        wanted = [(topic, 1, offset, reason) for offset, (_, _, reason) in zip(offsets, bad)]
        self.assertEqual(got, wanted)
        for row, (name, _, _) in zip(letters, bad):
            self.assertNotEqual(row["detail"], "", name)
            self.assertNotIn("\n", row["detail"], name)
        stored = dict(self.lab.query("SELECT record_offset, bytes FROM dead_letter"))
        for offset, (name, payload, _) in zip(offsets, bad):
            self.assertEqual(stored[offset], payload, name)

        windows = self.lab.export(config, "windows")
        self.assertEqual([(row["service"], row["total"]) for row in windows], [("portal", "4")])
        exclusions = self.lab.export(config, "exclusions")
        self.assertEqual([(row["reason"], row["records"]) for row in exclusions], [("tombstone", "1")])
        self.lab.must(config, "audit")

    def test_mostly_bad_is_a_wrong_mapping(self):
        """101 bad ones among the first 1,000 stop the run before it commits."""
        topic = self.lab.topic("requests", partitions=1)
        good, bad = self.encode(request()), self.encode(request(duration_us=-1))
        self.lab.produce(topic, [(0, good)] * 800 + [(0, bad)] * 101 + [(0, good)] * 200)
        config = self.lab.configuration([self.topic_entry(topic)])
        self.one_line(self.lab.run(config, "consume"), 4, topic, "bad_latency")
        self.assertEqual(self.lab.query("SELECT count(*) FROM batch"), [(0,)])

    def test_a_hundred_bad_ones_pass(self):
        topic = self.lab.topic("requests", partitions=1)
        good, bad = self.encode(request()), self.encode(request(duration_us=-1))
        self.lab.produce(topic, [(0, good)] * 800 + [(0, bad)] * 100 + [(0, good)] * 200)
        config = self.lab.configuration([self.topic_entry(topic)])
        self.lab.must(config, "consume")
        self.assertEqual(self.lab.query("SELECT sum(tallied), sum(dead_lettered) FROM batch_range"), [(1000, 100)])


class BadWorld(BadInput):
    def test_unknown_key(self):
        config = self.lab.configuration([self.topic_entry(self.filled_topic())], latenes="5m")
        self.one_line(self.lab.run(config, "consume"), 3, "uptally.yaml:", "latenes", "lateness")

    def test_invalid_zone(self):
        contract = {
            "id": "acme", "customer": "ACME", "services": ["portal"], "time_zone": "Europe/Berlim",
            "availability": {"target": 99.5, "method": "request_ratio", "unknown": {
                "no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down",
                "not_provisioned": "exclude"}},
        }
        config = self.lab.configuration([self.topic_entry(self.filled_topic())], contracts=[contract])
        self.one_line(self.lab.run(config, "consume"), 3, "uptally.yaml:", "Europe/Berlim")

    def test_unreachable_broker(self):
        address = f"127.0.0.1:{free_ports(1)[0]}"
        config = self.lab.configuration([self.topic_entry("requests")],
                                        cluster={"name": "tests", "bootstrap_servers": address})
        self.one_line(self.lab.run(config, "consume"), 5, address)

    def test_missing_topic(self):
        config = self.lab.configuration([self.topic_entry("no-such-topic")])
        self.one_line(self.lab.run(config, "consume"), 5, "no-such-topic")

    def test_registry_down(self):
        url = f"http://127.0.0.1:{free_ports(1)[0]}"
        config = self.lab.configuration([self.topic_entry(self.filled_topic())],
                                        registry={"url": url, "cache": "schema-cache", "retry": "1s"})
        self.one_line(self.lab.run(config, "consume"), 5, "registry")
        self.assertEqual(self.lab.query("SELECT count(*) FROM batch"), [(0,)])

    def test_mapping_that_fits_nothing(self):
        topic = self.topic_entry(self.filled_topic(), map={**REQUEST_MAP, "service": "servicename"})
        config = self.lab.configuration([topic])
        self.one_line(self.lab.run(config, "consume"), 3, "servicename", "service_name")
        self.assertEqual(self.lab.query("SELECT count(*) FROM batch"), [(0,)])


class Check(BadInput):
    """`uptally check` looks at everything, one line each, also behind a fault."""

    def test_all_is_well(self):
        config = self.lab.configuration([self.topic_entry(self.filled_topic())])
        lines = self.lab.must(config, "check").splitlines()
        self.assertEqual([line for line in lines if not line.startswith("ok ")], [])
        for word in ("broker", "registry", "store", "output"):
            self.assertTrue(any(word in line for line in lines), word)

    def test_faults_do_not_hide_each_other(self):
        down = [f"127.0.0.1:{port}" for port in free_ports(2)]
        config = self.lab.configuration([self.topic_entry("requests")],
                                        cluster={"name": "tests", "bootstrap_servers": down[0]},
                                        registry={"url": f"http://{down[1]}"})
        done = self.lab.run(config, "check")
        self.assertEqual(done.returncode, 5, done.stderr)
        for address in down:
            self.assertIn(address, done.stdout + done.stderr)
        self.assertIn("ok   store", done.stdout)


class Permissions(BadInput):
    """As a user who owns nothing: the way containers run."""

    def setUp(self):
        super().setUp()
        self.config = self.lab.configuration([self.topic_entry(self.filled_topic())])
        self.program = self.lab.folder / "uptally"
        shutil.copy(self.lab.program, self.program)  # where that user may reach it
        self.program.chmod(0o755)

    def run_as_nobody(self, *arguments):
        user = NOBODY if os.geteuid() == 0 else None
        return self.lab.run(self.config, *arguments, user=user, program=self.program)

    def test_read_only_folder(self):
        self.lab.folder.chmod(0o555)
        self.one_line(self.run_as_nobody("consume"), 6, "uptally.db")

    def test_unreadable_configuration(self):
        self.config.chmod(0 if os.geteuid() != 0 else 0o600)
        self.one_line(self.run_as_nobody("consume"), 3, "uptally.yaml", "ermission")

    def test_reading_needs_no_writing(self):
        """A report reader may look at a store that it cannot change."""
        self.lab.must(self.config, "consume")
        self.lab.must(self.config, "aggregate")
        self.lab.folder.chmod(0o555)
        done = self.run_as_nobody("export", "windows")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("portal", done.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
