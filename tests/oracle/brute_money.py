"""Credits, for brute.py: tiers, minimum, cap, rounding; and how a percent is shown."""

import math
from fractions import Fraction

from brute_terms import exact

MINOR_DIGITS = {"JPY": 0, "KRW": 0, "CLP": 0, "KWD": 3, "BHD": 3, "TND": 3}


def shown(uptime, digits):
    """The percent, floored."""
    if uptime is None:
        return None
    whole, rest = divmod(math.floor(uptime * 100 * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


def tier_of(credits, uptime):
    """The worst tier whose border the uptime is strictly below."""
    below = [tier for tier in credits.get("tiers", []) if uptime < exact(tier["below"]) / 100]
    return min(below, key=lambda tier: exact(tier["below"])) if below else None


def rounded(amount, rule):
    if rule == "half_even":
        return round(amount)
    return math.floor(amount + Fraction(1, 2))


def credit_of(terms, uptime):
    """The tier and the minor units that one level of the contract earns."""
    contract = terms.contract
    credits = contract.get("credits")
    if credits is None or uptime is None:
        return None, 0
    fee = exact(contract.get("fee", 0))
    tier = tier_of(credits, uptime)
    if "proportional" in credits:
        amount = fee * (1 - uptime) * exact(credits["proportional"]["multiplier"])
    elif tier is None:
        amount = Fraction(0)
    elif "percent" in tier:
        amount = fee * exact(tier["percent"]) / 100
    elif "days" in tier:
        amount = fee / terms.whole_days * exact(tier["days"])
    else:
        amount = exact(tier["amount"])
    if "minimum" in credits and not amount > exact(credits["minimum"]["more_than"]):
        amount = Fraction(0)
    if "cap" in credits:
        amount = min(amount, fee * exact(credits["cap"]["percent"]) / 100)
    return tier, rounded(amount * 10 ** MINOR_DIGITS.get(contract["currency"], 2), credits["rounding"])


def verdict(terms, uptime, latency):
    """What two levels say together: met, tier, minor units."""
    if uptime is None:
        return None, None, 0
    met = uptime >= exact(terms.availability["target"]) / 100
    tier, credit = credit_of(terms, uptime)
    if latency is not None:
        met = met and latency >= exact(terms.latency["target"]) / 100
        other = credit_of(terms, latency)
        if other[1] > credit:
            tier, credit = other
    return met, tier, credit
