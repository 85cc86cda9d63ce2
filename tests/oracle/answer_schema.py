#!/usr/bin/env python3
"""Answers of `uptally evaluate` against schemas/answer.schema.json.

    answer_schema.py UPTALLY SCHEMA

Answers of contracts of several shapes fit; an answer with anything added, missing or of another type is refused. Plain Python.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from statement_schema import ascending, findings, spoil

CONFIG = """contracts:
  - id: full
    customer: ACME
    services: [api, portal]
    time_zone: Europe/Berlin
    currency: JPY
    fee: 1000
    availability: {target: 99.5, method: time_slices, slice: 5m, max_error_ratio: 0.1, pool: per_service,
      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}}
    maintenance: {notice: 5d, excluded: remove}
    latency: {target: 99.0, max_slow_ratio: 0.05, slice: 5m}
    credits: {tiers: [{below: 99.9, days: 2}, {below: 50, amount: 10}], rounding: half_even}
  - id: bare
    customer: ACME
    services: [api]
    time_zone: UTC
    digits: 0
    availability: {target: 99.5, method: ratio_time_slices, slice: 1m,
      unknown: {no_traffic: exclude, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}}
"""
WINDOWS = "service,minute,total,errors,slow\n" + "".join(
    f"api,2026-10-01T{i // 60:02}:{i % 60:02}:00Z,{i + 1},{i // 9},{i // 3}\n" for i in range(200))
ANNOUNCEMENTS = """service,announced_at,from,to,status,reason
*,2026-09-01T00:00:00.5Z,2026-10-01T02:00:00Z,2026-10-01T02:30:00Z,,disks
api,2026-10-02T00:00:00Z,2026-10-01T03:00:00Z,2026-10-01T03:30:00Z,,"said, afterwards"
"""
CASES = [["full", "--windows", "w.csv", "--announcements", "a.csv"], ["full", "--windows", "none.csv"],
         ["bare", "--windows", "w.csv"], ["bare", "--windows", "none.csv"]]


def answer(program, folder, case):
    line = [program, "evaluate", "c.yaml", "--contract", case[0], "--month", "2026-10", "--format", "json"]
    done = subprocess.run(line + case[1:], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{case}: exit status {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def main():
    sys.set_int_max_str_digits(0)
    program, schema_path = (str(Path(path).resolve()) for path in sys.argv[1:])
    schema = json.loads(Path(schema_path).read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "c.yaml").write_text(CONFIG, encoding="utf-8")
        Path(folder, "w.csv").write_text(WINDOWS, encoding="utf-8")
        Path(folder, "none.csv").write_text(WINDOWS[:WINDOWS.index("\n") + 1], encoding="utf-8")
        Path(folder, "a.csv").write_text(ANNOUNCEMENTS, encoding="utf-8")
        answers = [answer(program, folder, case) for case in CASES]
    for case, document in zip(CASES, answers):
        found = findings(document, schema, schema)
        if found:
            sys.exit(f"{case}:\n  " + "\n  ".join(found))
        if not ascending(document):
            sys.exit(f"{case}: keys do not ascend")
        if sum(document["seconds"].values()) != document["period"]["seconds"]:
            sys.exit(f"{case}: the period does not add up")
    if answers[0]["tier"] is None or len(answers[0]["announcements"]) != 3 or answers[1]["uptime"] is not None:
        sys.exit("the cases do not show what they are for")
    if answers[2]["uptime"]["denominator"] < 2**64:
        sys.exit("no fraction is larger than a machine's integers")
    for what, spoiled in spoil(answers[0]):
        if what != "without latency" and not findings(spoiled, schema, schema):
            sys.exit(f"an answer {what} is accepted")
    print(f"{len(CASES)} answers are as the schema has them")


if __name__ == "__main__":
    main()
