"""The decode plan against fastavro, avro-c and a second decoder in Python, on random schemas and values.

    plan_oracle.py PLAN_DUMP [--cases N] [--seed N]

Each case is a writer's schema and a value. The plan must walk its bytes to the end and find at random paths what the others find:
fastavro (with a reader's schema that the writer's may evolve to, in every second case), avro-c (where it can, see LEFT_OUT), and
plan_wire.py, which also judges bytes that were changed at random, by the strict rules of docs/ingest.md.
What the roles make of a value is computed here with exact fractions and Unicode's own character categories.
"""

import argparse
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from datetime import datetime, timezone
from fractions import Fraction

import fastavro

from plan_shapes import Evolution, Shapes, Values, leaves
from plan_wire import Decoder, Refused, Types, encode, plain

RECORD_NS = 1793491200 * 10**9
DAY_NS = 86400 * 10**9
TEXT_KINDS = {"string", "enum", "fixed", "bytes", "int", "long"}
LATENCY_KINDS = {"string", "int", "long", "float", "double"}
TIME_UNITS = {"timestamp-millis": 10**6, "local-timestamp-millis": 10**6, "timestamp-micros": 10**3, None: 10**6}
NAME_ROLES = ("instance", "region", "id")
MUTANTS = 2

# Features in which avro-c cannot be an oracle, and how a case that has them is known.
LEFT_OUT = {
    "reader schemas: enums by ordinal, no defaults, no aliases": lambda case: case.reader is not None,
    "equal keys in a map: the first one's value is overwritten in place": lambda case: repeated_keys(case.value),
    "records without fields, as items, are refused": lambda case: '"fields": []' in case.writer_text,
    "fixed of size 0 is refused": lambda case: '"size": 0' in case.writer_text,
    "changed bytes: booleans, indices and lengths are not judged": lambda case: False,
}


class Case:
    """One schema, its roles, and the payloads to judge: the first is good, the others are changed at random."""

    def __init__(self, seed, number):
        rng = random.Random(f"{seed}/{number}")
        self.number = number
        self.writer = Shapes(rng).writer()
        self.writer_text = json.dumps(self.writer)
        self.reader = Evolution(rng, self.writer).reader(self.writer) if number % 2 else None
        self.types = Types(self.writer)
        self.value = Values(rng, self.types).value(self.writer)
        self.pin_roles(rng)
        self.roles = self.choose_roles(rng)
        payload = bytearray()
        self.overlong = rng.random() < 0.2
        rng.overlong = 0.05 if self.overlong else 0
        encode(self.types, self.writer, self.value, payload, rng)
        self.payloads = [bytes(payload)] + [mutated(rng, payload) for _ in range(MUTANTS)]
        self.left_out = [name for name, applies in LEFT_OUT.items() if applies(self)]

    def pin_roles(self, rng):
        time_type = next(f["type"] for f in self.writer["fields"] if f["name"] == "r_time")
        self.logical = time_type["logicalType"] if isinstance(time_type, dict) else None
        ahead_ns = rng.choice([0, 1, -1]) * rng.randrange(2 * DAY_NS)
        self.value["r_time"] = (RECORD_NS + ahead_ns) // TIME_UNITS[self.logical]
        self.value["r_status"] = rng.choice([100, 200, 404, 499, 500, 599, 99, 600, -5])
        if rng.random() < 0.9:
            self.value["r_service"] = f"service-{rng.randint(0, 9)}"

    def choose_roles(self, rng):
        schema = self.reader or self.writer
        names = {f["name"].removeprefix("n_"): f["name"] for f in schema["fields"]}
        roles = {"service": names["r_service"], "time": names["r_time"], "status": names["r_status"]}
        found = leaves(schema)
        for role, kinds in [(r, TEXT_KINDS) for r in NAME_ROLES] + [("latency", LATENCY_KINDS)]:
            paths = sorted(p for p, have in found.items() if have & kinds and p.split(".")[-1] not in ("r_time", names["r_time"]))
            if paths and rng.random() < 0.9:
                roles[role] = rng.choice(paths)
        return roles

    def write(self, out, payloads, with_reader):
        reader = json.dumps(self.reader).encode() if self.reader and with_reader else b""
        avroc = int(with_reader and not self.left_out)  # never for changed bytes: it does not survive them
        out.write(f"case {len(self.writer_text.encode())} {len(reader)} {avroc}\n".encode())
        out.write(self.writer_text.encode() + reader)
        for role, path in self.roles.items():
            out.write(f"role {role} {path}\n".encode())
        for payload in payloads:
            out.write(f"payload {len(payload)}\n".encode() + payload)
        out.write(b"end\n")


def repeated_keys(value):
    if isinstance(value, list):
        keys = [item[0] for item in value if isinstance(item, tuple) and len(item) == 2 and isinstance(item[0], str)]
        return len(keys) != len(set(keys)) or any(repeated_keys(item) for item in value)
    if isinstance(value, dict):
        return any(repeated_keys(item) for item in value.values())
    if isinstance(value, tuple):
        return any(repeated_keys(item) for item in value)
    return False


def mutated(rng, payload):
    payload = bytearray(payload)
    for _ in range(rng.choice([1, 1, 2, 5])):
        at = rng.randrange(len(payload) + 1)
        what = rng.randrange(6)
        if what == 0:
            payload.insert(at, rng.choice([0, 1, 2, 3, 127, 128, 255, rng.randrange(256)]))
        elif what == 1 and at < len(payload):
            del payload[at]
        elif what == 2 and at < len(payload):
            payload[at] ^= 1 << rng.randrange(8)
        elif what == 3 and at < len(payload):
            payload[at] = rng.choice([0, 1, 2, 127, 128, 255])
        elif what == 5 and at < len(payload):
            payload[at] = (payload[at] + 2) % 256  # the next index, one item more
        elif what == 4 and rng.random() < 0.3:
            del payload[at:]
        if not payload:
            payload = bytearray(b"\x00")
    return bytes(payload)


# --- what a record means ---------------------------------------------------------------------------


def at_path(value, path):
    for part in path.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


class Dead(Exception):
    """A dead letter; the argument is the reason."""


def name_of(value, required=False):
    if value is None:
        if required:
            raise Dead("bad_name")
        return b""
    if isinstance(value, bytes):
        value = value.hex()
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    elif not isinstance(value, str):
        raise Dead("bad_name")
    data = value.encode("utf-8", "surrogateescape")
    if not 1 <= len(data) <= 255 or any(unicodedata.category(c) in ("Cc", "Cs") for c in value):
        raise Dead("bad_name")
    return data


def latency_of(value):
    """Microseconds, or text in seconds."""
    if value is None:
        return -1
    if isinstance(value, str):
        if any(unicodedata.category(c) == "Cs" for c in value):
            raise Dead("malformed")
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)?s", value, re.A):
            raise Dead("bad_latency")
        exact = Fraction(value[:-1]) * 10**9
    elif isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Dead("bad_latency")
    elif value != value or value in (float("inf"), float("-inf")):
        raise Dead("bad_latency")
    else:
        exact = Fraction(value) * 1000
    latency_ns = round(exact)  # to nearest, ties to even
    if not 0 <= latency_ns <= DAY_NS:
        raise Dead("bad_latency")
    return latency_ns


def event_of(case, record, time_raw):
    """The line that plan_dump is expected to print, without detail."""
    def role(name):
        return at_path(record, case.roles[name]) if name in case.roles else None

    try:
        service = name_of(role("service"), required=True)
        time_ns = time_raw * TIME_UNITS[case.logical]
        if not RECORD_NS - 400 * DAY_NS <= time_ns <= RECORD_NS + DAY_NS:
            raise Dead("time_out_of_range")
        status = role("status")
        if not 100 <= status <= 599:
            raise Dead("bad_outcome")
        latency_ns = latency_of(role("latency"))
        instance, region, event_id = (name_of(role(name)) for name in NAME_ROLES)
    except Dead as dead:
        return str(dead)
    names = " ".join("x:" + name.hex() for name in (service, instance, region, event_id))
    return f"tallied {time_ns} {int(status >= 500)} {latency_ns} {names}"


# --- the others -------------------------------------------------------------------------------------


def fastavro_read(case, reader):
    """The record as fastavro reads it, or None if it cannot be resolved."""
    stream = io.BytesIO(case.payloads[0])
    try:
        record = fastavro.schemaless_reader(stream, case.writer, reader)
    except (fastavro.read.SchemaResolutionError, UnicodeDecodeError):
        return None
    except TypeError:
        # fastavro 1.13 hands on a name where the reader refers to a type that it has defined before.
        if reader is None:
            raise
        return None
    assert not stream.read(), "fastavro did not read to the end"
    return record


def time_raw_of(case, record):
    """The number behind fastavro's datetime."""
    value = record[case.roles["time"]]
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        value = value.replace(tzinfo=timezone.utc)
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    delta = value - epoch
    micros = (delta.days * 86400 + delta.seconds) * 10**6 + delta.microseconds
    return micros * 1000 // TIME_UNITS[case.logical]


def avroc_leaf(value):
    if value is None:
        return "-"
    if isinstance(value, str):
        return "tx:" + value.encode().hex()
    if isinstance(value, bytes):
        return "bx:" + value.hex()
    if isinstance(value, bool) or isinstance(value, (dict, list)):
        return "?"
    return f"i:{value}" if isinstance(value, int) else value


def avroc_agrees(words, record, case):
    if words[:1] != ["avroc"]:
        return False
    for word, role in zip(words[1:], NAME_ROLES + ("latency",), strict=True):
        leaf = avroc_leaf(at_path(record, case.roles[role]) if role in case.roles else None)
        if isinstance(leaf, float):
            got = float.fromhex(word[2:]) if word.startswith("d:") else None
            if got is None or (got != leaf and not (got != got and leaf != leaf)):
                return False
        elif word != leaf:
            return False
    return True


def huge_promoted(case, record):
    """fastavro turns a promoted long into a double and loses its last digits; the plan keeps them."""
    value = at_path(record, case.roles["latency"]) if "latency" in case.roles else None
    return isinstance(value, float) and abs(value) >= 2**53


class Judge:
    def __init__(self):
        self.counts = Counter()
        self.left_out = Counter()
        self.failures = 0

    def expect(self, agrees, case, what, got, expected):
        self.counts[what] += 1
        if agrees:
            return
        self.failures += 1
        if self.failures <= 5:
            print(f"case {case.number}: {what}\n  writer   {case.writer_text}\n  reader   {json.dumps(case.reader)}"
                  f"\n  roles    {case.roles}\n  payload  {case.payloads[0].hex()}"
                  f"\n  got      {got}\n  expected {expected}")

    def good(self, case, line):
        """The unchanged payload: fastavro and avro-c. True: to be run again without a role that did not fit."""
        got, _, detail = line.partition("# ")
        words = got.split()
        record = fastavro_read(case, case.reader)
        if record is None:
            self.counts["unresolvable for fastavro"] += 1
            return
        if got.startswith("refused"):
            return self.refused(case, record, line)
        if case.reader and huge_promoted(case, record):
            self.counts["promoted beyond 2^53, not compared"] += 1
            return
        expected = event_of(case, record, time_raw_of(case, record)).split()
        self.expect(words[:len(expected)] == expected, case, "fastavro, reader" if case.reader else "fastavro",
                    line, " ".join(expected))
        for name in case.left_out:
            self.left_out[name] += 1
        if not case.left_out:
            self.expect(avroc_agrees(words[len(expected):], record, case), case, "avro-c", line, record)

    def refused(self, case, record, line):
        """A role whose path never holds what it needs stops the compiler; then the value must not be fit either."""
        role = re.match(r"refused # role (\w+): ", line)
        role = role and role[1].removeprefix("event_")
        if role not in NAME_ROLES + ("latency",) or role not in case.roles:
            self.expect(False, case, "mapping refused", line, "a role that may be refused")
            return False
        value = at_path(record, case.roles.pop(role))
        try:
            fit = value is not None and (latency_of(value) if role == "latency" else name_of(value)) is not None
        except Dead:
            fit = False
        self.expect(not fit, case, "mapping refused", line, value)
        return True

    def changed(self, case, payload, line):
        """Bytes that were changed, without the reader's schema: accepted exactly if the strict rules accept them."""
        decoder = Decoder(case.types, payload)
        try:
            tree = decoder.whole(case.writer)
        except Refused as refused:
            self.expect(line.split()[0] == str(refused), case, "changed bytes refused", line,
                        f"{refused} {payload.hex()}")
            return None
        record = plain(case.types, case.writer, tree)
        expected = event_of(case, record, record["r_time"]).split()
        self.expect(line.split()[:len(expected)] == expected, case, "changed bytes accepted", line,
                    f"{' '.join(expected)} {payload.hex()}")
        again = bytearray()
        encode(case.types, case.writer, tree, again)
        return bytes(again)

    def same(self, case, first, second):
        """The value that was read, encoded again in its plainest form, is the same event."""
        first, second = (line.partition("# ")[0].split() for line in (first, second))
        self.expect(first == second, case, "encoded again", second, first)


class WriterView:
    """A case seen without its reader's schema: with roles that exist in the writer's."""

    def __init__(self, case, seed):
        self.__dict__.update(case.__dict__)
        self.reader = None
        if case.reader:
            self.roles = Case.choose_roles(self, random.Random(f"{seed}/{case.number}/writer"))

    write = Case.write


def dump(program, write_all):
    """Lines that the program prints for what write_all writes."""
    with tempfile.TemporaryFile() as stream:
        write_all(stream)
        stream.seek(0)
        result = subprocess.run([program], stdin=stream, stdout=subprocess.PIPE, check=True)
    return iter(result.stdout.decode().splitlines())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--cases", type=int, default=10000)
    parser.add_argument("--seed", default=os.environ.get("UPTALLY_SEED") or str(random.randrange(10**6)))
    options = parser.parse_args()
    print(f"oracle: seed {options.seed}, {options.cases} cases, fastavro {fastavro.__version__}")
    cases = [Case(options.seed, number) for number in range(options.cases)]
    views = [WriterView(case, options.seed) for case in cases]
    judge = Judge()
    rest = cases
    while rest:
        lines = dump(options.program, lambda out: [case.write(out, case.payloads[:1], True) for case in rest])
        rest = [case for case in rest if judge.good(case, next(lines))]
    lines = dump(options.program, lambda out: [view.write(out, view.payloads, False) for view in views])
    again = []
    for view in views:
        for payload in view.payloads:
            line = next(lines)
            plainest = judge.changed(view, payload, line)
            if plainest is not None:
                again.append((view, plainest, line))
    lines = dump(options.program, lambda out: [view.write(out, [payload], False) for view, payload, _ in again])
    for view, _, line in again:
        judge.same(view, line, next(lines))
    for what, count in sorted(judge.counts.items()):
        print(f"  {count:6} {what}")
    for name, count in sorted(judge.left_out.items()):
        print(f"  {count:6} left out for avro-c: {name}")
    print(f"oracle: {judge.failures} differences")
    return 1 if judge.failures or judge.counts["unresolvable for fastavro"] > options.cases / 10 else 0


if __name__ == "__main__":
    sys.exit(main())
