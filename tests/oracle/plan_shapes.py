"""Random writer schemas, values of them, and reader schemas that a writer's schema may evolve to."""

import copy
import math
import struct

from plan_wire import Branch, Empty, Types

PRIMITIVES = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
KEYS = ["a", "b", "k1", "other", "x.y", ""]
TEXTS = ["", "eu-west", "a/b", "caf\u00e9", "\u4e16\u754c", "tab\there", "del\x7f", "nel\x85", "0.25s", "1.0000000005s",
         "12", "-7", "x" * 255, "x" * 256, "\U0001f600", "2026-11-01T00:00:00Z"]
PROMOTIONS = {"int": ["long", "float", "double"], "long": ["float", "double"], "float": ["double"],
              "string": ["bytes"], "bytes": ["string"]}


class Shapes:
    """One writer schema: a record with the roles that every mapping needs, and anything beside them."""

    def __init__(self, rng):
        self.rng = rng
        self.named = []  # (name, may be referred to now without a way out)
        self.count = 0
        self.prefix = rng.choice(["", "", "", "n.s."])

    def name(self):
        self.count += 1
        return f"T{self.count}"

    def writer(self):
        roles = [("r_service", "string"), ("r_time", self.time_type()), ("r_status", "int")]
        fields = [{"name": name, "type": type_} for name, type_ in roles]
        root = {"type": "record", "name": self.prefix + self.name(), "fields": fields, "open": True}
        self.named.append(root)
        for i in range(self.rng.randint(0, 7)):
            fields.append({"name": f"f{i}", "type": self.type(1)})
        self.rng.shuffle(fields)
        return ordered(root)

    def time_type(self):
        logical = self.rng.choice(["timestamp-millis", "timestamp-micros", "local-timestamp-millis", None])
        return {"type": "long", "logicalType": logical} if logical else "long"

    def type(self, depth, in_union=False, wrapped=False):
        rng = self.rng
        if depth > 4 or rng.random() < 0.45:
            primitive = rng.choice(PRIMITIVES)
            if primitive == "int" and rng.random() < 0.2:
                return {"type": "int", "logicalType": "no-such-type"}
            return primitive
        kind = rng.choice(["record", "enum", "fixed", "array", "map", "named"] + ["union"] * (0 if in_union else 3))
        if kind == "named":
            # A record may hold itself only behind something that can end: a union, an array, a map.
            known = [n for n in self.named if wrapped or not n.get("open")]
            kind = "record" if not known else kind
        if kind == "named":
            return rng.choice(known)["name"].split(".")[-1]
        if kind == "record":
            record = {"type": "record", "name": self.name(), "fields": [], "open": True}
            self.named.append(record)
            for i in range(rng.randint(0, 4)):
                record["fields"].append({"name": f"g{i}", "type": self.type(depth + 1)})
            del record["open"]
            return record
        if kind == "enum":
            symbols = rng.sample(["A", "B", "C", "D", "up", "down"], rng.randint(1, 5))
            return self.known({"type": "enum", "name": self.name(), "symbols": symbols})
        if kind == "fixed":
            return self.known({"type": "fixed", "name": self.name(), "size": rng.choice([0, 1, 4, 16, 130])})
        if kind == "array":
            return {"type": "array", "items": self.type(depth + 1, wrapped=True)}
        if kind == "map":
            return {"type": "map", "values": self.type(depth + 1, wrapped=True)}
        return self.union(depth)

    def known(self, schema):
        self.named.append(schema)
        return schema

    def union(self, depth):
        branches = ["null"]
        for _ in range(self.rng.randint(0, 3)):
            known = len(self.named)
            branch = self.type(depth + 1, in_union=True, wrapped=True)
            if title(branch) not in [title(b) for b in branches]:
                branches.append(branch)
            else:
                del self.named[known:]  # a second branch of its kind, and what it would have defined
        self.rng.shuffle(branches)
        return branches


def title(schema):
    """What makes a branch of a union distinct."""
    if isinstance(schema, dict):
        return schema["name"].split(".")[-1] if "name" in schema else schema["type"]
    return schema.split(".")[-1]


def ordered(schema):
    """The same schema with every named type defined where it is met first."""
    schema = copy.deepcopy(schema)
    types = Types(schema)
    seen = set()

    def visit(node):
        if isinstance(node, list):
            return [visit(branch) for branch in node]
        kind, definition = types.resolve(node)
        if kind in ("record", "enum", "fixed"):
            name = definition["name"]
            if name.split(".")[-1] in seen:
                return name.split(".")[-1]
            seen.add(name.split(".")[-1])
            definition = {k: v for k, v in definition.items() if k != "open"}
            if kind == "record":
                definition["fields"] = [{**f, "type": visit(f["type"])} for f in definition["fields"]]
            return definition
        if kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            return {**definition, key: visit(definition[key])}
        return node

    return visit(schema)


class Values:
    def __init__(self, rng, types):
        self.rng = rng
        self.types = types

    def value(self, schema, depth=0):
        rng = self.rng
        kind, schema = self.types.resolve(schema)
        if kind == "null":
            return None
        if kind == "boolean":
            return rng.random() < 0.5
        if kind == "int":
            return rng.choice([0, 1, -1, 200, 503, 2**31 - 1, -2**31, rng.randint(-1000, 100000)])
        if kind == "long" and isinstance(schema, dict) and "logicalType" in schema:
            return rng.randint(0, 10**12)  # fastavro makes a date of it
        if kind == "long":
            return rng.choice([0, -1, 25376, 2**63 - 1, -2**63, rng.randint(0, 10**9), rng.getrandbits(50)])
        if kind in ("float", "double"):
            number = rng.choice([0.0, -0.0, 0.5, 1.5, 0.1, 1e300, -3.25, math.inf, math.nan, 5e-324,
                                 rng.random() * 1e6, rng.random() / 1e3, rng.randint(0, 999999) / 2000])
            if kind == "double":
                return number
            return struct.unpack("<f", struct.pack("<f", number if abs(number) < 1e38 else math.inf))[0]
        if kind == "bytes":
            return rng.randbytes(rng.choice([0, 1, 3, 16, 127, 128, 300]))
        if kind == "string":
            return rng.choice(TEXTS) if rng.random() < 0.7 else f"s{rng.randint(0, 99)}"
        if kind == "fixed":
            return rng.randbytes(schema["size"])
        if kind == "enum":
            return rng.randrange(len(schema["symbols"]))
        if kind == "record":
            return {f["name"]: self.value(f["type"], depth + 1) for f in schema["fields"]}
        if kind == "union":
            return self.branch(schema, depth)
        return self.items(kind, schema, depth)

    def branch(self, schema, depth):
        index = self.rng.randrange(len(schema))
        if depth > 12:
            index = schema.index("null") if "null" in schema else index
        return Branch(index, self.value(schema[index], depth))

    def items(self, kind, schema, depth):
        count = 0 if depth > 12 else self.rng.choice([0, 0, 1, 2, 5])
        if kind == "array":
            if self.types.empty(schema["items"]):
                return Empty(count)
            return [self.value(schema["items"], depth + 1) for _ in range(count)]
        return [(self.rng.choice(KEYS), self.value(schema["values"], depth + 1)) for _ in range(count)]


class Evolution:
    """A reader's schema: fields moved, dropped, added and renamed, types promoted, symbols moved, branches added."""

    def __init__(self, rng, writer):
        self.rng = rng
        self.types = Types(writer)
        self.done = {}  # by the writer's name
        self.added = 0

    def reader(self, writer):
        return ordered_by(self.done, self.evolve(writer, root=True))

    def chance(self, probability):
        return self.rng.random() < probability

    def evolve(self, schema, plain=False, root=False):
        """plain: a branch of a union, which may become neither a union nor another branch's type."""
        kind, schema = self.types.resolve(schema)
        if kind == "union":
            branches = [self.evolve(branch, plain=True) for branch in schema]
            self.rng.shuffle(branches)
            return branches
        if kind in ("record", "enum", "fixed"):
            evolved = self.named(kind, schema)
        elif kind in ("array", "map"):
            key = "items" if kind == "array" else "values"
            evolved = {"type": kind, key: self.evolve(schema[key])}
        else:
            evolved = schema
            if not plain and isinstance(schema, str) and self.chance(0.2):
                evolved = self.rng.choice(PROMOTIONS.get(schema, [schema]))
        if not plain and not root and self.chance(0.15):
            return self.wrap(evolved)
        return evolved

    def wrap(self, schema):
        others = [p for p in self.rng.sample(PRIMITIVES, 2) if p != title(schema)]
        branches = others + [schema]
        self.rng.shuffle(branches)
        return branches

    def named(self, kind, schema):
        old = schema["name"].split(".")[-1]
        if old in self.done:
            return self.done[old]["name"]
        new = {"type": kind, "name": schema["name"]}
        if self.chance(0.15):
            new["name"] = self.prefixed(schema, "N" + old)
            new["aliases"] = [self.full_name(schema)]
        self.done[old] = new
        if kind == "fixed":
            new["size"] = schema["size"]
        elif kind == "enum":
            self.enum(schema, new)
        else:
            self.record(schema, new)
        return new["name"]

    def prefixed(self, schema, name):
        return schema["name"].rpartition(".")[0] + "." + name if "." in schema["name"] else name

    def full_name(self, schema):
        namespace = next((n["name"].rpartition(".")[0] for n in self.types.named.values() if "." in n["name"]), "")
        name = schema["name"]
        return f"{namespace}.{name}" if namespace and "." not in name else name

    def enum(self, schema, new):
        symbols = list(schema["symbols"])
        self.rng.shuffle(symbols)
        if len(symbols) > 1 and self.chance(0.4):
            symbols.pop()
            new["default"] = symbols[0]
        if self.chance(0.3):
            symbols.insert(0, "NEW")
        new["symbols"] = symbols

    def record(self, schema, new):
        fields = []
        for field in schema["fields"]:
            role = field["name"].startswith("r_")
            if not role and self.chance(0.1):
                continue
            evolved = {"name": field["name"], "type": field["type"] if role else self.evolve(field["type"])}
            if self.chance(0.15):
                evolved = {**evolved, "name": "n_" + field["name"], "aliases": ["zz", field["name"]]}
            fields.append(evolved)
        while self.chance(0.3):
            fields.append(self.addition())
        self.rng.shuffle(fields)
        new["fields"] = fields

    def addition(self):
        self.added += 1
        type_, default = self.rng.choice([
            ("string", "added"), ("int", 77), ("long", 2**40), ("double", 0.25), ("null", None), ("boolean", True),
            (["null", "string"], None), (["string", "null"], "first"), (["int", "string"], 5),
            ({"type": "map", "values": "string"}, {"a": "map-a"}),
            ({"type": "record", "name": f"D{self.added}", "fields": [{"name": "g0", "type": "string"}]}, {"g0": "in"}),
            ({"type": "enum", "name": f"D{self.added}", "symbols": ["A", "B"]}, "B"),
        ])
        return {"name": f"d{self.added}", "type": type_, "default": default}


def ordered_by(definitions, root):
    """The schema that starts at root with each definition where its name is met first."""
    by_name = {d["name"].split(".")[-1]: d for d in definitions.values()}
    seen = set()

    def visit(node):
        if isinstance(node, list):
            return [visit(branch) for branch in node]
        if isinstance(node, str):
            short = node.split(".")[-1]
            if short not in by_name or short in seen:
                return short if short in by_name else node
            seen.add(short)
            definition = dict(by_name[short])
            if definition["type"] == "record":
                definition["fields"] = [{**f, "type": visit(f["type"])} for f in definition["fields"]]
            return definition
        if node["type"] in ("array", "map"):
            key = "items" if node["type"] == "array" else "values"
            return {**node, key: visit(node[key])}
        return node

    return visit(root)


def leaves(schema, limit=400):
    """Paths to values that are no containers, with the types met there: {path: set of kinds}."""
    types = Types(schema)
    found = {}

    def visit(node, path, depth):
        kind, node = types.resolve(node)
        if len(found) > limit or depth > 6:
            return
        if kind == "union":
            for branch in node:
                visit(branch, path, depth + 1)
        elif kind == "record":
            for field in node["fields"]:
                visit(field["type"], path + (field["name"],), depth + 1)
        elif kind == "map":
            for key in ("a", "b", "k1"):
                visit(node["values"], path + (key,), depth + 1)
        elif kind != "array" and path:
            found.setdefault(".".join(path), set()).add(kind)

    visit(schema, (), 0)
    return found
