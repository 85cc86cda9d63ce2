#!/usr/bin/env python3
"""Attacks on a run with a real broker: sizes, batches that inflate, schemas and records made to hang or to eat memory, a registry
that lies, servers with wrong certificates, and secrets that must not be seen anywhere.
"""

import gzip
import json
import os
import shutil
import subprocess
import threading
import time
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from confluent_kafka import Producer
from confluent_kafka.admin import NewTopic

import servers
from lab import NOBODY, REQUEST_MAP, Lab, framed, schema_text

MIB = 1 << 20
NOW_US = time.time_ns() // 1000
INT64_MIN = -2**63


def request(**changes):
    return {"service_name": "portal", "start_time": NOW_US, "http_response_status_code": 200,
            "duration_us": 1500, **changes}


def varint(value):
    value = ((value << 1) ^ (value >> 63)) & (2**64 - 1)
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


class Attack(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("hostile")
        self.addCleanup(self.lab.close)

    def topic_entry(self, name, **changes):
        return {"name": name, "kind": "requests", "framing": "confluent", "services": "discover",
                "map": REQUEST_MAP, **changes}

    def wide_topic(self):
        """A topic that takes records of 40 MiB."""
        name = self.lab.topic("wide", partitions=1)
        self.lab._admin.delete_topics([name])[name].result(30)
        name += "-wide"
        self.lab._admin.create_topics([NewTopic(name, 1, 1, config={"max.message.bytes": str(40 * MIB)})])[name].result(30)
        return name

    def produce_large(self, topic, payloads, codec="none"):
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "message.max.bytes": 1000000000,
                             "compression.type": codec, "log_level": 3})
        failures = []
        for payload in payloads:
            producer.produce(topic, payload, partition=0, on_delivery=lambda error, _: error and failures.append(error))
            self.assertEqual(producer.flush(120), 0)  # one batch each
        self.assertEqual(failures, [])

    def letters(self, config):
        return [(row["reason"], row["detail"]) for row in self.lab.export(config, "dead-letters")]

    def one_line(self, done, status, *words):
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class Sizes(Attack):
    def test_from_nothing_to_the_largest(self):
        topic = self.wide_topic()
        encode = self.lab.encoder("request_event")
        head = encode(request())[:5]
        payloads = [b"", b"\0", head, head + bytes(MIB), head + bytes(16 * MIB - 5), head + bytes(16 * MIB - 4), bytes(33 * MIB),
                    encode(request())]
        self.produce_large(topic, payloads)
        config = self.lab.configuration([self.topic_entry(topic)])
        self.lab.must(config, "consume")
        self.assertEqual([reason for reason, _ in self.letters(config)],
                         ["bad_framing"] * 2 + ["malformed"] * 3 + ["too_large"] * 2)
        # What is too large is kept cut, with its size.
        self.assertEqual(self.lab.query("SELECT record_size, length(bytes) FROM dead_letter WHERE reason = 'too_large' "
                                        "ORDER BY record_offset"), [(16 * MIB + 1, 65536), (33 * MIB, 65536)])
        self.assertEqual(self.lab.query("SELECT sum(tallied) FROM batch_range"), [(1,)])
        self.lab.must(config, "audit")


class Inflation(Attack):
    """Batches that are small on the wire. librdkafka inflates a batch as a whole: docs/SECURITY.md says what follows from that."""

    def prepare(self, codec, size):
        topic = self.wide_topic()
        encode = self.lab.encoder("request_event")
        self.produce_large(topic, [encode(request()), encode(request())[:5] + bytes(size), encode(request())], codec)
        return topic

    def survives(self, topic, size, **cluster):
        cluster = {"name": "tests", "bootstrap_servers": self.lab.bootstrap, **cluster}
        config = self.lab.configuration([self.topic_entry(topic)], cluster=cluster)
        self.lab.must(config, "consume")
        self.assertEqual([reason for reason, _ in self.letters(config)], ["too_large"])
        self.assertEqual(self.lab.query("SELECT record_size FROM dead_letter"), [(size + 5,)])
        self.assertEqual(self.lab.query("SELECT sum(tallied) FROM batch_range"), [(2,)])
        self.lab.must(config, "audit")

    def test_gzip(self):
        self.survives(self.prepare("gzip", 120 * MIB), 120 * MIB)

    def test_zstd_has_a_limit(self):
        """Of zstd librdkafka inflates no more than receive.message.max.bytes: a named end, nothing skipped, and a way on."""
        topic = self.prepare("zstd", 120 * MIB)
        config = self.lab.configuration([self.topic_entry(topic)])
        self.one_line(self.lab.run(config, "consume"), 5, topic, "Invalid compressed data")
        self.assertIn(self.lab.query("SELECT coalesce(max(to_offset), 0) FROM batch_range"), [[(0,)], [(1,)]])
        self.survives(topic, 120 * MIB, properties={"receive.message.max.bytes": "500000000"})


class StandIn:
    """A registry, or another server that nobody should ask. Answers by path; keeps what it was asked."""

    def __init__(self, answers):
        self.requests = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stand_in.requests.append((self.path, dict(self.headers)))
                status, headers, body = answers.get(self.path.split("?")[0], (404, {}, b'{"error_code": 40403}'))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def schema_answer(text, **more):
    return 200, {"Content-Type": "application/json"}, json.dumps({"schema": text, **more}).encode()


class Registry(Attack):
    """The registry says anything, and may want us to go anywhere."""

    def stand_in(self, answers):
        server = StandIn(answers)
        self.addCleanup(server.close)
        return server

    def topic(self, payloads):
        name = self.lab.topic("requests", partitions=1)
        self.lab.produce(name, [(0, payload) for payload in payloads])
        return name

    def consume(self, topic, url, **registry):
        self.config = self.lab.configuration([self.topic_entry(topic)], registry={
            "url": url, "cache": "schema-cache", "retry": "1s", **registry})
        return self.lab.run(self.config, "consume")

    def test_cannot_send_us_elsewhere(self):
        """A redirect would carry our token to whom it names, or make us ask what only this machine may ask."""
        os.environ["CANARY_TOKEN"] = "canary-token"
        elsewhere = self.stand_in({"/schemas/ids/1": schema_answer(schema_text("request_event"))})
        cases = [(status, elsewhere.url + "/schemas/ids/1") for status in (302, 307)]
        cases += [(302, target) for target in ("http://169.254.169.254/computeMetadata/v1/", "file:///etc/passwd")]
        registry = self.stand_in({f"/{number}/schemas/ids/1": (status, {"Location": target}, b"")
                                  for number, (status, target) in enumerate(cases)})
        topic = self.topic([framed(1, b"x")])
        for number, (status, target) in enumerate(cases):
            with self.subTest(status=status, target=target):
                done = self.consume(topic, f"{registry.url}/{number}", retry="0s", token="${env:CANARY_TOKEN}")
                self.one_line(done, 5, registry.url, str(status))
        self.assertGreaterEqual(len(registry.requests), len(cases))
        self.assertEqual(elsewhere.requests, [])
        self.assertEqual(self.lab.query("SELECT count(*) FROM batch"), [(0,)])

    def test_is_only_asked_for_numbers(self):
        """Of a record nothing but four bytes reach the address."""
        registry = self.stand_in({})
        self.consume(self.topic([b"\0../x", b"\0?a=b", b"\0\xff\xff\xff\xff", b"\0\0\0\0\0"]), registry.url)
        self.assertGreater(len(registry.requests), 0)
        for path, _ in registry.requests:
            self.assertRegex(path.split("?")[0], r"^/schemas/ids/\d+$")

    def test_answers_without_end(self):
        bomb = gzip.compress(json.dumps({"schema": " " * 300 * MIB}).encode(), 9)
        packed = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        cases = {
            "packed": (200, packed, bomb),
            "long": (200, {}, b" " * 64 * MIB),
            "short": (200, {"Content-Length": "1000000", "Connection": "close"}, b"{"),
        }
        registry = self.stand_in({f"/{name}/schemas/ids/1": answer for name, answer in cases.items()})
        topic = self.topic([framed(1, b"x")])
        for name in cases:
            with self.subTest(name):
                done = self.consume(topic, f"{registry.url}/{name}")
                self.assertIn(done.returncode, (0, 5), done.stderr)
                if done.returncode == 0:
                    self.assertEqual(self.lab.query("SELECT DISTINCT reason FROM dead_letter"), [("bad_schema",)])
                self.lab.query("SELECT 1")
            (self.lab.folder / "uptally.db").unlink(missing_ok=True)

    def test_schemas_that_are_traps(self):
        field = '{{"name": "f{}", "type": "int"}}'
        traps = {
            1: '{"type": "array", "items": ' * 40000 + '"null"' + "}" * 40000,
            2: '{"type": "record", "name": "r", "fields": [' + ",".join(field.format(i) for i in range(100000)) + "]}",
            3: '{"type": "record", "name": "r", "fields": [{"name": "self", "type": "r"}]}',
            4: '{"type": "fixed", "name": "f", "size": 9223372036854775807}',
            5: '{"type": "fixed", "name": "f", "size": -1}',
            6: '{"type": "enum", "name": "e", "symbols": [' + ",".join(f'"s{i}"' for i in range(200000)) + "]}",
            7: '{"type": "record", "name": "r", "fields": [{"name": "a", "type": "missing"}]}',
            8: "[" * 100000,
            9: "",
            10: '{"type": "record", "name": "../../x", "fields": []}',
            11: '"\\u0000"',
        }
        answers = {f"/schemas/ids/{number}": schema_answer(text) for number, text in traps.items()}
        answers["/schemas/ids/100"] = schema_answer(schema_text("request_event"))
        encode = self.lab.encoder("request_event")
        good = framed(100, encode.body(request()))
        topic = self.topic([good])
        url = self.stand_in(answers).url
        self.assertEqual(self.consume(topic, url).returncode, 0)  # from now on no schema is a mistake of the configuration
        self.lab.produce(topic, [(0, framed(number, b"\0\0\0\0")) for number in traps] + [(0, good)])
        done = self.consume(topic, url)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.lab.query("SELECT sum(tallied), sum(dead_lettered) FROM batch_range"), [(2, len(traps))])
        self.lab.must(self.config, "audit")


class Structures(Attack):
    """Records of a schema that allows anything: small, and made to cost time, memory or stack."""

    SCHEMA = json.dumps({"type": "record", "name": "r", "fields": [
        {"name": "service_name", "type": "string"},
        {"name": "start_time", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "http_response_status_code", "type": ["null", "int"]},
        {"name": "duration_us", "type": "long"},
        {"name": "service_instance_id", "type": ["null", "string"]},
        {"name": "nothing", "type": {"type": "array", "items": "null"}},
        {"name": "node", "type": {"type": "record", "name": "node", "fields": [{"name": "next", "type": ["null", "node"]}]}},
        {"name": "names", "type": {"type": "map", "values": "string"}},
        {"name": "block", "type": {"type": "fixed", "name": "block", "size": 1000000}},
    ]})

    def test_each_is_a_dead_letter(self):
        registry = StandIn({"/schemas/ids/1": schema_answer(self.SCHEMA),
                            "/schemas/ids/2": schema_answer(schema_text("request_event"))})
        self.addCleanup(registry.close)
        encode = self.lab.encoder("request_event")
        head = varint(6) + b"portal" + varint(NOW_US) + varint(1) + varint(200) + varint(5) + varint(0)
        end = varint(0)
        attacks = {
            "2^62 nothings": (head + varint(2**62) + end, "too_large"),
            "2^63-1 nothings": (head + varint(2**63 - 1) + end, "too_large"),
            "a million times a million nothings": (head + varint(2**20) * 2**20 + end, "too_large"),
            "a negative block": (head + varint(-2**62) + varint(0) + end, "too_large"),
            "the most negative block": (head + varint(INT64_MIN) + varint(0) + end, "too_large"),
            "a negative size of a block": (head + varint(-1) + varint(-1) + end, "malformed"),
            "a depth of 40000": (head + end + varint(1) * 40000, "too_deep"),
            "2^62 names": (head + end + varint(0) + varint(2**62) + varint(1), "malformed"),
            "a name of 2^62 bytes": (head + end + varint(0) + varint(1) + varint(2**62), "malformed"),
            "a block that is not there": (head + end + varint(0) + end + b"x", "malformed"),
        }
        topic = self.wide_topic()
        good = framed(2, encode.body(request()))
        self.produce_large(topic, [good, *(framed(1, body) for body, _ in attacks.values()), good])
        config = self.lab.configuration([self.topic_entry(topic)], registry={"url": registry.url, "cache": "schema-cache"})
        self.lab.must(config, "consume")
        self.assertEqual(dict(zip(attacks, (reason for reason, _ in self.letters(config)))),
                         {name: reason for name, (_, reason) in attacks.items()})
        self.assertEqual(self.lab.query("SELECT sum(tallied), sum(dead_lettered) FROM batch_range"), [(2, len(attacks))])
        self.lab.must(config, "audit")


class Secrets(Attack):
    """Canaries in every place that takes a secret, the program at its most talkative, then a search of all that it left."""

    CANARIES = ("canary-of-the-broker", "canary-kafka-env", "canary-registry-file", "canary-registry-env", "canary-in-the-url",
                "canary-key-password", "canary-token")

    def setUp(self):
        super().setUp()
        self.secrets = self.lab.folder / "secrets"
        self.secrets.mkdir()
        for name, text in (("kafka", "canary-of-the-broker"), ("registry", "canary-registry-file"), ("token", "canary-token")):
            (self.secrets / name).write_text(text + "\n")
        os.environ.update(KAFKA_SECRET="canary-kafka-env", REGISTRY_SECRET="canary-registry-env", KEY_SECRET="canary-key-password",
                          CANARY_TOKEN="canary-token")
        encode = self.lab.encoder("request_event")
        self.topic = self.lab.topic("requests", partitions=1)
        self.lab.produce(self.topic, [(0, encode(request()))] * 5)
        self.said = ""

    def cluster(self, password, **properties):
        return {"name": "tests", "bootstrap_servers": self.lab.secure["bootstrap"], "properties": {
            "security.protocol": "sasl_ssl", "sasl.mechanism": "PLAIN", "sasl.username": "reader", "sasl.password": password,
            "ssl.ca.location": self.lab.secure["ca"], "debug": "all", **properties}}

    def run_all(self, name, statuses, commands=("consume", "check"), **sections):
        config = self.lab.configuration([self.topic_entry(self.topic)], name=name, store={"sqlite": f"{name}.db"}, **sections)
        for number, command in enumerate(commands):
            done = self.lab.run(config, *command.split(), "--log", ("text", "json")[number % 2])
            self.assertIn(done.returncode, statuses, f"{name} {command}: {done.stderr}")
            self.said += done.stdout + done.stderr

    def search(self):
        for canary in self.CANARIES:
            self.assertNotIn(canary, self.said)
            for path in self.lab.folder.rglob("*"):
                if path.is_file() and path.parent != self.secrets:
                    self.assertNotIn(canary.encode(), path.read_bytes(), path)

    def test_are_seen_nowhere(self):
        registry = {"url": self.lab.registry, "cache": "schema-cache", "retry": "1s", "username": "u",
                    "password": "${file:secrets/registry}"}
        self.run_all("good.yaml", (0,), ("consume", "aggregate", "check", "check --show", "status", "export windows", "audit"),
                     cluster=self.cluster("${file:secrets/kafka}"), registry=registry)
        self.assertEqual(self.lab.query("SELECT sum(tallied) FROM batch_range", "good.yaml.db"), [(5,)])  # through TLS and with the password
        self.run_all("wrong.yaml", (5,), cluster=self.cluster("${env:KAFKA_SECRET}"), registry=registry)
        self.run_all("refused.yaml", (0, 1, 5), cluster=self.cluster("${file:secrets/kafka}"),
                     registry={**registry, "url": StandIn({}).url, "password": "${env:REGISTRY_SECRET}"})
        self.run_all("token.yaml", (0, 1, 5), cluster=self.cluster("${file:secrets/kafka}"),
                     registry={"url": StandIn({}).url, "token": "${file:secrets/token}"})
        # A secret in a place that does not take it: the message must not repeat it.
        self.run_all("number.yaml", (3,), cluster=self.cluster("${file:secrets/kafka}", **{"fetch.min.bytes": "${env:KAFKA_SECRET}"}),
                     registry=registry)
        self.run_all("key.yaml", (3, 5), cluster=self.cluster("${file:secrets/kafka}", **{
            "ssl.key.location": self.lab.secure["ca"], "ssl.key.password": "${env:KEY_SECRET}"}), registry=registry)
        self.run_all("cleartext.yaml", (5,), registry={**registry, "url": "http://registry.invalid"},
                     cluster=self.cluster("${file:secrets/kafka}"), commands=("consume",))
        self.search()

    def test_in_the_wrong_place_are_not_repeated(self):
        for name, sections in (
                ("literal", {"cluster": self.cluster("canary-of-the-broker")}),
                ("url", {"registry": {"url": "http://u:canary-in-the-url@127.0.0.1:1/x?token=canary-in-the-url"}}),
                ("two", {"registry": {"url": "http://127.0.0.1:1", "token": "${file:secrets/token}", "username": "u",
                                      "password": "${env:REGISTRY_SECRET}"}})):
            config = self.lab.configuration([self.topic_entry(self.topic)], name=f"{name}.yaml", **sections)
            for command in (("consume",), ("check", "--show")):
                done = self.lab.run(config, *command)
                self.assertIn(done.returncode, (3, 5), f"{name}: {done.stderr}")
                self.said += done.stdout + done.stderr
            config.unlink()
        self.search()

    def test_of_a_running_program_are_hidden(self):
        """Not in its arguments; environment, memory and core dumps are closed even to its own user."""
        program = self.lab.folder / "uptally"
        shutil.copy(self.lab.program, program)
        as_nobody = []
        if os.geteuid() == 0:
            os.chown(self.lab.folder, NOBODY, NOBODY)
            as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        config = self.lab.configuration([self.topic_entry(self.topic)], registry={
            "url": self.lab.registry, "cache": "schema-cache", "username": "u", "password": "${env:REGISTRY_SECRET}"})
        command = self.lab.command(config, "consume", "--follow")
        process = subprocess.Popen([*as_nobody, program, *command[1:]], cwd=self.lab.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            self.lab.wait_for(lambda: self.lab.query("SELECT sum(tallied) FROM batch_range") == [(5,)], "five records")
            place = Path(f"/proc/{process.pid}")
            self.assertNotIn(b"canary", (place / "cmdline").read_bytes())
            self.assertRegex((place / "limits").read_text(), r"Max core file size +0 +0 ")
            for name in ("environ", "mem", "maps"):
                looked = subprocess.run([*as_nobody, "head", "-c", "1", place / name], capture_output=True, check=False)
                self.assertNotEqual(looked.returncode, 0, f"{name} can be read")
        finally:
            process.terminate()
            self.assertEqual(process.wait(30), 0)


class Tls(Attack):
    """Servers that are not who they say, or speak what nobody should: refused, and the message says why."""

    def serve(self, name, *options):
        port = servers.free_ports(1)[0]
        process = subprocess.Popen(["openssl", "s_server", "-quiet", "-accept", f"127.0.0.1:{port}", "-cert", f"{name}.pem",
                                    "-key", f"{name}.pem", *options], cwd=self.lab.folder, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait, 10)
        self.addCleanup(process.kill)
        self.lab.wait_for(lambda: servers.accepts(port), "a server")
        return f"127.0.0.1:{port}"

    def test_are_refused_by_name(self):
        folder = self.lab.folder
        servers.make_authority(folder)
        servers.make_certificate(folder, "good")
        servers.make_certificate(folder, "other", host="DNS:other.example")
        servers.make_certificate(folder, "expired", days=-1)
        (folder / "ca.key").rename(folder / "kept.key")
        os.rename(folder / "ca.pem", folder / "kept.pem")
        servers.make_authority(folder)
        servers.make_certificate(folder, "stranger")
        (folder / "self.pem").write_text((folder / "ca.key").read_text() + (folder / "ca.pem").read_text())
        os.rename(folder / "kept.pem", folder / "ca.pem")
        for name, options, words in (
                ("expired", (), "it has expired"), ("self", (), "self-signed"), ("stranger", (), "authority is not trusted"),
                ("other", (), "another IP address"),
                ("good", ("-tls1", "-cipher", "ALL:@SECLEVEL=0"), "SSL routines")):
            with self.subTest(name, options=options):
                address = self.serve(name, *options)
                config = self.lab.configuration([self.topic_entry("requests")], cluster={
                    "name": "tests", "bootstrap_servers": address,
                    "properties": {"security.protocol": "ssl", "ssl.ca.location": str(folder / "ca.pem")}})
                self.one_line(self.lab.run(config, "consume"), 5, address, words)


if __name__ == "__main__":
    unittest.main(verbosity=2)
