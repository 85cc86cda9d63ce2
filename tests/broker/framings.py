#!/usr/bin/env python3
"""The same events in every framing, written by fastavro and confluent-kafka, come out as the same figures.

Topics in the Confluent framing (by id, by GUID, with a schema that refers to others), with the schema id in a header, in single-object
encoding (schemas in a folder, in a subject of the registry) and in bare Avro. And what is wrong in each of them is a dead letter.
"""

import io
import json
import os
import random
import struct
import threading
import unittest
import urllib.error
import urllib.request
import uuid
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from lab import Lab, framed

HEADER = "__value_schema_id"
MINUTE_MS = 60000
START_MS = 1790000040000  # a whole minute
MAP = {"service": "service", "time": "at", "outcome": "status", "latency": {"path": "timing.us", "unit": "us"}}

TIMING = {"type": "record", "name": "shop.Timing", "fields": [
    {"name": "us", "type": "long"}, {"name": "unit", "type": "shop.Unit"}]}
UNIT = {"type": "enum", "name": "shop.Unit", "symbols": ["US", "MS"]}


def request_schema(timing, **more):
    return {"type": "record", "name": "shop.Request", **more, "fields": [
        {"name": "service", "type": "string"},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "status", "type": "int"},
        {"name": "timing", "type": timing}]}


INLINE_TIMING = {**TIMING, "fields": [TIMING["fields"][0], {"name": "unit", "type": UNIT}]}
WHOLE = request_schema(INLINE_TIMING)


def body(schema, record):
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema), record)
    return buffer.getvalue()


def mark(schema):
    """C3 01 and the fingerprint; fastavro gives it as the bytes of the encoding."""
    text = to_parsing_canonical_form(fastavro.parse_schema(schema))
    return b"\xc3\x01" + bytes.fromhex(fingerprint(text, "CRC-64-AVRO"))


class Proxy:
    """Before the registry: it can go down, and it knows GUIDs, which Apicurio 2 does not."""

    def __init__(self, registry):
        self.guids = {}
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                path = self.path
                if path.startswith("/schemas/guids/"):
                    path = f"/schemas/ids/{proxy.guids.get(path.rsplit('/', 1)[1], 987654321)}"
                try:
                    with urllib.request.urlopen(registry + path, timeout=30) as answer:
                        status, content = answer.status, answer.read()
                except urllib.error.HTTPError as error:
                    status, content = error.code, error.read()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Framings(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("framings")
        self.addCleanup(self.lab.close)
        self.proxy = Proxy(self.lab.registry)
        self.addCleanup(self.proxy.close)
        self.seed = int(os.environ.get("UPTALLY_TEST_SEED", random.randrange(2**32)))
        print(f"seed {self.seed}")
        self.random = random.Random(self.seed)

    def configuration(self, topics, **more):
        return self.lab.configuration(topics, registry={
            "url": self.proxy.url, "cache": "schema-cache", "retry": "1s"}, **more)

    def entry(self, topic, framing, **more):
        return {"name": topic, "kind": "requests", "framing": framing, "services": "discover", "map": MAP, **more}

    def refer(self):
        """A schema with references two deep; its id."""
        unit, timing = f"unit-{uuid.uuid4().hex}", f"timing/{uuid.uuid4().hex}"
        self.lab.register(json.dumps(UNIT), subject=unit)
        self.lab.register(json.dumps(TIMING), subject=timing.replace("/", "%2F"), references=[
            {"name": "shop.Unit", "subject": unit, "version": 1}])
        return self.lab.register(json.dumps(request_schema("shop.Timing", doc="refers")), references=[
            {"name": "shop.Timing", "subject": timing, "version": 1}])

    def ways(self):
        """By service: (entry of the topic, function from a record to (payload, headers))."""
        plain = self.lab.register(json.dumps(WHOLE))
        guid = uuid.UUID(int=self.random.getrandbits(128))
        self.proxy.guids[str(guid)] = plain
        referring = self.refer()
        subject = uuid.uuid4().hex
        for version in (WHOLE["fields"][:3], WHOLE["fields"]):  # the second one writes
            self.lab.register(json.dumps({**WHOLE, "name": "shop.Subject", "fields": version}), subject=subject)
        of_subject = {**WHOLE, "name": "shop.Subject"}
        folder = self.lab.folder / "schemas"
        folder.mkdir()
        (folder / "request.avsc").write_text(json.dumps(WHOLE, indent=1))
        (folder / "other.avsc").write_text('"string"')
        number = struct.pack(">bI", 0, plain)
        return {
            "id": (("confluent", {}), lambda r: (framed(plain, body(WHOLE, r)), None)),
            "guid": (("confluent", {}), lambda r: (b"\1" + guid.bytes + body(WHOLE, r), None)),
            "references": (("confluent", {}), lambda r: (framed(referring, body(WHOLE, r)), None)),
            "header": (("header", {}), lambda r: (body(WHOLE, r), [(HEADER, b"\0\0\0\0\7"), ("x", b"y"), (HEADER, number)])),
            "header-guid": (("header", {}), lambda r: (body(WHOLE, r), [(HEADER, b"\1" + guid.bytes)])),
            "folder": (("single_object", {"schema_folder": "schemas"}), lambda r: (mark(WHOLE) + body(WHOLE, r), None)),
            "subject": (("single_object", {"schema_subjects": [subject]}),
                        lambda r: (mark(of_subject) + body(of_subject, r), None)),
            "bare": (("avro", {"schema_file": "schemas/request.avsc"}), lambda r: (body(WHOLE, r), None)),
        }

    def events(self, service, count=120):
        return [{"service": service, "at": START_MS + self.random.randrange(5 * MINUTE_MS),
                 "status": self.random.choice((200, 404, 503)),
                 "timing": {"us": self.random.randrange(10**6), "unit": "US"}} for _ in range(count)]

    def fill(self):
        """A topic per way with its events; the entries, and what Python counts in them."""
        entries, wanted = [], Counter()
        for service, ((framing, more), write) in self.ways().items():
            topic = self.lab.topic(service, partitions=2)
            events = self.events(service)
            self.lab.produce(topic, [(i % 2, write(event)[0], event["at"], write(event)[1])
                                     for i, event in enumerate(events)])
            entries.append(self.entry(topic, framing, **more))
            for event in events:
                key = (service, (event["at"] - START_MS) // MINUTE_MS)
                wanted[key, "total"] += 1
                wanted[key, "errors"] += event["status"] >= 500
        return entries, +wanted

    def counted(self, config):
        found = Counter()
        minutes = sorted({row["minute"] for row in self.lab.export(config, "windows")})
        self.assertEqual(len(minutes), 5)
        for row in self.lab.export(config, "windows"):
            key = (row["service"], minutes.index(row["minute"]))
            found[key, "total"] += int(row["total"])
            found[key, "errors"] += int(row["errors"])
        return +found

    def test_every_framing_gives_the_same_figures(self):
        entries, wanted = self.fill()
        config = self.configuration(entries)
        self.assertIn("2 versions of", self.lab.must(config, "check"))
        self.lab.must(config, "consume")
        self.lab.must(config, "aggregate")
        self.assertEqual(self.lab.export(config, "dead-letters"), [])
        self.assertEqual(self.counted(config), wanted)
        self.lab.must(config, "audit")

        # Once more from the start, while nobody answers for the registry: everything is in the folder.
        self.proxy.close()
        again = self.configuration(entries, store={"sqlite": "again.db"}, name="again.yaml")
        self.lab.must(again, "consume")
        self.lab.must(again, "aggregate")
        self.assertEqual(self.counted(again), wanted)

    def test_what_is_wrong_is_a_dead_letter_of_its_kind(self):
        ways = self.ways()
        good = {"service": "s", "at": START_MS, "status": 200, "timing": {"us": 1, "unit": "US"}}
        nobody = framed(987654321, b"")
        of_header = ways["header"][1](good)[1]
        bad = {
            "id": [(b"\2" + ways["id"][1](good)[0][1:], None, "bad_framing"),
                   (b"\1" + bytes(15), None, "bad_framing"),
                   (b"\1" + bytes(16) + body(WHOLE, good), None, "unknown_schema"),
                   (nobody, None, "unknown_schema")],
            "header": [(ways["id"][1](good)[0], None, "bad_framing"),
                       (body(WHOLE, good), [(HEADER, b"")], "bad_framing"),
                       (body(WHOLE, good), [(HEADER, nobody[:4])], "bad_framing"),
                       (body(WHOLE, good), [(HEADER, nobody + b"\0")], "bad_framing"),
                       (body(WHOLE, good), [(HEADER, nobody)], "unknown_schema"),
                       (b"", of_header, "malformed"),
                       (ways["id"][1](good)[0], of_header, "malformed")],
            "folder": [(body(WHOLE, good), None, "bad_framing"),
                       (b"\xc3\x02" + mark(WHOLE)[2:] + body(WHOLE, good), None, "bad_framing"),
                       (mark(WHOLE)[:9], None, "bad_framing"),
                       (mark("int") + body(WHOLE, good), None, "unknown_schema"),
                       (mark(WHOLE), None, "malformed")],
            "subject": [(mark("int") + body(WHOLE, good), None, "unknown_schema")],
            "bare": [(ways["id"][1](good)[0], None, "malformed"),
                     (b"", None, "malformed")],
        }
        entries, wanted = [], []
        for service, records in bad.items():
            (framing, more), write = ways[service]
            topic = self.lab.topic(service, partitions=1)
            value, headers = write(good)
            self.lab.produce(topic, [(0, value, None, headers)])
            offsets = self.lab.produce(topic, [(0, payload, None, headers) for payload, headers, _ in records])
            entries.append(self.entry(topic, framing, **more))
            wanted += [(topic, offset, reason) for offset, (_, _, reason) in zip(offsets, records)]
        config = self.configuration(entries)
        self.lab.must(config, "consume")
        letters = self.lab.export(config, "dead-letters")
        self.assertEqual(sorted((row["topic"], int(row["offset"]), row["reason"]) for row in letters), sorted(wanted))
        kept = self.lab.query("SELECT d.schema_header, count(*) FROM dead_letter d WHERE d.schema_header IS NOT NULL "
                              "GROUP BY d.schema_header")
        self.assertEqual(Counter(dict(kept)), Counter({
            b"": 1, nobody[:4]: 1, nobody + b"\0": 1, nobody: 1, of_header[-1][1]: 2}))
        self.lab.must(config, "aggregate")
        self.lab.must(config, "audit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
