#!/usr/bin/env python3
"""uptally archive on a real Kafka: what fastavro finds in its files is what an independent consumer gets from the topics."""

import ctypes
import json
import subprocess
import time
import unittest
from pathlib import Path

import fastavro
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from fastavro import _read_py as fastavro_read
from fastavro.schema import fingerprint, to_parsing_canonical_form

from lab import REQUEST_MAP, Lab, schema_text

TIME_TYPES = {0: "none", 1: "create", 2: "log_append"}


def unpack_zstandard(decoder):
    """fastavro leaves this codec to a package; the library itself is there anyway."""
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    library.ZSTD_decompress.restype = ctypes.c_size_t
    packed = decoder.read_bytes()
    size = library.ZSTD_getFrameContentSize(packed, ctypes.c_size_t(len(packed)))
    content = ctypes.create_string_buffer(max(size, 1))
    if library.ZSTD_decompress(content, ctypes.c_size_t(size), packed, ctypes.c_size_t(len(packed))) != size:
        raise ValueError("it is no zstandard")
    return fastavro_read.BytesIO(content.raw[:size])


fastavro_read.BLOCK_READERS["zstandard"] = unpack_zstandard


class Archive(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("archive")
        self.addCleanup(self.lab.close)
        self.admin = AdminClient({"bootstrap.servers": self.lab.bootstrap})
        self.encode = self.lab.encoder("request_event")
        self.now_ms = int(time.time() * 1000) // 1000 * 1000

    # --- the world ---

    def entry(self, topic, **changes):
        return {"name": topic, "kind": "requests", "framing": "confluent", "services": "discover",
                "map": REQUEST_MAP, "gaps": True, **changes}

    def configure(self, *topics, folder="archive", store="uptally.db", name="uptally.yaml", **settings):
        return self.lab.configuration([topic if isinstance(topic, dict) else self.entry(topic) for topic in topics],
                                      name=name, store={"sqlite": store}, archive={"folder": folder, **settings})

    def event(self, number):
        return self.encode({"service_name": f"service-{number % 7}", "start_time": (self.now_ms + number) * 1000,
                            "http_response_status_code": 200})

    def topic(self, what, partitions=1, **settings):
        name = self.lab.topic(what, partitions=partitions) if not settings else f"{what}-{self.now_ms}"
        if settings:
            for future in self.admin.create_topics([NewTopic(name, partitions, 1, config=settings)]).values():
                future.result(30)
        return name

    # --- both sides ---

    def consumed(self, *topics):
        """What a consumer of read_committed gets, by coordinate."""
        consumer = Consumer({"bootstrap.servers": self.lab.bootstrap, "group.id": "independent",
                             "isolation.level": "read_committed", "enable.partition.eof": True,
                             "enable.auto.commit": False, "auto.offset.reset": "earliest"})
        found, ends = {}, 0
        try:
            parts = [TopicPartition(topic, number, 0) for topic in topics
                     for number in consumer.list_topics(topic, 30).topics[topic].partitions]
            consumer.assign(parts)
            while ends < len(parts):
                message = consumer.poll(30)
                self.assertIsNotNone(message, "the independent consumer hangs")
                if message.error():
                    ends += 1
                    continue
                kind, time_ms = message.timestamp()
                found[message.topic(), message.partition(), message.offset()] = (
                    message.key(), message.value(), TIME_TYPES[kind], time_ms,
                    [(name.encode(), value) for name, value in message.headers() or []])
        finally:
            consumer.close()
        return found

    def files(self, folder="archive"):
        return sorted((self.lab.folder / folder).rglob("*.avro"))

    def archived(self, folder="archive"):
        """The same of the files, read by fastavro in Python; coordinates ascend and are in the range of the name."""
        found = {}
        for path in self.files(folder):
            with open(path, "rb") as stream:
                reader = fastavro_read.reader(stream)
                meta = {key: value.strip() for key, value in reader.metadata.items()}
                topic, partition = meta["uptally.topic"], int(meta["uptally.partition"])
                first, end = (int(text) for text in path.stem.split("-"))
                self.assertEqual((int(meta["uptally.from"]), int(meta["uptally.to"])), (first, end))
                self.assertEqual(path.parent.name, str(partition))
                before, count, times = first - 1, 0, []
                for record in reader:
                    self.assertGreater(record["offset"], before)
                    self.assertLess(record["offset"], end)
                    self.assertEqual(record["partition"], partition)
                    before = record["offset"]
                    count += 1
                    times.append(record["timestamp_ms"])
                    found[topic, partition, record["offset"]] = (
                        record["key"], record["value"], record["timestamp_type"], record["timestamp_ms"],
                        [(header["key"], header["value"]) for header in record["headers"]])
                self.assertEqual(count, int(meta["uptally.records"]))
                self.assertEqual((min(times), max(times)), (int(meta["uptally.time.low"]) // 1_000_000,
                                                            int(meta["uptally.time.high"]) // 1_000_000))
        return found

    def prove(self, config):
        self.assertIn("the archive is what the store says", self.lab.must(config, "archive", "--verify"))
        self.assertIn("archived:", self.lab.must(config, "audit"))

    # --- the tests ---

    def fill(self):
        """Two topics with everything that Kafka has."""
        plain = self.topic("plain", partitions=3)
        stamped = self.topic("stamped", **{"message.timestamp.type": "LogAppendTime"})
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "transactional.id": plain, "linger.ms": 5,
                             "compression.type": "zstd", "message.max.bytes": 1_000_000})
        producer.init_transactions(30)
        producer.begin_transaction()
        for number in range(500):
            producer.produce(plain, self.event(number), partition=number % 3, key=f"key-{number}".encode(),
                             timestamp=self.now_ms + number,
                             headers=[("trace", bytes([number % 256, 0, 255])), ("trace", b""), ("null", None)])
        for value, key in ((None, b"gone"), (b"", b""), (b"", None), (None, None), (b"\0" * 900_000, b"large")):
            producer.produce(plain, value, partition=1, key=key, timestamp=self.now_ms)
        producer.produce(stamped, self.event(1), key="\u00e4".encode(), headers=[("", b"empty name")])
        producer.commit_transaction(60)
        producer.begin_transaction()
        for number in range(50):
            producer.produce(plain, self.event(number), partition=number % 3)
        producer.flush(30)
        producer.abort_transaction(30)
        producer.begin_transaction()
        for number in range(90):
            producer.produce(plain, self.event(number), partition=number % 3, timestamp=self.now_ms + 1000 + number)
        producer.commit_transaction(60)
        return plain, stamped

    def test_each_byte_of_each_record(self):
        """Transactions, aborted ones, null and empty, headers, both kinds of time stamp, in every codec."""
        topics = self.fill()
        expected = self.consumed(*topics)
        self.assertEqual(len(expected), 500 + 5 + 1 + 90)
        for codec in ("null", "deflate", "zstandard"):
            with self.subTest(codec):
                config = self.configure(*topics, folder=codec, store=f"{codec}.db", name=f"{codec}.yaml", codec=codec,
                                        block_bytes="4 KiB", file_bytes="64 KiB")
                summary = json.loads(self.lab.must(config, "archive", "--format", "json"))["archived"]
                self.assertEqual(summary["records"], len(expected))
                self.assertEqual(self.archived(codec), expected)
                # 50 records aborted, and markers: of three transactions in each of the three partitions, of one in the other.
                self.assertEqual(summary["offsets_absent"], 50 + 9 + 1)
                self.prove(config)
                before = self.files(codec)
                self.lab.must(config, "archive")
                self.assertEqual(self.files(codec), before)

    def test_schemas_are_kept(self):
        """With what they refer to; a record whose schema nobody knows is archived without."""
        inner = json.dumps({"type": "enum", "name": "Method", "namespace": "web", "symbols": ["GET", "PUT"]})
        outer = json.dumps({"type": "record", "name": "Request", "fields": [{"name": "method", "type": "web.Method"}]})
        subject = f"method-{self.now_ms}"
        self.lab.register(inner, subject=subject)
        number = self.lab.register(outer, references=[{"name": "web.Method", "subject": subject, "version": 1}])
        topic = self.topic("schemas")
        self.lab.produce(topic, [(0, self.event(0)), (0, b"\0" + number.to_bytes(4, "big") + b"\0"),
                                 (0, b"\0\x7f\xff\xff\xf0 nobody knows it"), (0, b"no framing at all")])
        config = self.configure(topic)
        summary = json.loads(self.lab.must(config, "archive", "--format", "json"))["archived"]
        self.assertEqual((summary["records"], summary["schemas"], summary["schemas_missing"]), (4, 2, 1))
        self.assertEqual(self.archived(), self.consumed(topic))
        kept = {path.name: json.loads(path.read_text()) for path in (self.lab.folder / "archive").rglob("schemas/*.json")}
        self.assertEqual(set(kept), {f"id-{self.encode.schema_id}.json", f"id-{number}.json"})
        document = kept[f"id-{number}.json"]
        self.assertEqual(json.loads(document["schema"]), json.loads(outer))
        self.assertEqual([json.loads(text) for text in document["references"]], [json.loads(inner)])
        # They suffice to read a payload.
        own = fastavro.parse_schema(json.loads(kept[f"id-{self.encode.schema_id}.json"]["schema"]))
        value = self.archived()[topic, 0, 0][1]
        self.assertEqual(fastavro.schemaless_reader(fastavro_read.BytesIO(value[5:]), own)["service_name"], "service-0")

    def test_each_framing_keeps_its_schema(self):
        """In the head where a topic has one schema; by the fingerprint or the id that stands in payload or header elsewhere."""
        text = schema_text("request_event")
        (self.lab.folder / "schemas").mkdir()
        (self.lab.folder / "schemas" / "request.avsc").write_text(text)
        body = self.event(3)[5:]
        mark = bytes.fromhex(fingerprint(to_parsing_canonical_form(json.loads(text)), "CRC-64-AVRO"))
        number = self.encode.schema_id.to_bytes(4, "big")
        bare, single, header = self.topic("bare"), self.topic("single"), self.topic("header")
        self.lab.produce(bare, [(0, body)])
        self.lab.produce(single, [(0, b"\xc3\x01" + mark + body), (0, b"\xc3\x01" + mark + body)])
        self.lab.produce(header, [(0, body, None, [("__value_schema_id", b"\0" + number)])])
        config = self.configure(
            self.entry(bare, framing="avro", schema_file="schemas/request.avsc"),
            self.entry(single, framing="single_object", schema_folder="schemas"), self.entry(header, framing="header"))
        self.lab.must(config, "archive")
        self.assertEqual(self.archived(), self.consumed(bare, single, header))
        heads = {}
        for path in self.files():
            with open(path, "rb") as stream:
                meta = fastavro.reader(stream).metadata
            heads[meta["uptally.topic"]] = (meta["uptally.framing"], meta.get("uptally.schema"))
        self.assertEqual(heads, {bare: ("avro", text), single: ("single_object", None), header: ("header", None)})
        kept = {(path.parts[-4], path.name): json.loads(path.read_text())["schema"]
                for path in (self.lab.folder / "archive").rglob("schemas/*.json")}
        self.assertEqual({place: json.loads(schema) for place, schema in kept.items()},
                         {(single, f"fingerprint-{mark[::-1].hex()}.json"): json.loads(text),
                          (header, f"id-{self.encode.schema_id}.json"): json.loads(text)})
        self.assertEqual(self.lab.query("SELECT count(*) FROM archive_file WHERE undated = 0 AND low_event_ns IS NOT NULL"), [(3,)])
        self.prove(config)

    def test_compaction(self):
        """What compaction took before it was read is absent; what was archived before stays."""
        topic = self.topic("compacted", **{"cleanup.policy": "compact", "segment.ms": "100",
                                           "min.cleanable.dirty.ratio": "0.01", "min.compaction.lag.ms": "0",
                                           "max.compaction.lag.ms": "200"})
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "linger.ms": 1})
        for number in range(3):
            for key in range(10):
                producer.produce(topic, self.event(number), key=str(key), timestamp=self.now_ms + number)
            producer.flush(30)
            time.sleep(0.3)
            producer.produce(topic, self.event(50), key="roll")
            producer.flush(30)
        config = self.configure(topic)
        self.lab.wait_for(lambda: len(self.consumed(topic)) < 33, "compaction", 60)
        summary = json.loads(self.lab.must(config, "archive", "--format", "json"))["archived"]
        self.assertEqual(summary["records"] + summary["offsets_absent"], 33)
        self.assertGreater(summary["offsets_absent"], 0)
        self.assertEqual(len(self.archived()), summary["records"])
        self.prove(config)

    def test_topic_made_again(self):
        topic = self.topic("again")
        self.lab.produce(topic, [(0, self.event(number)) for number in range(20)])
        config = self.configure(topic)
        self.lab.must(config, "archive")
        for future in self.admin.delete_topics([topic]).values():
            future.result(30)
        self.lab.wait_for(lambda: topic not in self.admin.list_topics(timeout=10).topics, "the deletion")
        self.lab.topic("again", partitions=1, name=topic)
        self.lab.renew_producer()
        self.lab.produce(topic, [(0, self.event(number)) for number in range(5)])
        done = self.lab.run(config, "archive")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(f"uptally archive --accept-new {topic}", done.stderr)
        self.lab.must(config, "archive", "--accept-new", topic)
        self.assertEqual([(path.parts[-3], path.stem.lstrip("0").split("-")[0]) for path in self.files()],
                         [("1", ""), ("2", "")])
        self.prove(config)
        # The live book begins the new incarnation at its beginning, too.
        self.lab.must(config, "consume")
        self.assertEqual(self.lab.query("SELECT CAST(sum(delivered) AS BIGINT) FROM batch_range WHERE book_id = 1"), [(5,)])

    def test_retention_overtakes_the_archive(self):
        topic = self.topic("expired")
        self.lab.produce(topic, [(0, self.event(number)) for number in range(20)])
        config = self.configure(topic)
        self.lab.must(config, "archive")
        self.lab.produce(topic, [(0, self.event(number)) for number in range(20)])
        for future in self.admin.delete_records([TopicPartition(topic, 0, 30)]).values():
            future.result(30)
        done = self.lab.run(config, "archive")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(f"--accept-loss {topic}/0", done.stderr)
        self.lab.must(config, "archive", "--accept-loss", f"{topic}/0")
        self.assertEqual([offset for _, _, offset in self.archived()], [*range(20), *range(30, 40)])
        self.assertEqual(self.lab.query("SELECT kind, from_offset, to_offset FROM batch_range ORDER BY from_offset"),
                         [("read", 0, 20), ("lost", 20, 30), ("read", 30, 40)])
        self.prove(config)

    def test_damage(self):
        """Exit 9 names the file and the place."""
        topic = self.topic("damaged")
        self.lab.produce(topic, [(0, self.event(number)) for number in range(2000)])
        config = self.configure(topic, block_bytes="4 KiB")
        self.lab.must(config, "archive")
        path = self.files()[0]
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        done = self.lab.run(config, "archive", "--verify")
        self.assertEqual(done.returncode, 9, done.stderr)
        self.assertIn(path.name, done.stdout)
        self.assertIn("SHA-256", done.stdout)

    def test_follow(self):
        """Files end by age while records arrive; SIGTERM leaves in order and loses nothing."""
        topic = self.topic("followed", partitions=2)
        config = self.configure(topic, file_age="1s")
        process = self.lab.start(config, "archive", "--follow")
        try:
            self.lab.produce(topic, [(number % 2, self.event(number)) for number in range(100)])
            self.lab.wait_for(lambda: len(self.files()) == 2, "the first files")
            self.lab.produce(topic, [(number % 2, self.event(number)) for number in range(100)])
            self.lab.wait_for(lambda: len(self.files()) == 4, "the next files")
            self.lab.produce(topic, [(0, self.event(number)) for number in range(10)])
            time.sleep(0.5)
        finally:
            process.terminate()
            status = process.wait(20)
        self.assertEqual(status, 0, process.log.read_text())
        self.lab.must(config, "archive")
        self.assertEqual(self.archived(), self.consumed(topic))
        self.prove(config)

    def test_full_disk(self):
        """A clear line and status 7; with space again the next run completes the same files."""
        topic = self.topic("full", partitions=2)
        self.lab.produce(topic, [(number % 2, self.event(number) + bytes(f"{number * 7919 % 10**9}", "ascii") * 10)
                                 for number in range(30000)])
        config = self.configure(topic, codec="null", file_bytes="1 MiB")
        disk = self.lab.folder / "archive"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("no small disk could be mounted, which needs root")
        try:
            done = self.lab.run(config, "archive")
            self.assertEqual(done.returncode, 7, done.stderr)
            self.assertIn("No space left", done.stderr)
            self.assertNotEqual(self.files(), [])  # what was whole stays
            self.assertEqual(list(disk.rglob(".new-*")), [])
            self.prove(config)
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True, capture_output=True)
            self.lab.must(config, "archive")
            self.assertEqual(self.archived(), self.consumed(topic))
            self.prove(config)
        finally:
            subprocess.run(["umount", "-l", str(disk)], capture_output=True, check=False)

    def test_quiet_end_of_transactions(self):
        """Behind the last record of a transactional topic stands a marker: a run that follows passes it, too."""
        topic = self.topic("markers")
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "transactional.id": topic})
        producer.init_transactions(30)
        producer.begin_transaction()
        producer.produce(topic, self.event(1))
        producer.commit_transaction(30)
        config = self.configure(topic, file_age="1s")
        process = self.lab.start(config, "archive", "--follow")
        try:
            self.lab.wait_for(lambda: self.lab.query("SELECT next_offset, drained_ns IS NOT NULL FROM partition_offset") ==
                              [(2, 1)], "the marker is passed, and the note written")
        finally:
            process.terminate()
            self.assertEqual(process.wait(20), 0)
        self.prove(config)

    def test_retention_of_files(self):
        """What is old goes, its rows stay, and a dry run only says so."""
        topic = self.topic("kept")
        config = self.configure(topic, retention="1d")
        old_ms = self.now_ms - 3 * 86_400_000
        self.lab.produce(topic, [(0, self.event(number), old_ms) for number in range(10)])
        self.lab.must(config, "archive")
        self.lab.produce(topic, [(0, self.event(number), self.now_ms) for number in range(10)])
        self.lab.must(config, "archive")
        # Committed today: its records may say what they like, it stays.
        self.assertEqual(len(self.files()), 2)
        done = self.lab.run(config, "archive", "--expire", "--dry-run")
        self.assertIn("0 files", done.stderr)
        self.assertEqual(self.lab.run(config, "archive", "--expire").returncode, 0)
        self.assertEqual(len(self.files()), 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
