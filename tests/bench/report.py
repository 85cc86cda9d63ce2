"""Results: said while they come, as JSON, and as Markdown for docs/performance.md."""
import json
import os
import platform
import re

import measure


class Report:
    def __init__(self, suite):
        self.suite = suite
        self.tables, self.figures = [], []

    def series(self, where, contenders):
        self.tables.append((where, contenders))
        for s in contenders:
            print(f"{where}: {s.name}: CPU s per million {measure.spread(s.cpu_per_million())}, "
                  f"M events/s {measure.spread([r / 1e6 for r in s.rate()], 2)}, {s.rss_mib():.0f} MiB", flush=True)

    def _figure(self, kind, name, value, at_most, at_least):
        met = (at_most is None or value <= at_most) and (at_least is None or value >= at_least)
        limit = f"at most {at_most:.4g}" if at_most is not None else f"at least {at_least:.4g}" if at_least is not None else ""
        self.figures.append({"kind": kind, "name": name, "value": round(value, 4), "limit": limit, "met": met})
        print(f"{name}: {value:.3g}" + (f", {limit}: {'met' if met else 'not met'}" if limit else ""), flush=True)

    def ratio(self, name, value, at_most=None, at_least=None):
        self._figure("ratio", name, value, at_most, at_least)

    def value(self, name, value, at_most=None, at_least=None):
        self._figure("value", name, value, at_most, at_least)

    def as_json(self):
        return {"suite": self.suite,
                "tables": [{"where": where, "series": [s.as_json() for s in contenders]} for where, contenders in self.tables],
                "figures": self.figures}

    def as_markdown(self):
        lines = []
        if self.tables:
            lines += ["| what | program | CPU s per million events | million events per second | peak MiB |", "|---|---|---:|---:|---:|"]
            for where, contenders in self.tables:
                for s in contenders:
                    rates = [r / 1e6 for r in s.rate()]
                    lines.append(f"| {where} | {s.name} | {measure.spread(s.cpu_per_million())} | {measure.spread(rates, 2)} | {s.rss_mib():.0f} |")
            lines.append("")
        lines += ["| figure | value | wanted | |", "|---|---:|---|---|"]
        for f in self.figures:
            lines.append(f"| {f['name']} | {f['value']:.3g} | {f['limit']} | {'' if not f['limit'] else 'met' if f['met'] else '**not met**'} |")
        return "\n".join(lines) + "\n"


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), "unknown processor")
    return f"{os.cpu_count()} CPUs ({model}), {platform.system()} {platform.release().split('-')[0]}"


def write_json(path, command, reports):
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"command": command, "machine": machine(), "suites": [r.as_json() for r in reports]}, file, indent=1)
        file.write("\n")


def rewrite_page(path, command, reports):
    """Puts the tables between the marks of each suite's section. The words around them are written by hand."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for r in reports:
        begin, end = f"<!-- figures: {r.suite} -->\n", "<!-- end -->\n"
        body = f"`{command}` on {machine()}; medians, ranges in brackets.\n\n{r.as_markdown()}"
        text, count = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda m, b=begin + body + end: b, text, count=1, flags=re.S)
        if count != 1:
            raise measure.Failed(f"{path} has no section with the mark {begin.strip()}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
