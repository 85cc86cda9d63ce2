"""Worked examples of the contracts in schemas/contracts, one list a file; the derivation stands before each.

November 2026 has 30 days: 720 hours, 8,640 times 5 minutes, 43,200 minutes, 2,592,000 seconds. October has 744 hours. Minutes without a row
had no requests. Credits are in cents; of a fee of 1,000.00, 10 % are 10,000.
"""

from by_hand import minutes, planned, states, times, trouble

NONE = {"tier": None, "credit": 0}


def example(name, wanted, windows=None, month="2026-11", **more):
    tables = {} if windows is None else {"windows": windows}
    return {"name": name, "month": month, "wanted": wanted, **tables, **more}


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


def unwatched(*services):
    """Four hours of which nothing is known: under rules that all say up, nothing is lost."""
    kinds = ("no_traffic", "probe_down", "pipeline_gap", "not_provisioned")
    rows = [trouble("2026-10-31 23:00", "2026-12-01 00:00", *[(f"2026-11-03 1{i}:00", f"2026-11-03 1{i}:30", kind) for i, kind in enumerate(kinds)],
                    service=service) for service in services]
    return example("time of which nothing is known", {"uptime": (1, 1), "met": True, **NONE}, states=sum(rows, []))


def alternating(count, total, errors):
    """`count` bad minutes with a good one after each."""
    return [row for i in range(0, 2 * count, 2)
            for row in minutes(f"2026-11-03 10:{i:02}", 1, total, errors) + minutes(f"2026-11-03 10:{i + 1:02}", 1, total)]


# --- minutes with enough requests -------------------------------------------------------------------------

CLOUD_RUN = [
    # 0.05 % of 43,200 minutes are 21.6.
    example("21 minutes", {"uptime": (43179, 43200), "percent": "99.951", "met": True, **NONE}, minutes("2026-11-03 10:00", 21, 1000, 11)),
    example("22 minutes", {"uptime": (43178, 43200), "percent": "99.949", **tiered("99.95", "10", 10000)}, minutes("2026-11-03 10:00", 22, 1000, 11)),
    # An error rate of exactly 1 % is none of more than 1 %.
    example("an hour at the limit", {"uptime": (1, 1), "met": True, **NONE}, minutes("2026-11-03 10:00", 60, 1000, 10)),
    # 100 requests are enough, 99 are not, however many of them in a row.
    example("100 requests a minute", {"uptime": (43178, 43200), **tiered("99.95", "10", 10000)}, minutes("2026-11-03 10:00", 22, 100, 2)),
    example("99 requests a minute", {"uptime": (1, 1), "met": True, **NONE}, minutes("2026-11-03 10:00", 300, 99, 99)),
    # 432 minutes are 1 %: exactly 99 % is in the tier above.
    example("exactly 99 %", {"uptime": (99, 100), **tiered("99.95", "10", 10000)}, minutes("2026-11-03 10:00", 432, 1000, 11)),
    example("below 99 %", {"uptime": (42767, 43200), **tiered("99", "25", 25000)}, minutes("2026-11-03 10:00", 433, 1000, 11)),
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, minutes("2026-11-03 10:00", 2160, 1000, 11)),
    example("below 95 %", {"uptime": (41039, 43200), **tiered("95", "50", 50000)}, minutes("2026-11-03 10:00", 2161, 1000, 11)),
    example("22 single minutes", {"uptime": (43178, 43200), **tiered("99.95", "10", 10000)}, alternating(22, 1000, 11)),
    unwatched("checkout"),
]

CLOUD_FUNCTIONS = [
    # 0.5 % of 43,200 minutes are 216.
    example("216 minutes are exactly the target", {"uptime": (995, 1000), "percent": "99.500", "met": True, **NONE},
            minutes("2026-11-03 10:00", 216, 1000, 101)),
    example("217 minutes", {"uptime": (42983, 43200), "percent": "99.497", **tiered("99.5", "10", 10000)}, minutes("2026-11-03 10:00", 217, 1000, 101)),
    example("300 minutes at the limit", {"uptime": (1, 1), "met": True, **NONE}, minutes("2026-11-03 10:00", 300, 1000, 100)),
    # Two minutes that follow each other have 100 executions together; 98 are too few, and so are the same 100 with a good minute between.
    example("100 executions in a run", {"uptime": (43198, 43200), "met": True, **NONE}, minutes("2026-11-03 10:00", 2, 50, 50)),
    example("98 executions in a run", {"uptime": (1, 1), "met": True, **NONE}, minutes("2026-11-03 10:00", 2, 49, 49)),
    example("100 executions in two runs", {"uptime": (1, 1), "met": True, **NONE},
            minutes("2026-11-03 10:00", 1, 50, 50) + minutes("2026-11-03 10:01", 1, 50) + minutes("2026-11-03 10:02", 1, 50, 50)),
    # 2,160 minutes are 5 %: exactly 95 % is in the tier above.
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, minutes("2026-11-03 10:00", 2160, 1000, 101)),
    example("below 95 %", {"uptime": (41039, 43200), **tiered("95", "50", 50000)}, minutes("2026-11-03 10:00", 2161, 1000, 101)),
    unwatched("function"),
]

# --- single minutes, four tiers ---------------------------------------------------------------------------

def broken(count, month="2026-11"):
    return minutes(f"{month}-03 10:00", count, 1000, 51)


ATLASSIAN = [
    # Allowed are 21.6 minutes; 0.1 % are 43.2.
    example("21 minutes", {"uptime": (43179, 43200), "percent": "99.951", "met": True, **NONE}, broken(21)),
    example("22 minutes", {"uptime": (43178, 43200), "percent": "99.949", **tiered("99.95", "5", 5000)}, broken(22)),
    example("43 minutes", {"uptime": (43157, 43200), "percent": "99.900", **tiered("99.95", "5", 5000)}, broken(43)),
    example("44 minutes", {"uptime": (43156, 43200), "percent": "99.898", **tiered("99.9", "10", 10000)}, broken(44)),
    # The page's own example: 60 of 43,200 minutes, 99.86 %, a credit of 10 %.
    example("the page's example", {"uptime": (43140, 43200), "percent": "99.861", **tiered("99.9", "10", 10000)}, broken(60)),
    example("an hour at the limit", {"uptime": (1, 1), "met": True, **NONE}, minutes("2026-11-03 10:00", 60, 1000, 50)),
    example("exactly 99 %", {"uptime": (99, 100), **tiered("99.9", "10", 10000)}, broken(432)),
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, broken(2160)),
    example("below 95 %", {"uptime": (41039, 43200), **tiered("95", "50", 50000)}, broken(2161)),
    example("22 single minutes", {"uptime": (43178, 43200), **tiered("99.95", "5", 5000)}, alternating(22, 1000, 51)),
    unwatched("jira"),
]

# --- days of service --------------------------------------------------------------------------------------

def in_days(days, cents, below="99.9"):
    return {"met": False, "tier": (below, "days", days), "credit": cents}


WORKSPACE = [
    # A day of November is 1,000.00 / 30 = 33.33..
    example("43 minutes", {"uptime": (43157, 43200), "met": True, **NONE}, broken(43)),
    example("44 minutes earn three days", {"uptime": (43156, 43200), "percent": "99.898", **in_days(3, 10000)}, broken(44)),
    # October: 44,640 minutes, of which 44.64 are allowed; three of its 31 days are 96.774..
    example("44 minutes of October", {"uptime": (44596, 44640), "percent": "99.901", "met": True, **NONE}, broken(44, "2026-10"), "2026-10"),
    example("45 minutes of October", {"uptime": (44595, 44640), "percent": "99.899", **in_days(3, 9677)}, broken(45, "2026-10"), "2026-10"),
    # 432 minutes are exactly 99 %. Seven days are 233.333.., fifteen half the fee.
    example("exactly 99 %", {"uptime": (99, 100), **in_days(3, 10000)}, broken(432)),
    example("below 99 %", {"uptime": (42767, 43200), **in_days(7, 23333, "99")}, broken(433)),
    example("exactly 95 %", {"uptime": (95, 100), **in_days(7, 23333, "99")}, broken(2160)),
    example("below 95 %", {"uptime": (41039, 43200), **in_days(15, 50000, "95")}, broken(2161)),
    example("22 single minutes", {"uptime": (43178, 43200), "met": True, **NONE}, alternating(22, 1000, 51)),
    unwatched("gmail"),
]

# --- mean of the error ratios of 5 minutes, of other providers ---------------------------------------------

def intervals(count, total, errors, first_day=3):
    """`count` intervals that follow each other, each with a row for its first minute; 288 make a day."""
    return [row for i in range(count)
            for row in minutes(f"2026-11-{first_day + i // 288:02} {i % 288 // 12:02}:{i % 12 * 5:02}", 1, total, errors)]


S3 = [
    # 0.1 % of 8,640 intervals are 8.64: eight dead ones and 64 of 100.
    example("8.64 intervals are exactly the target", {"uptime": (999, 1000), "percent": "99.900", "met": True, **NONE},
            intervals(8, 3, 3) + minutes("2026-11-05 00:00", 1, 100, 64)),
    example("8.65 intervals", {"uptime": (863135, 864000), "percent": "99.899", **tiered("99.9", "10", 10000)},
            intervals(8, 3, 3) + minutes("2026-11-05 00:00", 1, 100, 65)),
    # A hundred times as many good requests in the same minutes make it a hundredth.
    example("the same errors among others", {"uptime": (863992, 864000), "met": True, **NONE}, intervals(8, 300, 3)),
    # 86.4 intervals are 1 %.
    example("exactly 99 %", {"uptime": (99, 100), **tiered("99.9", "10", 10000)}, intervals(86, 3, 3) + minutes("2026-11-05 00:00", 1, 100, 40)),
    example("below 99 %", {"uptime": (855359, 864000), **tiered("99", "25", 25000)}, intervals(86, 3, 3) + minutes("2026-11-05 00:00", 1, 100, 41)),
    # 432 dead intervals are 5 %.
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, intervals(432, 3, 3)),
    example("below 95 %", {"uptime": (8207, 8640), **tiered("95", "100", 100000)}, intervals(433, 3, 3)),
    unwatched("s3-standard"),
    # Of a fee of 9.99 the credit is 0.999.
    example("less than a dollar", {"met": False, "tier": ("99.9", "percent", "10"), "credit": 0}, intervals(9, 3, 3), fee="9.99"),
]

STEDI = [
    # The page's own example: in 864 of 8,640 intervals 10 of 100 requests fail. 99 %, a credit of 10 %.
    example("the page's example", {"uptime": (99, 100), "percent": "99.000", **tiered("99.9", "10", 10000)}, intervals(864, 100, 10)),
    example("8.64 intervals are exactly the target", {"uptime": (999, 1000), "met": True, **NONE},
            intervals(8, 1, 1) + minutes("2026-11-05 00:00", 1, 100, 64)),
    # 432 dead intervals are 5 %, 864 are 10 %; one more each time.
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99.9", "10", 10000)}, intervals(432, 1, 1)),
    example("below 95 %", {"uptime": (8207, 8640), **tiered("95", "25", 25000)}, intervals(433, 1, 1)),
    example("exactly 90 %", {"uptime": (90, 100), **tiered("95", "25", 25000)}, intervals(864, 1, 1)),
    example("below 90 %", {"uptime": (7775, 8640), **tiered("90", "100", 100000)}, intervals(865, 1, 1)),
    # Of a fee of 10.00 the credit is 1.00, which is not more than one dollar.
    example("a credit of one dollar is none", {"met": False, "tier": ("99.9", "percent", "10"), "credit": 0}, intervals(9, 1, 1), fee="10.00"),
    unwatched("public-guides"),
]

# --- time in states ---------------------------------------------------------------------------------------

def november(*stretches, service, begins="2026-11-01 00:00"):
    """States from the month's beginning to its end: operational but for the stretches."""
    return trouble(begins, "2026-12-01 00:00", *stretches, service=service)


def unreached(first, last, state="major"):
    return november((f"2026-11-{first}", f"2026-11-{last}", state), service="instance")


EC2 = [
    # 0.5 % of 720 hours are 3 h 36 min.
    example("216 minutes are exactly the target", {"uptime": (995, 1000), "percent": "99.500", "met": True, **NONE},
            states=unreached("03 10:00", "03 13:36")),
    example("a second more", {"uptime": (2579039, 2592000), "percent": "99.499", **tiered("99.5", "10", 10000)},
            states=unreached("03 10:00", "03 13:36:01")),
    # A week of slow answers is none without connectivity.
    example("a degraded week", {"uptime": (1, 1), "met": True, **NONE}, states=unreached("03 10:00", "10 10:00", "degraded")),
    # 7 h 12 min are 1 %, 36 h are 5 %: each is in the tier above.
    example("exactly 99 %", {"uptime": (99, 100), **tiered("99.5", "10", 10000)}, states=unreached("03 10:00", "03 17:12")),
    example("below 99 %", {"uptime": (42767, 43200), **tiered("99", "30", 30000)}, states=unreached("03 10:00", "03 17:13")),
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "30", 30000)}, states=unreached("03 10:00", "04 22:00")),
    example("below 95 %", {"uptime": (41039, 43200), **tiered("95", "100", 100000)}, states=unreached("03 10:00", "04 22:01")),
    unwatched("instance"),
    # Of an instance of 3.00 a month, 30 % are 0.90: less than a dollar.
    example("a small instance", {"met": False, "tier": ("99", "percent", "30"), "credit": 0}, states=unreached("03 10:00", "03 17:13"), fee="3.00"),
]


def zones(first, second, state="major"):
    """States of two machines, each with one stretch in a state, that of no connectivity by default."""
    return [row for number, stretch in enumerate((first, second), 1)
            for row in november(*([(*stretch, state)] if stretch else []), service=f"vm-zone-{number}")]


def half_a_month(last):
    """Both machines run from the 16th on, and both are unreached from 10:00 of the 20th."""
    return [row for number in (1, 2)
            for row in states(("2026-11-01 00:00", "not_provisioned"), ("2026-11-16 00:00", "operational"), ("2026-11-20 10:00", "major"),
                              (last, "operational"), ("2026-12-01 00:00", None), service=f"vm-zone-{number}")]


def together(last):
    return zones(("2026-11-03 10:00", last), ("2026-11-03 10:00", last))


ZONES = [
    # 0.01 % of 2,592,000 s are 259.2 s.
    example("both for 259 seconds", {"uptime": (2591741, 2592000), "percent": "99.990", "met": True, **NONE}, states=together("2026-11-03 10:04:19")),
    example("both for 260 seconds", {"uptime": (2591740, 2592000), "percent": "99.989", **tiered("99.99", "10", 10000)},
            states=together("2026-11-03 10:04:20")),
    # While the other machine is reached, the region is.
    example("one for ten days", {"uptime": (1, 1), "met": True, "services": {"vm-zone-1": {"uptime": (2, 3)}}, **NONE},
            states=zones(("2026-11-03 10:00", "2026-11-13 10:00"), None)),
    # Half an hour of one and 35 minutes of the other have five minutes in common.
    example("an overlap", {"uptime": (43195, 43200), **tiered("99.99", "10", 10000)},
            states=zones(("2026-11-03 10:00", "2026-11-03 10:30"), ("2026-11-03 10:25", "2026-11-03 11:00"))),
    # 7 h 12 min are 1 %: exactly 99 % is in the tier above.
    example("exactly 99 %", {"uptime": (99, 100), "percent": "99.000", **tiered("99.99", "10", 10000)}, states=together("2026-11-03 17:12")),
    example("below 99 %", {"uptime": (2566079, 2592000), **tiered("99", "25", 25000)}, states=together("2026-11-03 17:12:01")),
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, states=together("2026-11-04 22:00")),
    example("below 95 %", {"uptime": (2462399, 2592000), **tiered("95", "100", 100000)}, states=together("2026-11-04 22:00:01")),
    example("both degraded", {"uptime": (1, 1), "met": True, **NONE}, states=zones(*[("2026-11-03 10:00", "2026-11-13 10:00")] * 2, "degraded")),
    unwatched("vm-zone-1", "vm-zone-2"),
    # Half of the month is deployed: 1,296,000 s, of which 129.6 s may be lost.
    example("two minutes of half a month", {"uptime": (1295880, 1296000), "met": True, **NONE}, states=half_a_month("2026-11-20 10:02")),
    example("three minutes of half a month", {"uptime": (1295820, 1296000), "percent": "99.986", **tiered("99.99", "10", 10000)},
            states=half_a_month("2026-11-20 10:03")),
]

# --- outages of five minutes and longer -------------------------------------------------------------------

def stored(*stretches):
    """November in Stockholm begins an hour before that in UTC, and ends an hour before the last row."""
    return november(*stretches, service="object-storage", begins="2026-10-31 23:00")


def hours_of_work(announced):
    """Two hours of work and an outage of exactly the allowed time."""
    return {"states": stored(("2026-11-10 02:00", "2026-11-10 04:00", "maintenance"), ("2026-11-03 10:00", "2026-11-03 10:21:36", "major")),
            "announcements": planned(announced, "2026-11-10 02:00", "2026-11-10 04:00", service="object-storage")}


SAFESPRING = [
    # 0.05 % of 2,592,000 s are 21 min 36 s.
    example("1,296 seconds are exactly the target", {"uptime": (9995, 10000), "percent": "99.950", "met": True, **NONE},
            states=stored(("2026-11-03 10:00", "2026-11-03 10:21:36", "major"))),
    example("1,297 seconds", {"uptime": (2590703, 2592000), "percent": "99.949", **tiered("99.95", "10", 10000)},
            states=stored(("2026-11-03 10:00", "2026-11-03 10:21:37", "major"))),
    # Twenty outages of 4 min 59 s each count for nothing; of five minutes each they are 100 minutes.
    example("twenty short outages", {"uptime": (1, 1), "met": True, **NONE},
            states=stored(*[(f"2026-11-{day:02} 10:00", f"2026-11-{day:02} 10:04:59", "major") for day in range(3, 23)])),
    example("twenty outages of five minutes", {"uptime": (43100, 43200), **tiered("99.95", "10", 10000)},
            states=stored(*[(f"2026-11-{day:02} 10:00", f"2026-11-{day:02} 10:05", "major") for day in range(3, 23)])),
    # Work that was announced a week ahead to the second is no downtime, and the month keeps its length.
    example("announced work", {"uptime": (9995, 10000), "met": True, **NONE}, **hours_of_work("2026-11-03 02:00")),
    # A second later it is: 7,200 and 1,296 seconds.
    example("work that was announced too late", {"uptime": (2583504, 2592000), "percent": "99.672", **tiered("99.95", "10", 10000)},
            **hours_of_work("2026-11-03 02:00:01")),
    example("a degraded day", {"uptime": (1, 1), "met": True, **NONE}, states=stored(("2026-11-03 10:00", "2026-11-04 10:00", "degraded"))),
    unwatched("object-storage"),
    # 36 h are 5 %: exactly 95 % is in the tier above; a second more earns half, which is also the cap.
    example("exactly 95 %", {"uptime": (95, 100), **tiered("99", "25", 25000)}, states=stored(("2026-11-03 10:00", "2026-11-04 22:00", "major"))),
    example("below 95 %", {"uptime": (2462399, 2592000), **tiered("95", "50", 50000)},
            states=stored(("2026-11-03 10:00", "2026-11-04 22:00:01", "major"))),
]


def named(service, cases):
    """The same examples with the rows of a service of another name."""
    return [{**case, "windows": [[service, *row[1:]] for row in case["windows"]]} if "windows" in case else case for case in cases]


CASES = {
    "amazon-api-gateway-2022-05-05.yaml": named("api-gateway", API_GATEWAY),
    "amazon-ec2-instance-2022-05-25.yaml": EC2,
    "amazon-s3-standard-2023-11-28.yaml": named("s3-standard", S3),
    "atlassian-cloud-enterprise-2026-04-30.yaml": named("jira", ATLASSIAN),
    "azure-functions-consumption-2026-09-01.yaml": named("function-app", FUNCTIONS),
    "azure-sql-database-2026-09-01.yaml": SQL,
    "azure-storage-hot-2026-09-01.yaml": named("storage", STORAGE),
    "azure-virtual-machines-zones-2026-09-01.yaml": ZONES,
    "cloudflare-business-2026-06-23.yaml": CLOUDFLARE,
    "github-enterprise-cloud-2020-11-28.yaml": GITHUB,
    "google-cloud-functions-2020-01-09.yaml": named("function", CLOUD_FUNCTIONS),
    "google-cloud-run-2025-03-25.yaml": named("checkout", CLOUD_RUN),
    "google-pubsub-2020-10-09.yaml": PUBSUB,
    "google-search-for-commerce-2026-11-26.yaml": SEARCH,
    "google-workspace-2026-06-19.yaml": named("gmail", WORKSPACE),
    "neon-2026-02-20.yaml": NEON,
    "safespring-object-storage-2026-05-26.yaml": SAFESPRING,
    "stedi-public-guides-2022-11-01.yaml": named("public-guides", STEDI),
}
