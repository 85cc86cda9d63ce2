"""Avro's binary encoding, written a second time: an encoder that uses all freedoms of the format and a strict decoder.

Values are trees that keep what plain Python values lose:
    record  dict of fields            map    list of (key, value), keys may repeat
    union   Branch(index, value)      enum   index
    array   list, or Empty(count) for items that take no byte
    string  str (bytes that are no UTF-8 as surrogate escapes), bytes and fixed as bytes
"""

import struct
from collections import namedtuple

Branch = namedtuple("Branch", "index value")
Empty = namedtuple("Empty", "count")

DEPTH_MAX = 64
ITEMS_MAX = 1 << 20


class Refused(Exception):
    """The payload breaks a rule; the argument is the verdict."""


class Types:
    """Named types of a schema, which are unique without their namespace here."""

    def __init__(self, schema):
        self.named = {}
        self._collect(schema)
        self._empty = {}

    def _collect(self, schema):
        if isinstance(schema, list):
            for branch in schema:
                self._collect(branch)
        elif isinstance(schema, dict):
            if schema["type"] in ("record", "enum", "fixed"):
                self.named[schema["name"].split(".")[-1]] = schema
            for field in schema.get("fields", ()):
                self._collect(field["type"])
            for key in ("items", "values"):
                if key in schema:
                    self._collect(schema[key])

    def resolve(self, schema):
        """(kind, definition) of a type or a name."""
        if isinstance(schema, list):
            return "union", schema
        if isinstance(schema, dict):
            return schema["type"], schema
        name = schema.split(".")[-1]
        if name in self.named:
            return self.named[name]["type"], self.named[name]
        return schema, schema

    def empty(self, schema, open_names=()):
        """True if no value takes a byte. A record within itself is infinite, not empty."""
        kind, schema = self.resolve(schema)
        if kind == "null":
            return True
        if kind == "fixed":
            return schema["size"] == 0
        if kind == "record":
            name = schema["name"]
            if name in open_names:
                return False
            return all(self.empty(f["type"], open_names + (name,)) for f in schema["fields"])
        return False


def put_long(out, value, rng=None):
    raw = (value << 1) ^ (value >> 63) if value < 0 else value << 1
    raw &= (1 << 64) - 1
    groups = []
    while raw > 127:
        groups.append(raw & 127 | 128)
        raw >>= 7
    groups.append(raw)
    # A number may be longer than it must be.
    if rng is not None and rng.random() < getattr(rng, "overlong", 0) and len(groups) < 10:
        groups[-1] |= 128
        groups += [128] * rng.randrange(10 - len(groups))
        groups.append(0)
    out += bytes(groups)


def put_bytes(out, data, rng):
    put_long(out, len(data), rng)
    out += data


def encode(types, schema, value, out, rng=None):
    """Appends value to the bytearray out. rng, if given, picks among the forms that mean the same."""
    kind, schema = types.resolve(schema)
    if kind == "boolean":
        out.append(1 if value else 0)
    elif kind in ("int", "long", "enum"):
        put_long(out, value, rng)
    elif kind == "float":
        out += struct.pack("<f", value)
    elif kind == "double":
        out += struct.pack("<d", value)
    elif kind == "bytes":
        put_bytes(out, value, rng)
    elif kind == "string":
        put_bytes(out, value.encode("utf-8", "surrogateescape"), rng)
    elif kind == "fixed":
        out += value
    elif kind == "record":
        for field in schema["fields"]:
            encode(types, field["type"], value[field["name"]], out, rng)
    elif kind == "union":
        put_long(out, value.index, rng)
        encode(types, schema[value.index], value.value, out, rng)
    elif kind in ("array", "map"):
        _encode_blocks(types, kind, schema, value, out, rng)


def _encode_item(types, kind, schema, item, out, rng):
    if kind == "map":
        put_bytes(out, item[0].encode("utf-8", "surrogateescape"), rng)
        encode(types, schema["values"], item[1], out, rng)
    else:
        encode(types, schema["items"], item, out, rng)


def _encode_blocks(types, kind, schema, value, out, rng):
    if isinstance(value, Empty):
        if value.count:
            put_long(out, value.count)
        put_long(out, 0)
        return
    rest = list(value)
    while rest:
        size = len(rest) if rng is None or rng.random() < 0.6 else rng.randint(1, len(rest))
        block = bytearray()
        for item in rest[:size]:
            _encode_item(types, kind, schema, item, block, rng)
        if rng is not None and rng.random() < 0.3:
            put_long(out, -size, rng)
            put_long(out, len(block), rng)
        else:
            put_long(out, size, rng)
        out += block
        rest = rest[size:]
    put_long(out, 0, rng)


class Decoder:
    """Reads one value by the rules of docs/ingest.md, strictness; raises Refused."""

    def __init__(self, types, payload):
        self.types = types
        self.payload = payload
        self.at = 0
        self.items = ITEMS_MAX

    def whole(self, schema):
        value = self.read(schema, 0)
        if self.at != len(self.payload):
            raise Refused("malformed")
        return value

    def take(self, size):
        if not 0 <= size <= len(self.payload) - self.at:
            raise Refused("malformed")
        self.at += size
        return self.payload[self.at - size:self.at]

    def long(self):
        raw = 0
        for shift in range(0, 70, 7):
            byte = self.take(1)[0]
            raw |= (byte & 127) << shift
            if byte < 128:
                if raw >> 64:
                    break
                return raw >> 1 if raw % 2 == 0 else -(raw >> 1) - 1
        raise Refused("malformed")

    def bounded(self, low, high):
        value = self.long()
        if not low <= value <= high:
            raise Refused("malformed")
        return value

    def read(self, schema, depth):
        kind, schema = self.types.resolve(schema)
        if kind == "null":
            return None
        if kind == "boolean":
            byte = self.take(1)[0]
            if byte > 1:
                raise Refused("malformed")
            return byte == 1
        if kind == "int":
            return self.bounded(-1 << 31, (1 << 31) - 1)
        if kind == "long":
            return self.long()
        if kind == "float":
            return struct.unpack("<f", self.take(4))[0]
        if kind == "double":
            return struct.unpack("<d", self.take(8))[0]
        if kind == "bytes":
            return self.take(self.long())
        if kind == "string":
            return self.take(self.long()).decode("utf-8", "surrogateescape")
        if kind == "fixed":
            return self.take(schema["size"])
        if kind == "enum":
            return self.bounded(0, len(schema["symbols"]) - 1)
        if kind == "union":
            index = self.bounded(0, len(schema) - 1)
            return Branch(index, self.read(schema[index], depth))
        if kind == "record":
            return self.record(schema, depth)
        return self.blocks(kind, schema, depth)

    def record(self, schema, depth):
        if not self.types.empty(schema):
            depth = deeper(depth)
        return {f["name"]: self.read(f["type"], depth) for f in schema["fields"]}

    def blocks(self, kind, schema, depth):
        depth = deeper(depth)
        items = []
        before = self.items
        empty = kind == "array" and self.types.empty(schema["items"])
        while True:
            count = self.long()
            end = None
            if count < 0:
                count = -count
                size = self.long()
                if not 0 <= size <= len(self.payload) - self.at:
                    raise Refused("malformed")
                end = self.at + size
            if not empty and count * self.width(kind, schema) > len(self.payload) - self.at:
                raise Refused("malformed")
            self.items -= count
            if self.items < 0:
                raise Refused("too_large")
            if count == 0:
                return items if not empty else Empty(before - self.items)
            for _ in range(0 if empty else count):
                items.append(self.item(kind, schema, depth))
            if end is not None and self.at != end:
                raise Refused("malformed")

    def width(self, kind, schema):
        """Bytes that an item takes at least; more than 1 is known only for items of one width."""
        kind, item = self.types.resolve(schema["items"]) if kind == "array" else ("map", schema)
        return {"float": 4, "double": 8}.get(kind) or (item["size"] if kind == "fixed" else 1)

    def item(self, kind, schema, depth):
        if kind == "map":
            key = self.take(self.long()).decode("utf-8", "surrogateescape")
            return key, self.read(schema["values"], depth)
        return self.read(schema["items"], depth)


def deeper(depth):
    if depth >= DEPTH_MAX:
        raise Refused("too_deep")
    return depth + 1


def plain(types, schema, value):
    """The tree as Python values: the last of two equal keys counts, a union is its value, an enum its symbol."""
    kind, schema = types.resolve(schema)
    if kind == "record":
        return {f["name"]: plain(types, f["type"], value[f["name"]]) for f in schema["fields"]}
    if kind == "map":
        return {key: plain(types, schema["values"], item) for key, item in value}
    if kind == "array":
        return []
    if kind == "union":
        return plain(types, schema[value.index], value.value)
    if kind == "enum":
        return schema["symbols"][value]
    return value
