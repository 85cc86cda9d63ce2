"""A broker test's own corner: a folder, topics nobody else uses, a configuration, and the program under test.

The servers were started by servers.py; UPTALLY_TEST_SERVERS is their folder and UPTALLY the program.
"""

import csv
import io
import json
import os
import shutil
import sqlite3
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from pathlib import Path

try:
    import fastavro
    from confluent_kafka import Consumer, Producer, TopicPartition
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError as missing:
    sys.exit(f"{missing}; run the broker tests with: bash tests/run -L broker")

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
RUN_SECONDS_MAX = 120
NOBODY = 65532

CHECK_OUTCOMES = {name: [name] for name in ("pass", "warn", "fail", "unknown", "removed")}
REQUEST_MAP = {
    "service": "service_name",
    "instance": "service_instance_id",
    "time": "start_time",
    "outcome": "http_response_status_code",
    "latency": {"path": "duration_us", "unit": "us"},
}
CHECK_MAP = {
    "service": "service_name",
    "instance": "service_instance_id",
    "time": "observed_time",
    "outcome": {"path": "status", **CHECK_OUTCOMES},
    "checker": "checker",
    "region": "region",
    "interval": {"path": "interval_ms", "unit": "ms", "default": "60s"},
}


def schema_text(name):
    return (SCHEMAS / f"{name}.avsc").read_text()


class Encoder:
    """Records of one registered schema, in the Confluent framing."""

    def __init__(self, schema_id, text):
        self.schema_id = schema_id
        self.schema = fastavro.parse_schema(json.loads(text))

    def body(self, record):
        buffer = io.BytesIO()
        fastavro.schemaless_writer(buffer, self.schema, record)
        return buffer.getvalue()

    def __call__(self, record):
        return framed(self.schema_id, self.body(record))


def framed(schema_id, body):
    return struct.pack(">bI", 0, schema_id) + body


class Lab:
    def __init__(self, name, bootstrap=None):
        """bootstrap: of a broker of the test's own."""
        self.folder = Path(tempfile.mkdtemp(prefix=f"uptally-{name}-"))
        self.folder.chmod(0o755)
        servers = json.loads(Path(os.environ["UPTALLY_TEST_SERVERS"], "servers.json").read_text())
        self.bootstrap = bootstrap or servers["bootstrap"]
        self.registry = servers["registry"]
        self.secure = servers["secure"]  # the same broker with TLS and SASL/PLAIN
        self.program = os.environ["UPTALLY"]
        self._admin = AdminClient({"bootstrap.servers": self.bootstrap})
        self._producer = None
        self.renew_producer()

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- the broker and the registry ---------------------------------------------------------

    def renew_producer(self):
        self._producer = Producer({
            "bootstrap.servers": self.bootstrap,
            "linger.ms": 20,
            "compression.type": "lz4",
            "enable.idempotence": True,
            "log_level": 3,
        })

    def topic(self, what, partitions=3, name=None):
        name = name or f"{what}-{uuid.uuid4().hex[:8]}"
        for future in self._admin.create_topics([NewTopic(name, partitions, 1)]).values():
            future.result(30)
        return name

    def end_offset(self, topic):
        """The sum over its partitions."""
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": "lab", "isolation.level": "read_committed"})
        try:
            partitions = consumer.list_topics(topic, 30).topics[topic].partitions
            return sum(consumer.get_watermark_offsets(TopicPartition(topic, number), 30)[1] for number in partitions)
        finally:
            consumer.close()

    def register(self, text, kind=None, subject=None, references=None):
        """The id of a schema, under a subject of its own if none is given."""
        body = {"schema": text}
        if kind is not None:
            body["schemaType"] = kind
        if references is not None:
            body["references"] = references
        subject = subject or uuid.uuid4().hex
        request = urllib.request.Request(
            f"{self.registry}/subjects/{subject}/versions", json.dumps(body).encode(),
            {"Content-Type": "application/vnd.schemaregistry.v1+json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]

    def encoder(self, name):
        text = schema_text(name)
        return Encoder(self.register(text), text)

    def produce(self, topic, records):
        """records: (partition, payload[, time stamp in milliseconds or None[, headers]]). Returns the offset of each."""
        offsets = [None] * len(records)

        def stored(index):
            def on_delivery(error, message):
                if error is not None:
                    raise RuntimeError(f"not produced: {error}")
                offsets[index] = message.offset()
            return on_delivery

        for index, (partition, payload, *more) in enumerate(records):
            extra = {name: value for name, value in zip(("timestamp", "headers"), more) if value is not None}
            while True:
                try:
                    self._producer.produce(topic, payload, partition=partition,
                                           on_delivery=stored(index), **extra)
                    break
                except BufferError:
                    self._producer.poll(0.1)
            self._producer.poll(0)
        if self._producer.flush(60) != 0 or None in offsets:
            raise RuntimeError("the broker did not take all records")
        return offsets

    # --- the program ----------------------------------------------------------------------------

    def configuration(self, topics, name="uptally.yaml", **more):
        """JSON is YAML. `more` replaces whole sections."""
        sections = {
            "store": {"sqlite": "uptally.db"},
            "output": "statements",
            "lateness": "0s",
            "cluster": {"name": "tests", "bootstrap_servers": self.bootstrap},
            "registry": {"url": self.registry, "cache": "schema-cache", "retry": "1s"},
            "topics": topics,
        }
        sections.update(more)
        path = self.folder / name
        path.write_text(json.dumps({k: v for k, v in sections.items() if v is not None}, indent=2))
        return path

    def command(self, config, *arguments):
        return [self.program, *arguments, "--config", str(config)]

    def run(self, config, *arguments, user=None, program=None):
        command = self.command(config, *arguments)
        if program is not None:
            command[0] = str(program)
        if user is not None:
            command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                              timeout=RUN_SECONDS_MAX, check=False)

    def start(self, config, *arguments):
        """In the background; its standard error goes to a file of the folder."""
        with open(self.folder / f"stderr-{uuid.uuid4().hex[:8]}", "w+", encoding="utf-8") as log:
            process = subprocess.Popen(self.command(config, *arguments), cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=log)
            process.log = Path(log.name)
        return process

    def must(self, config, *arguments):
        done = self.run(config, *arguments)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(arguments)}: status {done.returncode}\n{done.stderr}")
        return done.stdout

    def export(self, config, what, *options):
        """Rows as dicts of texts."""
        return list(csv.DictReader(io.StringIO(self.must(config, "export", what, *options))))

    def query(self, sql, store="uptally.db"):
        """Looks into the store beside the program; an empty answer while there is none."""
        try:
            connection = sqlite3.connect(f"file:{self.folder / store}?mode=ro", uri=True, timeout=10)
        except sqlite3.OperationalError:
            return []
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def wait_for(self, condition, what, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s: {what}")
            time.sleep(0.05)
