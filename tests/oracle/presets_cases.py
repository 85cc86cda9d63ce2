"""Worked examples of the contracts in schemas/contracts, one list a file; the derivation stands before each.

November 2026 has 30 days: 720 hours, 8,640 times 5 minutes, 43,200 minutes, 2,592,000 seconds. October has 744 hours. Minutes without a row
had no requests. Credits are in cents; of a fee of 1,000.00, 10 % are 10,000.
"""

from by_hand import minutes, planned, states, times

NONE = {"tier": None, "credit": 0}


def example(name, wanted, windows, month="2026-11", **more):
    return {"name": name, "month": month, "windows": windows, "wanted": wanted, **more}


def tiered(below, percent, cents):
    return {"met": False, "tier": (below, "percent", percent), "credit": cents}


# --- mean of the error ratios of 5 minutes ----------------------------------------------------------------

# Four intervals in which everything fails: the rows are their first minutes.
FOUR_DEAD = [row for hour in range(4) for row in minutes(f"2026-11-03 0{hour}:00", 1, 7, 7)]
# Seven intervals, in each of which the only request fails: 7 lost of 8,640, 99.9189 %.
LONELY = [row for hour in range(7) for row in minutes(f"2026-11-03 0{hour}:00", 1, 1, 1)]
API_GATEWAY = [
    # 0.05 % of 8,640 intervals are 4.32: four dead ones and 32 of 100. Exactly 99.95 %.
    example("4.32 intervals are exactly the target", {"uptime": (9995, 10000), "percent": "99.950", "met": True, **NONE},
            FOUR_DEAD + minutes("2026-11-04 00:00", 1, 100, 32)),
    # One error more: 4.33 of 8,640 are lost.
    example("4.33 intervals", {"uptime": (863567, 864000), "percent": "99.949", **tiered("99.95", "10", 10000)},
            FOUR_DEAD + minutes("2026-11-04 00:00", 1, 100, 33)),
    # Ten million good requests in one other interval do not help: 7 errors of 10,000,007 requests, and yet 8,633/8,640.
    example("a quiet interval weighs as much as a busy one", {"uptime": (8633, 8640), **tiered("99.95", "10", 10000)},
            LONELY + minutes("2026-11-05 00:00", 5, 2000000)),
    # Of a fee of 10.00 the credit is 1.00, which is not more than one dollar.
    example("a credit of one dollar is none", {"met": False, "tier": ("99.95", "percent", "10"), "credit": 0}, LONELY, fee="10.00"),
    # Of 10.01 it is 1.001: more than a dollar before it is rounded.
    example("a credit just above a dollar", tiered("99.95", "10", 100), LONELY, fee="10.01"),
]

# --- mean of the error ratios of hours --------------------------------------------------------------------

STORAGE = [
    # 0.1 % of 744 hours are 0.744 of one: 744 of 1,000.
    example("0.744 hours are exactly the target", {"uptime": (999, 1000), "percent": "99.900", "met": True, **NONE},
            minutes("2026-10-08 10:00", 1, 1000, 744), "2026-10"),
    # 743.255 of 744 hours are good.
    example("one more failure", {"uptime": (743255, 744000), "percent": "99.899", **tiered("99.9", "10", 10000)},
            minutes("2026-10-08 10:00", 1, 1000, 745), "2026-10"),
    # One failed transaction, the only one of its hour, costs the hour: 743/744 = 99.8655 %.
    example("one failure in a silent hour", {"uptime": (743, 744), **tiered("99.9", "10", 10000)}, minutes("2026-10-08 10:59", 1, 1, 1), "2026-10"),
    # The same failure among 60,000 others costs a 60,000th of an hour.
    example("one failure in a busy hour", {"uptime": (744 * 60000 - 1, 744 * 60000), "met": True, **NONE},
            minutes("2026-10-08 10:00", 59, 1000) + minutes("2026-10-08 10:59", 1, 1000, 1), "2026-10"),
    # Eight dead hours of 744: 98.92 %, below 99.
    example("eight hours", {"uptime": (736, 744), **tiered("99", "25", 25000)}, minutes("2026-10-08 00:00", 480, 10, 10), "2026-10"),
]

# --- a ratio of counts ------------------------------------------------------------------------------------

FUNCTIONS = [
    # 100 minutes of 2,000 executions with one failure each: 199,900 of 200,000.
    example("exactly the target", {"uptime": (9995, 10000), "percent": "99.950", "met": True, **NONE}, minutes("2026-11-03 10:00", 100, 2000, 1)),
    # 101 failures of 200,000.
    example("one more failure", {"uptime": (199899, 200000), "percent": "99.949", **tiered("99.95", "10", 10000)},
            minutes("2026-11-03 10:00", 99, 2000, 1) + minutes("2026-11-03 11:39", 1, 2000, 2)),
    # An hour in which all fails, one execution a minute, beside 199,940 good ones: 99.97 %.
    example("a dead hour with few executions", {"uptime": (199940, 200000), "met": True, **NONE},
            minutes("2026-11-03 10:00", 60, 1, 1) + minutes("2026-11-04 10:00", 20, 9997)),
    # 38 of 40 are exactly 95 %, which is in the tier above; 37 of 40 earn the whole fee.
    example("exactly 95 %", {"uptime": (38, 40), **tiered("99", "25", 25000)}, minutes("2026-11-03 10:00", 1, 40, 2)),
    example("below 95 %", {"uptime": (37, 40), **tiered("95", "100", 100000)}, minutes("2026-11-03 10:00", 1, 40, 3)),
]

# --- minutes in which everything fails, pooled ------------------------------------------------------------

def dead(first, count, service):
    return minutes(first, count, 5, 5, service=service)


# Both databases are named by a row, so that both are known to be there.
ALIVE = minutes("2026-11-30 23:59", 1, 5, 0, service="orders-db") + minutes("2026-11-30 23:59", 1, 5, 0, service="reports-db")
SQL = [
    # Two databases: 86,400 minutes, of which 0.005 % are 4.32. Alone, the one that lost four would be at 99.9907 %.
    example("four minutes of two databases", {"uptime": (86396, 86400), "percent": "99.995", "met": True, **NONE,
                                              "services": {"orders-db": {"uptime": (43196, 43200)}, "reports-db": {"uptime": (1, 1)}}},
            ALIVE + dead("2026-11-03 10:00", 4, "orders-db")),
    # Three and two minutes, at the same time: they add up.
    example("five minutes of two databases", {"uptime": (86395, 86400), "percent": "99.994", **tiered("99.995", "10", 10000)},
            ALIVE + dead("2026-11-03 10:00", 3, "orders-db") + dead("2026-11-03 10:00", 2, "reports-db")),
    # The second one was deployed on the 16th: 43,200 + 21,600 minutes, of which 3.24 may be lost.
    example("four minutes, one database deployed in the middle of the month", {"uptime": (64796, 64800), **tiered("99.995", "10", 10000)},
            ALIVE + dead("2026-11-03 10:00", 4, "orders-db"),
            states=states(("2026-11-01 00:00", "not_provisioned"), ("2026-11-16 00:00", None), service="reports-db")),
    # 864 of 86,400 minutes: exactly 99 % is in the tier above.
    example("exactly 99 %", {"uptime": (99, 100), "percent": "99.000", **tiered("99.995", "10", 10000)},
            ALIVE + dead("2026-11-03 10:00", 864, "orders-db")),
    # One attempt of five succeeds in each minute: none is lost.
    example("minutes with one success", {"uptime": (1, 1), "met": True, **NONE}, ALIVE + minutes("2026-11-03 10:00", 600, 5, 4, service="orders-db")),
]

# --- minutes in which everything fails --------------------------------------------------------------------

HOUR = minutes("2026-11-10 02:00", 60, 1, 1, service="endpoint")


def gone(count):
    return minutes("2026-11-03 10:00", count, 1, 1, service="endpoint")


def work(announced):
    return planned(announced, "2026-11-10 02:00", "2026-11-10 03:00", service="endpoint")


NEON = [
    # 0.05 % of 43,200 minutes are 21.6.
    example("21 minutes", {"uptime": (43179, 43200), "percent": "99.951", "met": True, **NONE}, gone(21)),
    example("22 minutes", {"uptime": (43178, 43200), "percent": "99.949", **tiered("99.95", "10", 10000)}, gone(22)),
    # 1,728 minutes are 4 %: exactly 96 % is in the tier above, a minute more earns 80 %.
    example("exactly 96 %", {"uptime": (96, 100), **tiered("98", "20", 20000)}, gone(1728)),
    example("below 96 %", {"uptime": (41471, 43200), **tiered("96", "80", 80000)}, gone(1729)),
    # Maintenance that was announced 24 hours ahead to the second is no downtime, and the month keeps its 43,200 minutes.
    example("an hour of announced maintenance and 21 minutes", {"uptime": (43179, 43200), "met": True, **NONE}, gone(21) + HOUR,
            announcements=work("2026-11-09 02:00")),
    # A second later it is downtime: 60 of 43,200.
    example("an hour of maintenance that was announced too late", {"uptime": (43140, 43200), **tiered("99.95", "10", 10000)}, HOUR,
            announcements=work("2026-11-09 02:00:01")),
]

# --- runs of bad minutes ----------------------------------------------------------------------------------

def failing(count, total=1000, errors=101):
    return minutes("2026-11-03 10:00", count, total, errors, service="search")


SEARCH = [
    # 0.1 % of 43,200 minutes are 43.2.
    example("a run of 43 minutes", {"uptime": (43157, 43200), "percent": "99.900", "met": True, **NONE}, failing(43)),
    example("a run of 44 minutes", {"uptime": (43156, 43200), "percent": "99.898", **tiered("99.9", "10", 10000)}, failing(44)),
    # An error rate of exactly 10 % is none of more than 10 %.
    example("44 minutes at the limit", {"uptime": (1, 1), "met": True, **NONE}, failing(44, errors=100)),
    # Runs of nine minutes, each ended by a good one, for ten hours: none counts.
    example("runs of nine minutes", {"uptime": (1, 1), "met": True, **NONE},
            [row for hour in range(10, 20) for six in range(6)
             for row in minutes(f"2026-11-03 {hour}:{six}0", 9, 1000, 900, service="search")
             + minutes(f"2026-11-03 {hour}:{six}9", 1, 1000, 0, service="search")]),
    # A run of 50 minutes with 40 requests each has 2,000 and counts: 50 of 43,200. With 39 each it has 1,950 and does not.
    example("2,000 requests", {"uptime": (43150, 43200), **tiered("99.9", "10", 10000)}, failing(50, 40, 40)),
    example("1,950 requests", {"uptime": (1, 1), "met": True, **NONE}, failing(50, 39, 39)),
    # 432 minutes are 1 %: exactly 99 % is in the tier above.
    example("exactly 99 %", {"uptime": (99, 100), **tiered("99.9", "10", 10000)}, failing(432)),
]

# --- runs without a success -------------------------------------------------------------------------------

def silence_with_errors(last_ok, next_minute, next_ok):
    """A success at 10:00:xx, errors in 10:00 or later but before next_minute, and the next success."""
    return (times("2026-11-03 10:00", 2, 1, last_ok, last_ok, "59", "59", service="pubsub")
            + times(f"2026-11-03 10:{next_minute}", 1, 0, next_ok, next_ok, service="pubsub"))


PUBSUB = [
    # 0.05 % of 2,592,000 s are 1,296 s: from 10:00:00 to 10:21:36.
    example("1,296 seconds are exactly the target", {"uptime": (9995, 10000), "percent": "99.950", "met": True, **NONE},
            silence_with_errors("00", "21", "36")),
    example("1,297 seconds", {"uptime": (2590703, 2592000), "percent": "99.949", **tiered("99.95", "10", 10000)},
            silence_with_errors("00", "21", "37")),
    # From 10:00:30 to 10:01:29 are 59 s; to 10:01:30 they are 60 and count.
    example("59 seconds", {"uptime": (1, 1), "met": True, **NONE}, silence_with_errors("30", "01", "29")),
    example("60 seconds", {"uptime": (2591940, 2592000), "met": True, **NONE}, silence_with_errors("30", "01", "30")),
    # An hour in which nobody published: no request failed.
    example("an hour of silence", {"uptime": (1, 1), "met": True, **NONE},
            [row for hour in (10, 11) for row in times(f"2026-11-03 {hour}:00", 1, 0, "00", "00", service="pubsub")]),
]

# --- in proportion ----------------------------------------------------------------------------------------

def hit(count, total, errors, first="2026-11-03 10:00"):
    return minutes(first, count, total, errors, service="website")


CLOUDFLARE = [
    example("no failure", {"uptime": (1, 1), "percent": "100.000", "met": True, **NONE}, hit(600, 100, 0)),
    # 72 minutes for everybody: 72/43,200 = 1/600 of the month, and 1/600 of 200.00 are 33.3 cents.
    example("72 minutes for everybody", {"uptime": (599, 600), "percent": "99.833", "met": False, "tier": None, "credit": 33}, hit(72, 10, 10)),
    # 100 minutes for 2.1 %: 2.1/43,200 of 20,000 cents are 0.97.
    example("100 minutes for 2.1 % of the requests", {"uptime": (431979, 432000), "percent": "99.995", "met": False, "tier": None, "credit": 1},
            hit(100, 1000, 21)),
    # A single failure misses a target of 100 %, is shown as less, and costs nothing.
    example("one failure", {"uptime": (43199999, 43200000), "percent": "99.999", "met": False, "tier": None, "credit": 0}, hit(1, 1000, 1)),
    # All of the month: the whole fee, which is also the cap.
    example("the whole month", {"uptime": (0, 1), "met": False, "credit": 20000}, hit(43200, 1, 1, "2026-11-01 00:00")),
]

# --- quarters ---------------------------------------------------------------------------------------------

def slips(first, count, errors=6):
    return minutes(first, count, 100, errors, service="git-operations")


GITHUB = [
    # October to December: 92 days, 132,480 minutes, of which 0.1 % are 132.48. They may lie in two months.
    example("132 minutes of a quarter", {"uptime": (132348, 132480), "percent": "99.900", "met": True, **NONE, "period": 132480 * 60},
            slips("2026-10-31 23:00", 132)),
    # 10 % of 3,000.00.
    example("133 minutes of a quarter", {"uptime": (132347, 132480), "percent": "99.899", **tiered("99.9", "10", 30000)},
            slips("2026-10-31 23:00", 133)),
    # An error rate of exactly 5 % is none of more than 5 %.
    example("minutes at the limit", {"uptime": (1, 1), "met": True, **NONE}, slips("2026-10-31 23:00", 600, 5)),
    # January to March 2026: 129,600 minutes, of which 1,296 are 1 %: exactly 99 %, and a minute more.
    example("exactly 99 % of a quarter", {"uptime": (99, 100), **tiered("99.9", "10", 30000)}, slips("2026-02-03 10:00", 1296), "2026-01"),
    example("below 99 % of a quarter", {"uptime": (128303, 129600), **tiered("99", "25", 75000)}, slips("2026-02-03 10:00", 1297), "2026-01"),
]


def named(service, cases):
    """The same examples with the rows of a service of another name."""
    return [{**case, "windows": [[service, *row[1:]] for row in case["windows"]]} for case in cases]


CASES = {
    "amazon-api-gateway-2022-05-05.yaml": named("api-gateway", API_GATEWAY),
    "azure-functions-consumption-2026-09-01.yaml": named("function-app", FUNCTIONS),
    "azure-sql-database-2026-09-01.yaml": SQL,
    "azure-storage-hot-2026-09-01.yaml": named("storage", STORAGE),
    "cloudflare-business-2026-06-23.yaml": CLOUDFLARE,
    "github-enterprise-cloud-2020-11-28.yaml": GITHUB,
    "google-pubsub-2020-10-09.yaml": PUBSUB,
    "google-search-for-commerce-2026-11-26.yaml": SEARCH,
    "neon-2026-02-20.yaml": NEON,
}
