"""A month of three services as a case for sla_case: the page tests render it with harmless and with hostile names."""

from datetime import datetime, timezone

MONTH_FROM = int(datetime(2026, 9, 30, 22, tzinfo=timezone.utc).timestamp())  # 1 October in Berlin
MONTH_TO = int(datetime(2026, 10, 31, 23, tzinfo=timezone.utc).timestamp())
DAY = 86400

TERMS = """zone Europe/Berlin
from {from_s}
to {to_s}
method {method}
target 99.5
pool {pool}
weights 0.25 0.5 1
unknown no_traffic up
unknown probe_down exclude
unknown pipeline_gap down
unknown not_provisioned exclude
excluded remove
notice 432000
quota_windows 2
currency EUR
fee 12400.00
tier 99.5 10
tier 99 25
tier 95 50
minimum 1.00
cap 50
rounding half_even
"""

# day, second of the day, length, grade
TROUBLE = (
    [(2, 30000, 600, "major"), (6, 50000, 5400, "partial"), (11, 3600, 10800, "major"),
     (17, 40000, 14400, "degraded"), (24, 7000, 3600, "partial"), (28, 60000, 900, "pipeline_gap")],
    [(0, 0, 200000, "not_provisioned"), (9, 20000, 1200, "no_traffic"), (11, 3600, 7200, "major"),
     (20, 1000, 40000, "degraded"), (30, 80000, 10000, "major")],
    [(5, 0, 30000, "probe_down"), (26, 70000, 300, "partial")],
)

HARMLESS = {"customer": "ACME Solar GmbH", "services": ["device-api", "portal", "billing"],
            "reasons": ["database upgrade", "network works", "emergency patch"]}


def states(rows):
    lines = []
    at = MONTH_FROM
    for day, second, length, grade in rows:
        start = MONTH_FROM + day * DAY + second
        if start > at:
            lines.append(f"state {at} {start} operational")
        at = min(start + length, MONTH_TO)
        lines.append(f"state {start} {at} {grade}")
    if at < MONTH_TO:
        lines.append(f"state {at} {MONTH_TO} operational")
    return lines


def counts():
    return [f"count {MONTH_FROM + hour * 3600} {1000 + hour} {3 if hour % 50 == 0 else 0} {hour % 7}"
            for hour in range(745)]


def case(names, method="state_time", pool="all_required"):
    """The text of the case with these names."""
    lines = [TERMS.format(from_s=MONTH_FROM, to_s=MONTH_TO, method=method, pool=pool)]
    lines.append("customer " + names["customer"])
    for name, rows in zip(names["services"], TROUBLE):
        lines.append("service " + name)
        lines += states(rows) + counts()
    maintenance = MONTH_FROM + 11 * DAY + 3600
    for number, (start, length, before) in enumerate(
            [(maintenance, 7200, 6 * DAY), (MONTH_FROM + 15 * DAY, 3600, DAY),
             (MONTH_FROM + 24 * DAY + 7000, 3600, -600)]):
        lines.append(f"announce {start} {start + length} {start - before} 0 *")
        lines.append("reason " + names["reasons"][number])
    return "\n".join(lines) + "\n"
