"""What brute_compare.py and sla_by_hand.py share: configurations and CSV files on disk, running `uptally evaluate`, comparing answers."""

import csv
import functools
import io
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

from brute_data import instant
from brute_money import MINOR_DIGITS

sys.set_int_max_str_digits(0)

HEADERS = {
    "windows": ["service", "minute", "total", "errors", "slow", "first_ok", "last_ok", "first_error",
                "last_error"],
    "states": ["service", "from", "to", "state"],
    "announcements": ["service", "announced_at", "from", "to", "status", "reason"],
}


@functools.cache
def day_text(day):
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()


def rfc3339(t, offset_minutes=0, nanoseconds=0):
    """An instant (whole seconds, or a Fraction) in a zone that is some minutes east of UTC; nanoseconds if it has a fraction."""
    whole = int(t // 1)
    nanoseconds += int((t - whole) * 10**9)
    day, second = divmod(whole + offset_minutes * 60, 86400)
    text = f"{day_text(day)}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"
    if nanoseconds:
        text += f".{nanoseconds:09}".rstrip("0")
    if offset_minutes == 0:
        return text + "Z"
    hours, minutes = divmod(abs(offset_minutes), 60)
    return f"{text}{'+' if offset_minutes > 0 else '-'}{hours:02}:{minutes:02}"


# --- YAML -----------------------------------------------------------------------------------------------

def flow(value):
    """A value in YAML's flow style; texts with marks of YAML in them are quoted."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    return json.dumps(text) if any(mark in text for mark in ":,#{}[]*&\"' ") else text


def configuration(contracts):
    lines = ["contracts:"]
    for contract in contracts:
        for number, (key, value) in enumerate(contract.items()):
            lines.append(f"  {'- ' if number == 0 else '  '}{key}: {flow(value)}")
    return "\n".join(lines) + "\n"


# --- CSV ------------------------------------------------------------------------------------------------

def csv_text(kind, rows, columns=None, quoted=False, newline="\n"):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=newline, quoting=csv.QUOTE_ALL if quoted else csv.QUOTE_MINIMAL)
    columns = columns or len(HEADERS[kind])
    writer.writerow(HEADERS[kind][:columns])
    writer.writerows(row[:columns] for row in rows)
    return out.getvalue()


def write_case(folder, contracts, tables):
    """The files of a case; tables holds the text (or bytes) of each CSV file."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(configuration(contracts), encoding="utf-8")
    (folder / "contract.json").write_text(json.dumps(contracts, indent=1), encoding="utf-8")
    for name, text in tables.items():
        data = text if isinstance(text, bytes) else text.encode()
        (folder / f"{name}.csv").write_bytes(data)
    return folder


def command(program, contract, when, tables, offset=0):
    """The command line of a case, in its folder. `when` is a month, or (from, to)."""
    line = [program, "evaluate", "config.yaml", "--contract", contract]
    if isinstance(when, str):
        line += ["--month", when]
    else:
        line += ["--from", rfc3339(when[0], offset), "--to", rfc3339(when[1], offset)]
    for name in HEADERS:
        if name in tables:
            line += ["--" + name, f"{name}.csv"]
    return line + ["--format", "json"]


def run(line, folder, text=b""):
    """The clock of the machine is in a zone of its own: only the contract's counts."""
    environment = {**os.environ, "TZ": "Pacific/Apia", "LC_ALL": "C.UTF-8"}
    return subprocess.run(line, cwd=folder, env=environment, input=text, capture_output=True, timeout=600, check=False)


# --- comparing ------------------------------------------------------------------------------------------

def ratio(answer):
    """(exact fraction, shown percent) of an `uptime`, or None."""
    if answer is None:
        return None
    if "uptime" in answer:
        return ratio(answer["uptime"])
    if answer.get("numerator") is None or int(answer["denominator"]) == 0:
        return None
    return Fraction(int(answer["numerator"]), int(answer["denominator"])), str(answer["percent"])


def tier(answer):
    return answer and {key: Fraction(str(value)) for key, value in answer.items()
                       if key in ("below", "percent", "days", "amount")}


def moment(value):
    return instant(value) if isinstance(value, str) else value


def differences(wanted, got, where="", whole=True):
    """How the program's answer differs from the oracle's, one line each."""
    found = []

    def check(name, expected, value):
        if expected != value:
            found.append(f"{where}{name}: the oracle has {plain(expected)}, the program {plain(value)}")

    for name in ("uptime", "latency"):
        check(name, ratio(wanted.get(name)), ratio(got.get(name)))
    check("met", wanted["met"], got.get("met"))
    check("tier", tier(wanted["tier"]), tier(got.get("tier")))
    for column, value in wanted["seconds"].items():
        check(f"seconds.{column}", value, (got.get("seconds") or {}).get(column))
    if whole:
        found += credit_differences(wanted, got, where)
    return found


def credit_differences(wanted, got, where):
    credit = got.get("credit")
    expected = wanted["credit"]
    if credit is None and expected and expected["amount_minor"] == 0 and wanted["uptime"] is None:
        return []
    value = credit and {"amount_minor": int(credit["amount_minor"]), "currency": credit["currency"]}
    if value == expected:
        unit = 10 ** MINOR_DIGITS.get(value["currency"], 2) if value else 1
        if value and Fraction(credit.get("amount", -1)) * unit != value["amount_minor"]:
            return [f"{where}credit: {credit.get('amount')} is not {value['amount_minor']} minor units"]
        return []
    return [f"{where}credit: the oracle has {expected}, the program {value}"]


def not_adding_up(answer, pool):
    """Up, lost, excluded, unknown and outside time are the whole period, to the second."""
    length = int(answer["period"]["seconds"])
    wholes = [("the contract", answer, length * (len(answer["services"]) if pool == "sum" else 1))]
    wholes += [(entry["service"], entry, length) for entry in answer["services"]]
    for name, part, whole in wholes:
        booked = sum(int(value) for value in part["seconds"].values())
        if booked != whole:
            yield f"{name}: {booked} of {whole} seconds are booked"


def plain(value):
    if isinstance(value, tuple):
        return f"{value[0]} shown as {value[1]}"
    return {key: str(item) for key, item in value.items()} if isinstance(value, dict) else value


def answer_differences(wanted, got, pool):
    """All differences between two whole answers."""
    found = []
    if got.get("contract") != wanted["contract"]:
        found.append(f"contract: {got.get('contract')!r}")
    period = {key: moment(value) for key, value in got["period"].items() if key in wanted["period"]}
    if period != wanted["period"]:
        found.append(f"period: the oracle has {wanted['period']}, the program {period}")
    found += differences(wanted, got)
    found += not_adding_up(got, pool)
    services = {entry["service"]: entry for entry in got["services"]}
    if list(services) != [entry["service"] for entry in wanted["services"]]:
        found.append(f"services: {list(services)}")
    for entry in wanted["services"]:
        if entry["service"] in services:
            found += differences(entry, services[entry["service"]], entry["service"] + ": ", pool == "per_service")
    return found


def parsed(text):
    return json.loads(text, parse_float=str)
