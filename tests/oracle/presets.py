#!/usr/bin/env python3
"""The contracts of schemas/contracts against examples whose answers were derived by hand.

    presets.py UPTALLY SCHEMAS_CONTRACTS

Every file says where its terms come from, is taken by `uptally evaluate`, and has two or more examples in presets_cases.py. Plain Python.
"""

import re
import sys
import tempfile
from pathlib import Path

from presets_cases import CASES
from sla_by_hand import findings, widest
from sla_files import csv_text, not_adding_up, parsed, run

HEADER = [r"# Provider: \S", r"# Product:  \S", r"# Page:     \"", r"https://\S+", r"# Terms of: \S", r"# Read:     \d{4}-\d\d-\d\d",
          r"What the page says, field by field", r"Placeholders: .*\bfee\b", r"# Not expressible here: \S"]


def unsaid(text):
    """What a file's comment does not say."""
    comment = text.partition("\ncontracts:\n")[0]
    if any(not line.startswith("#") for line in comment.splitlines()):
        yield "something stands before contracts that is no comment"
    for pattern in HEADER:
        if not re.search(pattern, comment):
            yield f"nothing like {pattern!r} in its comment"


def with_fee(text, fee):
    """The fee is a placeholder: the file as a customer with another fee would write it."""
    changed, count = re.subn(r"(?m)^    fee: .*$", f"    fee: {fee}", text)
    if count != 1:
        raise ValueError(f"{count} fees")
    return changed


def ask(program, folder, preset, case):
    folder.mkdir()
    text = preset.read_text(encoding="utf-8")
    (folder / preset.name).write_text(with_fee(text, case["fee"]) if "fee" in case else text, encoding="utf-8")
    contract = re.search(r"(?m)^  - id: (\S+)$", text)[1]
    line = [program, "evaluate", preset.name, "--contract", contract, "--month", case["month"], "--format", "json"]
    for name in ("windows", "states", "announcements"):
        if name in case:
            (folder / f"{name}.csv").write_text(csv_text(name, case[name], widest(name, case[name])), encoding="utf-8")
            line += ["--" + name, f"{name}.csv"]
    done = run(line, folder)
    if done.returncode != 0:
        raise ValueError(f"exit {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    pool = re.search(r"(?m)^      pool: (\S+)$", text)
    return parsed(done.stdout), pool[1] if pool else "per_service"


def differing(program, folder, preset, case):
    try:
        answer, pool = ask(program, folder, preset, case)
        return list(findings(case["wanted"], answer)) + list(not_adding_up(answer, pool))
    except (ValueError, KeyError, TypeError) as error:
        return [f"{type(error).__name__}: {error}"]


def main():
    program, contracts = (Path(path).resolve() for path in sys.argv[1:])
    presets = {path.name: path for path in sorted(contracts.iterdir())}
    wrong = [f"{name}: there is no such file, but examples of it" for name in sorted(CASES.keys() - presets.keys())]
    with tempfile.TemporaryDirectory() as temporary:
        for name, preset in presets.items():
            wrong += [f"{name}: {line}" for line in unsaid(preset.read_text(encoding="utf-8"))]
            cases = CASES.get(name, [])
            if len(cases) < 2:
                wrong.append(f"{name}: {len(cases)} examples instead of two or more")
            for number, case in enumerate(cases):
                folder = Path(temporary) / f"{preset.stem}-{number}"
                wrong += [f"{name}: {case['name']}: {line}" for line in differing(str(program), folder, preset, case)]
    print("\n".join(wrong + [f"{len(presets)} presets, {sum(map(len, CASES.values()))} examples, {len(wrong)} wrong"]))
    return 1 if wrong or not presets else 0


if __name__ == "__main__":
    sys.exit(main())
