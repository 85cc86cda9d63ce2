#!/usr/bin/env python3
"""Reads statements back from their PDF, as a customer's programs would.

    pdf.py SLA_CASE RENDER UPTALLY [--keep FOLDER]

The file is tagged, A4, of embedded fonts and without a glyph that is missing; its text says every figure of the JSON document, row by row, and what
hostile names say is there and harms nobody; no word lies on another or beyond the margins; the same document gives the same bytes under any locale,
zone and font configuration. Damaged documents end in a file or in a message. Prints the seed of what it damages. Uses Poppler's programs.
"""

import argparse
import copy
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from datetime import datetime, timezone
from pathlib import Path

import sample
from pages import HOSTILE, LONG

SCRIPTS = {
    "customer": "Ελληνική Ενέργεια Α.Ε. – Łódź Straße",
    "services": ["Служба доставки Київ", "Übertragung Århus", "Đà Nẵng cổng"],
    "reasons": ["обновление базы", "Wartung 中文 ok", "Příští údržba"],
}
# What a name looks like where it cannot be shown as it is; both are the Arabic word, as written and as drawn.
SHOWN = {
    HOSTILE["services"][2]: "[U+202E]العربية & co",
    SCRIPTS["reasons"][1]: "Wartung [U+4E2D U+6587] ok",
}
CLASSES = ["up", "degraded", "partial", "major", "maintenance", "no_traffic", "probe_down", "pipeline_gap",
           "not_provisioned", "outside_hours"]
TREATMENTS = {"counted": "counted", "partly_excluded": "counted in part; the rest was announced maintenance",
              "excluded": "excluded: announced maintenance", "not_counted": "not counted by the contract",
              "by_requests": "counted by its failed requests"}
GRADES = {"degraded": "Degraded performance", "partial": "Partial outage", "major": "Major outage"}
MARGIN_PT = 40


def run(*command, data=None, env=None):
    return subprocess.run([str(word) for word in command], input=data, capture_output=True, check=False,
                          env={**os.environ, **env} if env else None)


def squeeze(text):
    """Without blanks, commas between digits, and the marks that keep a name's direction: what a line break may change."""
    text = re.sub(r"[\s\u00a0\u200e\u200f\u202a-\u202e\u2066-\u2069]", "", text)
    return re.sub(r"(?<=\d),(?=\d{3})", "", text)


def shown(text):
    for name, form in SHOWN.items():
        text = text.replace(name, form)
    return " ".join(text.split())


def duration(seconds):
    parts = [(seconds // 86400, "d"), (seconds // 3600 % 24, "h"), (seconds // 60 % 60, "min"), (seconds % 60, "s")]
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 s"


def moment(text):
    return f"{text[:10]} {text[11:19]} {text[19:]}"


# --- what must stand there, from the JSON alone ---------------------------------------------------


def measured(result):
    known = result["uptime"] is not None
    words = ["✓ met" if result["met"] else "✗ missed", result["uptime"]["percent"] + " %"] if known else ["not measured", "-"]
    budget = result["budget"]
    return words + [budget["lost"], budget["measured"],
                    "-" if budget["used_percent"] is None else budget["used_percent"] + " %",
                    "-" if result["tier"] is None else result["tier"]["percent"] + " %"]


def seconds_row(name, seconds):
    values = [seconds[k] for k in CLASSES if k in seconds]
    return [name] + [str(value) if value else "-" for value in values] + [str(sum(values))]


def service_rows(document):
    for service in document["services"]:
        requests = service["requests"]
        name = shown(service["service"])
        counts = [str(requests[k]) for k in ("total", "errors", "slow")]
        yield [name, *measured(service), *counts]
        yield seconds_row(name, service["seconds"])
        yield [name] + [str(requests[k]) for k in ("records", "total", "errors", "slow", "no_latency")]
    yield ["Contract", *measured(document)]
    yield seconds_row("Contract", document["seconds"])


def list_rows(document):
    time_based = document["method"]["unit"] == "s"
    for incident in document["incidents"]:
        yield [shown(incident["service"]), GRADES[incident["worst"]], moment(incident["from"]),
               moment(incident["to"]) + (" or later" if incident["open_end"] else ""),
               duration(incident["length_seconds"]), incident["lost_seconds"] if time_based else "-",
               TREATMENTS[incident["treatment"]]]
    for exclusion in document["exclusions"]:
        yield [shown(exclusion["service"]), moment(exclusion["from"]), moment(exclusion["to"]),
               moment(exclusion["announced"]), f"{shown(exclusion['reason'])} ({exclusion['author']})",
               exclusion["text"], duration(exclusion["excused_seconds"])]
    for gap in document["completeness"]["gaps"]:
        yield [shown(gap["service"]), moment(gap["from"]), moment(gap["to"]), duration(gap["seconds"])]
    for part in document["completeness"]["partitions"]:
        yield [part["topic"], part["cluster"]] + [
            str(part[k]) for k in ("incarnation", "partition", "low", "high", "dead_letters")]


def money_rows(document):
    for border in document["borders"]:
        target = border["kind"] == "target"
        yield [("Target " if target else "Below ") + border["below"] + " %",
               "-" if target else border["gives"], border["text"]]
    for step in document["credit"]["steps"]:
        yield [step["name"], step["text"], step["amount"]]
    credit, uptime = document["credit"], document["uptime"]
    yield [f"The agreed uptime of {document['target']} % was {'met' if document['met'] else 'missed'}: "
           f"{uptime['percent']} % was measured"]
    yield [f"rounded down; exactly {uptime['numerator']} / {uptime['denominator']}"]
    yield ["Credit", f"{credit['amount']} {credit['currency']}"]
    for number, line in enumerate(document["explanation"], start=1):
        yield [f"{number}.", shown(line)]


def day_words(day):
    titles = {k: k.replace("_", " ").capitalize() for k in CLASSES} | {
        "partial": "Partial outage", "major": "Major outage", "outside_hours": "Outside service hours"}
    parts = [f"{titles[k]} {duration(day['seconds'][k])}" for k in CLASSES if day["seconds"].get(k)]
    return f"{day['date']}: " + ", ".join(parts)


def fact_rows(document, sha256):
    period = document["period"]
    yield ["Period", f"{period['name']}: {moment(period['from'])} to {moment(period['to'])}"]
    yield ["Time zone", period["time_zone"]]
    yield ["Revision", str(document["revision"])]
    yield ["Formula", document["method"]["formula"]]
    yield ["Program", "uptally " + document["program"]["version"]]
    yield ["the SHA-256 of that document:", sha256]
    for kind, rule in document["contract"]["terms"]["availability"]["unknown"].items():
        yield [kind.replace("_", " ").capitalize(), rule]
    for service in document["services"]:
        bad = [day_words(day) for day in service["days"] if day["seconds"].get("up") != day["length_seconds"]]
        yield ["Not wholly up: " + "; ".join(bad) + "." if bad else "Wholly up on every day."]


HEADINGS = ["Services", "The period adds up", "Day by day", "Incidents", "Announced maintenance and exclusions",
            "Data completeness", "Credit calculation", "Changes since the last revision", "Method", "Audit trail",
            "How to verify, and until when to claim"]

# --- what stands there ----------------------------------------------------------------------------


class Sheet:
    """A PDF read by Poppler."""

    def __init__(self, path):
        self.path = path
        self.info = dict(re.findall(r"^([^:\n]+): +(.*)$", run("pdfinfo", path).stdout.decode(), re.M))
        self.pages = run("pdftotext", "-raw", path, "-").stdout.decode().split("\f")[:-1]
        self.texts = [squeeze(page) for page in self.pages]

    def says(self, row):
        """Whether the row stands on one page, cell after cell."""
        return any(squeeze("".join(row)) in text for text in self.texts)

    def streams(self):
        for match in re.finditer(rb"stream\r?\n(.*?)endstream", self.path.read_bytes(), re.S):
            try:
                yield zlib.decompress(match.group(1))
            except zlib.error:
                pass

    def tables(self):
        """Of each table of the structure: how many cells each row has."""
        tables = []
        for line in run("pdfinfo", "-struct", self.path).stdout.decode().splitlines():
            tag = line.split()[0]
            if tag == "Table":
                tables.append([])
            elif tag == "TR":
                tables[-1].append(0)
            elif tag in ("TH", "TD"):
                tables[-1][-1] += 1
        return tables

    def missing_glyphs(self):
        """Glyph 0 of a subset is the one for what is missing."""
        count = 0
        for stream in self.streams():
            for text in re.findall(rb"<([0-9a-f]+)>(?=[^<>]*T[jJ])", stream):
                count += sum(text[i:i + 4] == b"0000" for i in range(0, len(text), 4))
        return count

    def words(self):
        """Boxes of words, page by page."""
        text = run("pdftotext", "-bbox", self.path, "-").stdout.decode()
        for page in text.split("<page ")[1:]:
            yield [(tuple(map(float, box[:4])), box[4]) for box in re.findall(
                r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>', page)]

    def overlaps(self):
        for number, words in enumerate(self.words(), start=1):
            for i, ((x0, y0, x1, y1), word) in enumerate(words):
                if x0 < MARGIN_PT or x1 > 595.3 - MARGIN_PT or y0 < 20 or y1 > 842 - 20:
                    yield f"page {number}: {word!r} stands in the margin"
                for (u0, v0, u1, v1), other in words[i + 1:]:
                    # Boxes are as high as the font, which is more than its letters: lines may share a little.
                    if min(x1, u1) - max(x0, u0) > 0.6 and min(y1, v1) - max(y0, v0) > 3.5:
                        yield f"page {number}: {word!r} lies on {other!r}"


def check_form(sheet, document, expect):
    info = sheet.info
    expect("it is not tagged", info.get("Tagged") == "yes")
    expect("it is not A4", "A4" in info.get("Page size", ""))
    expect("it has scripts", info.get("JavaScript") == "no")
    expect("it has another title", squeeze(f"SLA statement {document['period']['name']} - {shown(document['contract']['customer'])}")
           == squeeze(info.get("Title", "")))
    made = datetime.fromisoformat(document["period"]["to"]).astimezone(timezone.utc)
    expect("its date is not that of the document",
           run("pdfinfo", "-isodates", sheet.path, env={"TZ": "UTC"}).stdout.decode().count(made.strftime("%Y-%m-%dT%H:%M:%S")) == 1)
    expect("it has no language", sheet.path.read_bytes().count(b"/Lang (en)") == 1)
    fonts = [line.split() for line in run("pdffonts", sheet.path).stdout.decode().splitlines()[2:]]
    expect("fonts that are not embedded, without text, or strange: " + repr(fonts),
           fonts and all(re.fullmatch(r"[A-Z]{6}\+DejaVuSans(-Bold)?", f[0]) and f[-5:-2] == ["yes"] * 3 for f in fonts))
    expect("glyphs are missing", sheet.missing_glyphs() == 0)
    for number in range(1, len(sheet.pages) + 1):
        expect(f"page {number} has no number", sheet.says([f"Page {number} of {len(sheet.pages)}"]))
    tags = run("pdfinfo", "-struct", sheet.path).stdout.decode().split()
    for tag in ("Document", "H1", "H2", "H3", "P", "Table", "Caption", "TR", "TH", "TD", "L", "LI"):
        expect(f"it has no {tag}", tag in tags)
    for widths in sheet.tables():
        expect(f"a table has rows of different length: {widths}", len(set(widths)) == 1)
    # Without the first of each row: that is a head.
    cells = sum(len(row) - 1 for rows in (service_rows, list_rows) for row in rows(document))
    expect(f"{tags.count('TD')} cells, {cells} are in two of its parts alone", tags.count("TD") >= cells)


def check_text(sheet, document, sha256, expect):
    whole = "".join(sheet.texts)
    for rows in (service_rows(document), list_rows(document), money_rows(document), fact_rows(document, sha256)):
        for row in rows:
            expect(f"it does not say {row}", sheet.says(row))
    places = [whole.find(squeeze(heading)) for heading in HEADINGS]
    expect(f"parts are missing or in another order: {places}", places == sorted(places) and places[0] > 0)
    expect("the customer is not named", squeeze(shown(document["contract"]["customer"])) in whole)


def check_samples(programs, folder, failures):
    for method, pool in (("state_time", "all_required"), ("request_ratio", "per_service")):
        for kind, names in (("harmless", sample.HARMLESS), ("scripts", SCRIPTS), ("hostile", HOSTILE), ("long", LONG)):
            where = f"{method}-{kind}"
            case = sample.case(names, method, pool).encode()
            path = folder / (where + ".pdf")
            answer = run(programs.sla_case, "pdf", data=case)
            path.write_bytes(answer.stdout)
            text = run(programs.sla_case, "json", data=case).stdout
            document = json.loads(text)
            sha256 = run("sha256sum", data=text).stdout.decode().split()[0]

            def expect(what, condition, where=where):
                if not condition:
                    failures.append(f"{where}: {what}")

            expect(f"status {answer.returncode}: {answer.stderr.decode()}", answer.returncode == 0)
            sheet = Sheet(path)
            check_form(sheet, document, expect)
            if kind != "long":
                check_text(sheet, document, sha256, expect)
            failures += [f"{where}: {overlap}" for overlap in list(sheet.overlaps())[:5]]
            print(f"{where}: {len(sheet.pages)} pages, {path.stat().st_size} bytes")
    return document


# --- the same bytes -------------------------------------------------------------------------------


def check_identity(programs, folder, failures):
    """Nothing around the program changes a byte: not the locale, the zone, other fonts or their configuration."""
    case = sample.case(SCRIPTS).encode()
    first = run(programs.sla_case, "pdf", data=case).stdout
    strange = folder / "fonts.conf"
    strange.write_text('<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>/usr/share/fonts</dir>'
                       '<match target="pattern"><edit name="family" mode="assign" binding="strong"><string>DejaVu Serif</string></edit></match>'
                       '<match target="font"><edit name="embolden" mode="assign"><bool>true</bool></edit></match></fontconfig>\n')
    surroundings = [
        {}, {"LC_ALL": "C.UTF-8", "LANG": "tr_TR.UTF-8", "LANGUAGE": "ar"}, {"TZ": "Pacific/Apia"}, {"HOME": "/nonexistent"},
        {"FONTCONFIG_FILE": str(strange)}, {"FONTCONFIG_PATH": str(folder)}, {"FONTCONFIG_SYSROOT": str(folder)},
        {"PANGO_LANGUAGE": "zh", "PANGOCAIRO_BACKEND": "fc", "XDG_CONFIG_HOME": str(folder)},
        {"FREETYPE_PROPERTIES": "truetype:interpreter-version=35"},
    ]
    for env in surroundings:
        answer = run(programs.sla_case, "pdf", data=case, env=env)
        if answer.stdout != first:
            failures.append(f"{env}: other bytes, status {answer.returncode}: {answer.stderr.decode()}")


# --- documents of any kind ------------------------------------------------------------------------


def render(programs, document):
    return run(programs.render, "pdf", data=json.dumps(document).encode())


def check_long_lists(programs, folder, document, failures):
    """Heads on each page, rows on one page; lists end where they must, and say so."""
    big = copy.deepcopy(document)
    big["incidents"] = [dict(big["incidents"][i % len(big["incidents"])], service=f"service number {i:04d}") for i in range(600)]
    big["services"] += [dict(big["services"][0], service=f"more {i:04d}", days=[]) for i in range(1100)]
    path = folder / "big.pdf"
    path.write_bytes(render(programs, big).stdout)
    sheet = Sheet(path)
    shown_rows = [[shown(i["service"]), GRADES[i["worst"]], moment(i["from"]), moment(i["to"])] for i in big["incidents"]]
    if not all(sheet.says(row) for row in shown_rows[:500]) or sheet.says(shown_rows[500]):
        failures.append("big: not the first 500 incidents, each whole")
    for page in sheet.texts:
        if re.search(r"servicenumber\d{4}", page) and "Howitcounts" not in page:
            failures.append("big: a page of incidents has no heads")
    whole = "".join(sheet.texts)
    for words in ("100 more are in the JSON document", "The days of the other services are in the JSON document",
                  "103 rows before the last one are only in the JSON document"):
        if squeeze(words) not in whole:
            failures.append(f"big: it does not say {words!r}")
    if not sheet.says(["Contract", *measured(big)]):
        failures.append("big: the sum is not there")
    if len(sheet.pages) > 400:
        failures.append(f"big: {len(sheet.pages)} pages")
    print(f"big: {len(sheet.pages)} pages, {path.stat().st_size} bytes")


def check_levels(programs, folder, document, failures):
    """A second level, other tiers, and a fraction too long for the verdict."""
    twice = copy.deepcopy(document)
    level = {"borders": [{"allowed": "8.9", "below": "99", "gives": "", "kind": "target", "missed": True, "text": "12 slices lost, 8.9 allowed"},
                         {"allowed": "8.9", "below": "99", "gives": "3 days", "kind": "tier", "missed": True, "text": "it applies"}],
             "budget": {"allowed": "8.9", "lost": "12", "measured": "890", "unit": "slices", "used_percent": "134.8"},
             "met": False, "target": "99", "tier": {"below": "99", "days": "3"},
             "uptime": {"denominator": "890" + "7" * 60, "numerator": "878" + "1" * 60, "percent": "98.651"}}
    twice["latency"] = level
    twice["borders"][0]["missed"] = False
    for service in twice["services"]:
        service["latency"] = level
    path = folder / "levels.pdf"
    path.write_bytes(render(programs, twice).stdout)
    sheet = Sheet(path)
    rows = [["% was met: 98.756 % was measured. The agreed share of fast slices, 99 %, was missed: 98.651 %"], ["99.5 % agreed; latency 99 %"],
            ["Fast enough", "98.651 %", "rounded down; the exact fraction is under method"],
            ["Latency, exactly", level["uptime"]["numerator"], "/", level["uptime"]["denominator"]],
            ["Target 99 %", "-", "12 slices lost, 8.9 allowed"], ["Below 99 %", "3 days", "it applies"]]
    rows += [[service["service"], "✗ missed", "98.651 %", "12", "890", "134.8 %", "3 days"] for service in twice["services"]]
    failures += [f"levels: it does not say {row}" for row in rows if not sheet.says(row)]
    failures += [f"levels: {overlap}" for overlap in sheet.overlaps()]


HOSTILE_VALUES = [
    None, True, -1, 2**63 - 1, -(2**63), "", "x" * 70000, "\u0000\u0001\u001b[31m", "\u202e" * 300, "W" * 5000, "中文" * 9000,
    "\u0301" * 2000, "\u0645\u200f" * 900, "9" * 20000, "2026-10-03T99:99:99Z", "a\nb\tc\rd", "\ufeff\ufffd\U0001f600", [], {}, [[]],
    [None] * 700, [{}] * 700, {"up": 2**62, "major": 2**62}, "-", "%PDF-1.4", ") Tj ET (", "\\", "Z" * 7 + " " * 9000,
]


def places(node, path=()):
    """All places of a document, as paths."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in items:
        yield path + (key,)
        yield from places(child, path + (key,))


def damage(document, rng):
    damaged = copy.deepcopy(document)
    for _ in range(rng.choice((1, 1, 3, 20))):
        *path, last = rng.choice(list(places(damaged)))
        node = damaged
        for key in path:
            node = node[key]
        node[last] = copy.deepcopy(rng.choice(HOSTILE_VALUES))
    damaged["format"] = document["format"]
    return damaged


def check_damage(programs, folder, document, failures):
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    print(f"damaged documents: seed {seed}")
    small = copy.deepcopy(document)
    small["services"] = small["services"][:1]
    small["services"][0]["days"] = small["services"][0]["days"][:4]
    for number in range(40):
        damaged = damage(small, rng)
        answer = render(programs, damaged)
        if answer.returncode not in (0, 4, 9) or (answer.returncode != 0 and not answer.stderr):
            (folder / "damaged.json").write_text(json.dumps(damaged))
            failures.append(f"damaged document {number} of seed {seed}: status {answer.returncode}: {answer.stderr.decode()[-600:]}")
            return
        if answer.returncode == 0 and number % 6 == 0:
            path = folder / "damaged.pdf"
            path.write_bytes(answer.stdout)
            sheet = Sheet(path)
            if sheet.info.get("Tagged") != "yes" or sheet.missing_glyphs() or run("pdftotext", path, "-").stderr:
                failures.append(f"damaged document {number} of seed {seed}: a file that cannot be read")


# --- what is not installed ------------------------------------------------------------------------


def check_absence(programs, folder, failures):
    case = sample.case(sample.HARMLESS).encode()
    fake = folder / "lib"
    fake.mkdir()
    (fake / "libpangocairo-1.0.so.0").write_bytes(b"")
    without_library = run(programs.sla_case, "pdf", data=case, env={"LD_LIBRARY_PATH": str(fake)})
    if without_library.returncode == 0 or b"apt-get install libpangocairo-1.0-0" not in without_library.stderr:
        failures.append(f"without the library: {without_library}")
    if run(programs.sla_case, "html", data=case, env={"LD_LIBRARY_PATH": str(fake)}).returncode != 0:
        failures.append("HTML needs the library of PDF")
    if run("bwrap", "--dev-bind", "/", "/", "true").returncode == 0:
        answer = run("bwrap", "--dev-bind", "/", "/", "--tmpfs", "/usr/share/fonts", programs.sla_case, "pdf", data=case)
        if answer.returncode == 0 or b"apt-get install fonts-dejavu-core" not in answer.stderr:
            failures.append(f"without the font: {answer}")
    else:
        print("bwrap does not work here; nobody hides the font")
    needed = run("ldd", programs.uptally).stdout.decode()
    if "libsqlite3" not in needed or "pango" in needed or "cairo" in needed:
        failures.append(f"every command loads what only PDF needs: {needed}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("sla_case")
    parser.add_argument("render")
    parser.add_argument("uptally")
    parser.add_argument("--keep", type=Path, help="leave the files in this folder")
    programs = parser.parse_args()
    if shutil.which("pdftotext") is None:
        sys.exit("pdftotext is not installed: apt-get install poppler-utils")
    failures = []
    with tempfile.TemporaryDirectory(prefix="uptally-pdf-") as temporary:
        folder = programs.keep or Path(temporary)
        document = check_samples(programs, folder, failures)
        text = run(programs.sla_case, "json", data=sample.case(sample.HARMLESS).encode()).stdout
        document = json.loads(text)
        check_identity(programs, folder, failures)
        check_long_lists(programs, folder, document, failures)
        check_levels(programs, folder, document, failures)
        check_damage(programs, folder, document, failures)
        check_absence(programs, folder, failures)
    if failures:
        sys.exit("\n".join(failures))
    print("all PDFs say what the documents say")


if __name__ == "__main__":
    main()
