#!/usr/bin/env python3
"""Statements against schemas/statement.schema.json.

    statement_schema.py SLA_CASE SCHEMA PAGES_FOLDER

Checks the words of JSON Schema that the file uses, and that it uses no others; then that a document with anything added, missing or of another
type is refused. Plain Python.
"""

import copy
import json
import re
import subprocess
import sys

KNOWN = {"$schema", "$defs", "$ref", "title", "description", "type", "properties", "required",
         "additionalProperties", "items", "minItems", "enum", "const", "pattern", "minimum", "anyOf"}
TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
         "null": type(None)}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == "integer" and isinstance(value, bool))


def findings(value, schema, root, where="$"):
    """Where the value is not as the schema has it."""
    unknown = set(schema) - KNOWN
    if unknown:
        sys.exit(f"{where}: this checker does not know {sorted(unknown)}")
    if "$ref" in schema:
        return findings(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    if "anyOf" in schema:
        answers = [findings(value, choice, root, where) for choice in schema["anyOf"]]
        return [] if [] in answers else answers[0]
    found = []
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(is_type(value, name) for name in types):
        return [f"{where}: {type(value).__name__} instead of {types}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']!r}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{where}: {value!r} does not match {schema['pattern']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where}: {value} is too small")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where}: too few items")
        for number, item in enumerate(value):
            found += findings(item, schema.get("items", {}), root, f"{where}[{number}]")
    if isinstance(value, dict):
        found += [f"{where}: {key} is missing" for key in schema.get("required", []) if key not in value]
        for key, item in value.items():
            if key in schema.get("properties", {}):
                found += findings(item, schema["properties"][key], root, f"{where}.{key}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{where}: {key} is not in the schema")
    return found


def spoil(document):
    """The document with one fault each."""
    for key in document:
        spoiled = copy.deepcopy(document)
        del spoiled[key]
        yield f"without {key}", spoiled
        spoiled = copy.deepcopy(document)
        spoiled[key] = 1.5
        yield f"with a real number as {key}", spoiled
    spoiled = copy.deepcopy(document)
    spoiled["extra"] = 1
    yield "with an extra key", spoiled
    spoiled = copy.deepcopy(document)
    spoiled["uptime"]["percent"] = 99.9
    yield "with a percent as number", spoiled


def ascending(value):
    """Canonical: keys of all objects in byte order."""
    if isinstance(value, dict):
        keys = [key.encode() for key in value]
        return keys == sorted(keys) and all(ascending(item) for item in value.values())
    return not isinstance(value, list) or all(ascending(item) for item in value)


def main():
    program, schema_path, pages = sys.argv[1:]
    sys.path.insert(0, pages)
    import sample  # pylint: disable=import-outside-toplevel,import-error

    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    cases = [sample.case(sample.HARMLESS, method, pool) for method, pool in
             (("state_time", "all_required"), ("state_time", "sum"), ("state_time", "any_enough"),
              ("request_ratio", "per_service"), ("request_ratio", "sum"))]
    cases.append("zone UTC\nfrom 0\nto 86400\npool none\nservice nothing\n")  # no money, no result
    for number, text in enumerate(cases):
        answer = subprocess.run([program], input=text, capture_output=True, text=True, check=True)
        document = json.loads(answer.stdout)
        found = findings(document, schema, schema)
        if found:
            sys.exit(f"case {number}:\n  " + "\n  ".join(found))
        if not ascending(document):
            sys.exit(f"case {number}: keys do not ascend")
        if number == 0:
            for what, spoiled in spoil(document):
                if not findings(spoiled, schema, schema):
                    sys.exit(f"a document {what} is accepted")
    print(f"{len(cases)} statements are as the schema has them")


if __name__ == "__main__":
    main()
