"""The table of docs/reliability.md: one row for each fault and store, as it was run last."""

import re

BEGIN, END = "<!-- campaign: begin -->", "<!-- campaign: end -->"
HEAD = ("| fault | store | confirmed | wrong | at 95 % fewer than | seed | date | versions | command |\n"
        "|---|---|--:|--:|--:|--:|---|---|---|\n")


def bound(faults, wrong):
    """The rule of three: no failure in N bounds the rate below 3/N."""
    return f"{300 / faults:.2g} %" if wrong == 0 and faults > 0 else "-"


def row(kind, store, faults, wrong, seed, date, versions, command):
    return (f"| {kind} | {store} | {faults:,} | {wrong:,} | {bound(faults, wrong)} | {seed} | {date} | {versions} "
            f"| `{command}` |")


def key(line):
    cells = [cell.strip() for cell in line.split("|")]
    return cells[1], cells[2]


def update(text, rows, order):
    """The text of the page with these rows in place of older ones. order: names of faults, as the table has them."""
    found = re.search(f"{BEGIN}\n(.*?){END}", text, re.S)
    if found is None:
        raise ValueError(f"the page has no {BEGIN} and {END}")
    kept = {key(line): line for line in found[1].splitlines()[2:]}
    kept.update({key(line): line for line in rows})
    place = {name: number for number, name in enumerate(order)}
    lines = sorted(kept.values(), key=lambda line: (place.get(key(line)[0], len(place)), key(line)))
    return text[:found.start(1)] + HEAD + "".join(f"{line}\n" for line in lines) + text[found.end(1):]
