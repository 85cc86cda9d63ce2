"""Credits, with amounts that were derived by hand."""

from by_hand import case, contract, trouble

# September 2026 in UTC has 2,592,000 s. 259,200 s lost leave exactly 90 %.
WHOLE = ("2026-09-01 00:00", "2026-10-01 00:00")
NINETY = trouble(*WHOLE, ("2026-09-10 00:00", "2026-09-13 00:00", "major"))
ONE = [{"below": "99.9", "percent": 10}]


def money(name, currency, fee, credits, minor, rows=None, month="2026-09", tier=None, rounding="half_even", target="99.9", **fields):
    wanted = {"credit": minor} | ({"tier": tier} if tier else {})
    terms = {"currency": currency, "fee": fee, "credits": credits | {"rounding": rounding}} | fields
    return case(name, contract(target=target, fields=terms), month, wanted, states=rows or NINETY)


def percent(name, currency, fee, share, minor, rounding):
    return money(f"{name}, {rounding}", currency, fee, {"tiers": [{"below": "99.9", "percent": share}]}, minor, rounding=rounding)


def october(*stretches):
    return trouble("2026-10-01 00:00", "2026-11-01 00:00", *stretches)


ROUNDING = [
    # 10 % of 1,005 and of 1,015 yen: 100.5 and 101.5.
    percent("JPY 100.5", "JPY", "1005", 10, 100, "half_even"),
    percent("JPY 100.5", "JPY", "1005", 10, 101, "half_up"),
    percent("JPY 101.5", "JPY", "1015", 10, 102, "half_even"),
    percent("JPY 101.5", "JPY", "1015", 10, 102, "half_up"),
    # 1 % of 100.50 and of 101.50 euros: 1.005 and 1.015.
    percent("EUR 1.005", "EUR", "100.50", 1, 100, "half_even"),
    percent("EUR 1.005", "EUR", "100.50", 1, 101, "half_up"),
    percent("EUR 1.015", "EUR", "101.50", 1, 102, "half_even"),
    percent("EUR 1.015", "EUR", "101.50", 1, 102, "half_up"),
    # 1 % of 10.050 and of 10.150 dinars: 0.1005 and 0.1015.
    percent("KWD 0.1005", "KWD", "10.050", 1, 100, "half_even"),
    percent("KWD 0.1005", "KWD", "10.050", 1, 101, "half_up"),
    percent("KWD 0.1015", "KWD", "10.150", 1, 102, "half_even"),
    # Just beside the half: 1 % of 100.49 and of 100.51.
    percent("EUR 1.0049", "EUR", "100.49", 1, 100, "half_up"),
    percent("EUR 1.0051", "EUR", "100.51", 1, 101, "half_even"),
]

MINIMUM = {"minimum": {"more_than": "1.00"}}
RULES = [
    # Exactly 1.00 is not more than 1.00. 10 % of 10.00.
    money("a minimum of exactly 1.00", "EUR", "10.00", {"tiers": ONE} | MINIMUM, 0, tier=("99.9", "percent", 10)),
    # 10 % of 10.01 = 1.001: more, although it is paid as 1.00. Rounded first, it would be refused.
    money("the minimum looks at the exact amount", "EUR", "10.01", {"tiers": ONE} | MINIMUM, 100),
    # 50 % of 4.00 = 2.00 is more than 1.00; the cap of 20 % leaves 0.80.
    money("the minimum looks at the amount before the cap", "EUR", "4.00", {"tiers": [{"below": "99.9", "percent": 50}], "cap": {"percent": 20}} | MINIMUM, 80),
    # 25 % of 200.00 = 50.00, capped at 12.5 % = 25.00.
    money("the cap", "EUR", "200.00", {"tiers": [{"below": "99.9", "percent": 25}], "cap": {"percent": "12.5"}}, 2500),
    # 90 % is below 99.9 and 95, not below 90: 25 %, neither 10 + 25 nor 50.
    money("tiers replace each other", "EUR", "200.00", {"tiers": ONE + [{"below": 95, "percent": 25}, {"below": 90, "percent": 50}]}, 5000, tier=("95", "percent", 25)),
    # Two days of the 30 of September: 3,000.00 / 30 * 2.
    money("days of service", "EUR", "3000.00", {"tiers": [{"below": "99.9", "days": 2}]}, 20000, tier=("99.9", "days", 2)),
    # 3 days of 24 h of October's 31: 1,000.00 / 31 = 32.2580..
    money("days of a month of 31", "EUR", "1000.00", {"tiers": [{"below": "99.9", "days": 1}]}, 3226, october(("2026-10-10 00:00", "2026-10-13 00:00", "major")), "2026-10"),
    # Half of the month is measured; the days, and the fee, are those of the whole month.
    money("days of the whole month, measured in part", "EUR", "3000.00", {"tiers": [{"below": "99.9", "days": 2}]}, 20000, valid_from="2026-09-02"),
    # 10 % of the whole fee, although 29 of 30 days are measured: 26/29 is below 99.9 %.
    money("the fee is that of the whole period", "EUR", "3000.00", {"tiers": ONE}, 30000, valid_from="2026-09-02"),
    money("an amount", "EUR", "3000.00", {"tiers": [{"below": "99.9", "amount": "17.25"}]}, 1725, tier=("99.9", "amount", "17.25")),
    # 100.00 * 0.1 * 3 = 30.00.
    money("proportional", "EUR", "100.00", {"proportional": {"multiplier": 3}}, 3000),
    # One hour of 720: 100.00 / 720 * 10 = 1.3888.., although 99.86 % is above a target of 99 %.
    money("proportional follows the fraction, met or missed", "EUR", "100.00", {"proportional": {"multiplier": 10}}, 139,
          trouble(*WHOLE, ("2026-09-10 00:00", "2026-09-10 01:00", "major")), target=99),
    # 12 * 0.1 = 120 % of the fee, capped at 100 %.
    money("proportional, capped", "EUR", "100.00", {"proportional": {"multiplier": 12}, "cap": {"percent": 100}}, 10000),
    money("no credit for what was met", "EUR", "100.00", {"tiers": ONE}, 0, trouble(*WHOLE)),
]


def worst(name, pool, minor, each):
    rows = trouble(*WHOLE, ("2026-09-10 00:00", "2026-09-13 00:00", "major"), service="a") + trouble(*WHOLE, service="b")
    terms = {"currency": "EUR", "fee": "100.00", "credits": {"tiers": ONE + [{"below": 95, "percent": 25}], "rounding": "half_up"}}
    return case(name, contract(services=("a", "b"), pool=pool, fields=terms), "2026-09", {"credit": minor, "services": each}, states=rows)


POOLS = [
    # a has 90 %, b 100 %.
    worst("one credit, from the worst service", "per_service", 2500, {"a": {"credit": 2500}, "b": {"credit": 0, "tier": None}}),
    # 90 % when both are needed; 95 % exactly when they are added: the better tier.
    worst("credit of all required", "all_required", 2500, {}),
    worst("credit of a sum, exactly on a border", "sum", 1000, {}),
    worst("credit of any enough", "any_enough", 0, {}),
]

CASES = ROUNDING + RULES + POOLS
