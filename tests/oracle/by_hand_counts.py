"""Methods that go by counts of minutes, with answers that were derived by hand."""

from by_hand import ALL_EXCLUDED, at, case, contract, minutes, planned, states, times

# Most cases measure one hour, 10:00 to 11:00, in which every minute has 100 requests.
HOUR = (at("2026-10-05 10:00"), at("2026-10-05 11:00"))
REMOVE = {"maintenance": {"excluded": "remove"}}
FORGIVE = {"maintenance": {"excluded": "forgive"}}


def clock(text):
    return f"2026-10-05 {text}"


def hour(name, method, wanted, *special, claims=None, work=None, whole=True, when=HOUR, fields=None, rules=None, **availability):
    """Minutes of 100 good requests, but for special ones: (first, count, total, errors, slow); total 0 has no row."""
    rows = {row[1]: row for row in (minutes(clock("10:00"), 60, 100) if whole else [])}
    for first, count, *numbers in special:
        for row in minutes(clock(first), count, *numbers):
            rows[row[1]] = row
    rows = [row for row in rows.values() if row[2]]
    return case(name, contract(method, fields=fields, rules=rules, **availability), when, wanted, windows=rows,
                states=claims, announcements=work)


def claim(first, last, state):
    return states((clock(first), state), (clock(last), None))


def work(first, last):
    return planned("2026-10-04 00:00", clock(first), clock(last))


RATIO = [
    # 6,000 requests, 3 errors: 5,997/6,000 = 99.95 %, exactly the target.
    hour("requests: exactly the target", "request_ratio", {"uptime": (9995, 10000), "percent": "99.950", "met": True, "seconds": {"up": 3600}},
         ("10:10", 3, 100, 1), target="99.95"),
    hour("requests: one more error", "request_ratio", {"uptime": (5996, 6000), "percent": "99.933", "met": False}, ("10:10", 4, 100, 1), target="99.95"),
    # 10 errors and 40 slow at weight 0.5: 30 lost.
    hour("requests: slow ones weigh", "request_ratio", {"uptime": (5970, 6000)}, ("10:10", 1, 100, 10, 40), degraded_weight="0.5"),
    hour("requests: slow ones are good without a weight", "request_ratio", {"uptime": (5990, 6000)}, ("10:10", 1, 100, 10, 40)),
    # 59 minutes with requests; the silent one is no_traffic and has no part in the fraction, whatever its rule.
    hour("requests: a silent minute", "request_ratio", {"uptime": (1, 1), "seconds": {"up": 3540, "no_traffic": 60}}, ("10:10", 1, 0), rules={"no_traffic": "down"}),
    # The minute 10:10 is void; its 100 requests, 50 of them errors, are dropped, good, or all errors.
    hour("requests: void counts, exclude", "request_ratio", {"uptime": (1, 1), "seconds": {"up": 3540, "probe_down": 60}}, ("10:10", 1, 100, 50), claims=claim("10:10", "10:11", "probe_down")),
    hour("requests: void counts, up", "request_ratio", {"uptime": (1, 1), "seconds": {"up": 3540, "no_traffic": 60}}, ("10:10", 1, 100, 50), claims=claim("10:10", "10:11", "no_traffic")),
    hour("requests: void counts, down", "request_ratio", {"uptime": (59, 60), "seconds": {"up": 3540, "pipeline_gap": 60}}, ("10:10", 1, 100, 50), claims=claim("10:10", "10:11", "pipeline_gap")),
    # One known second: the counts stand, the 59 s are unknown.
    hour("requests: a minute known in part keeps its counts", "request_ratio", {"uptime": (119, 120), "seconds": {"up": 3541, "pipeline_gap": 59}}, ("10:10", 1, 100, 50),
         claims=claim("10:10:01", "10:11", "pipeline_gap")),
    # The last second is known, the first is not: the counts stand all the same.
    hour("requests: a minute unknown at first", "request_ratio", {"uptime": (119, 120), "seconds": {"up": 3541, "pipeline_gap": 59}}, ("10:10", 1, 100, 50),
         claims=claim("10:10", "10:10:59", "pipeline_gap")),
    hour("requests: other states say nothing", "request_ratio", {"uptime": (1, 1), "seconds": {"up": 3600}}, claims=claim("10:10", "10:20", "major")),
    # Covered 10:10 to 10:12: the minute with 50 errors goes whole, the good one stays. 5,900 of 5,900.
    hour("requests: remove takes out what lost something", "request_ratio", {"uptime": (1, 1), "seconds": {"up": 3540, "maintenance": 60}}, ("10:10", 1, 100, 50), ("10:12", 1, 100, 0), work=work("10:10", "10:12"), fields=REMOVE),
    # Another 60 errors at 10:30: 5,840/5,900 and 5,940/6,000.
    hour("requests: remove and the denominator", "request_ratio", {"uptime": (5840, 5900)}, ("10:10", 1, 100, 50), ("10:30", 1, 100, 60), work=work("10:10", "10:12"), fields=REMOVE),
    hour("requests: forgive and the denominator", "request_ratio", {"uptime": (5940, 6000)}, ("10:10", 1, 100, 50), ("10:30", 1, 100, 60), work=work("10:10", "10:12"), fields=FORGIVE),
    # 10:10:01 to 10:12: the minute is not covered whole.
    hour("requests: a minute covered in part counts", "request_ratio", {"uptime": (5950, 6000), "seconds": {"up": 3600}}, ("10:10", 1, 100, 50), work=work("10:10:01", "10:12"), fields=REMOVE),
    hour("requests: a minute covered but for its end counts", "request_ratio", {"uptime": (5950, 6000), "seconds": {"up": 3600}}, ("10:10", 1, 100, 50), work=work("10:10", "10:10:59"), fields=REMOVE),
    hour("requests: nothing asked", "request_ratio", {"uptime": None, "met": None, "seconds": {"not_provisioned": 3600}}, whole=False),
    # A period that begins in a minute: the first second of 10:00 lies before it. 59 minutes, and 10:59 whole to 10:59:30 by time.
    hour("requests: a minute belongs where its first second is", "request_ratio", {"uptime": (5900, 5900), "seconds": {"up": 3540}}, ("10:00", 1, 100, 100),
         when=(at("2026-10-05 10:00:30"), at("2026-10-05 10:59:30"))),
]

FIVE = {"slice": "5m", "max_error_ratio": "0.1"}
SLICES = [
    # 12 slices of 500 requests. 50 errors are exactly 10 %: good. 51: bad.
    hour("slices: the limit itself is good", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3600}}, ("10:11", 1, 100, 50), **FIVE),
    hour("slices: beyond the limit", "time_slices", {"uptime": (11, 12), "percent": "91.666", "seconds": {"up": 3300, "major": 300}}, ("10:11", 1, 100, 51), **FIVE),
    hour("slices: slow", "time_slices", {"uptime": (11, 12)}, ("10:11", 1, 100, 0, 51), slice="5m", max_slow_ratio="0.1"),
    hour("slices: errors are not slow", "time_slices", {"uptime": (1, 1)}, ("10:11", 1, 100, 51, 49), slice="5m", max_slow_ratio="0.1"),
    # 62 min are 12 slices and one of 2 min, of which all is bad.
    hour("slices: a shorter last one counts as one", "time_slices", {"uptime": (12, 13), "seconds": {"up": 3600, "major": 120}}, ("11:00", 2, 100, 100), when=(HOUR[0], HOUR[1] + 120), **FIVE),
    # 10:10 to 10:15 silent: by rule good, excluded or bad. The seconds stay no_traffic.
    hour("slices: silent, up", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3300, "no_traffic": 300}}, ("10:10", 5, 0), **FIVE),
    hour("slices: silent, exclude", "time_slices", {"uptime": (10, 11), "seconds": {"up": 3000, "major": 300, "no_traffic": 300}}, ("10:10", 5, 0), ("10:30", 5, 100, 60), rules={"no_traffic": "exclude"}, **FIVE),
    hour("slices: silent, down", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "no_traffic": 300}}, ("10:10", 5, 0), rules={"no_traffic": "down"}, **FIVE),
    # One minute with requests judges the slice; the silent ones share its fate.
    hour("slices: silent minutes share the fate of their slice", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "major": 300}}, ("10:10", 5, 0), ("10:12", 1, 10, 2), **FIVE),
    # 4 min excluded and 1 min down: down.
    hour("slices: unknown states of which one is down", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "probe_down": 240, "pipeline_gap": 60}},
         claims=claim("10:10", "10:14", "probe_down") + claim("10:14", "10:15", "pipeline_gap"), **FIVE),
    hour("slices: unknown states that are all excluded", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3300, "probe_down": 240, "not_provisioned": 60}},
         claims=claim("10:10", "10:14", "probe_down") + claim("10:14", "10:15", "not_provisioned"), **FIVE),
    # 10:11 void: the slice is judged on the other 400 requests, 30 errors.
    hour("slices: void minutes are left out", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3540, "probe_down": 60}}, ("10:11", 1, 100, 100), ("10:12", 1, 100, 30), claims=claim("10:11", "10:12", "probe_down"), **FIVE),
    # 10:10 to 10:15 all covered and bad: 11 of 11, or 12 of 12.
    hour("slices: covered whole, remove", "time_slices", {"uptime": (10, 11), "seconds": {"up": 3000, "maintenance": 300, "major": 300}}, ("10:10", 5, 100, 50), ("10:30", 5, 100, 50), work=work("10:10", "10:15"), fields=REMOVE, **FIVE),
    hour("slices: covered whole, forgive", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3000, "maintenance": 300, "major": 300}}, ("10:10", 5, 100, 50), ("10:30", 5, 100, 50), work=work("10:10", "10:15"), fields=FORGIVE, **FIVE),
    hour("slices: good ones stay under maintenance", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "major": 300}}, ("10:30", 5, 100, 50), work=work("10:10", "10:15"), fields=REMOVE, **FIVE),
    # Nothing was lost in a silent slice that follows the rule up: it stays no_traffic.
    hour("slices: silent ones stay under maintenance", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3300, "no_traffic": 300}}, ("10:10", 5, 0), work=work("10:10", "10:15"), fields=REMOVE, **FIVE),
    hour("slices: silent, down, covered whole", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3300, "maintenance": 300}}, ("10:10", 5, 0), work=work("10:10", "10:15"), rules={"no_traffic": "down"}, fields=REMOVE, **FIVE),
    # Three minutes covered, with all errors; the other two have 200 requests and 20 errors: exactly 10 %, good.
    hour("slices: the minutes that remain, at the limit", "time_slices", {"uptime": (1, 1), "seconds": {"up": 3420, "maintenance": 180}}, ("10:10", 3, 100, 100), ("10:13", 2, 100, 10), work=work("10:09", "10:13"), fields=REMOVE, **FIVE),
    hour("slices: the minutes that remain, beyond the limit", "time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "maintenance": 180, "major": 120}}, ("10:10", 3, 100, 100), ("10:13", 1, 100, 21), work=work("10:09", "10:13"), fields=REMOVE, **FIVE),
    # Slices begin with the period, 10:02: errors of 10:06 and 10:07 fall into two slices.
    hour("slices: begin with the period", "time_slices", {"uptime": (9, 11)}, ("10:06", 2, 100, 100), when=(at("2026-10-05 10:02"), at("2026-10-05 10:57")), **FIVE),
    # 10:10 to 10:15 has 10 requests, 5 of them errors: (0.5 + 11) / 12 = 23/24; by requests it were 5,505/5,510.
    hour("ratio slices: the mean of ratios", "ratio_time_slices", {"uptime": (23, 24), "seconds": {"up": 3600}}, ("10:10", 5, 0), ("10:10", 1, 10, 5), slice="5m"),
    hour("ratio slices: silent, down", "ratio_time_slices", {"uptime": (11, 12), "seconds": {"up": 3300, "no_traffic": 300}}, ("10:10", 5, 0), rules={"no_traffic": "down"}, slice="5m"),
    hour("ratio slices: silent, exclude", "ratio_time_slices", {"uptime": (21, 22), "seconds": {"up": 3300, "no_traffic": 300}}, ("10:10", 5, 0), ("10:30", 5, 100, 50), rules={"no_traffic": "exclude"}, slice="5m"),
    # Covered whole with one error: taken out, 11 of 11; forgiven, 12 of 12. With 0.5 lost elsewhere: 10.5/11, 11.5/12.
    hour("ratio slices: remove", "ratio_time_slices", {"uptime": (21, 22), "seconds": {"up": 3300, "maintenance": 300}}, ("10:10", 1, 100, 1), ("10:30", 5, 100, 50), work=work("10:10", "10:15"), fields=REMOVE, slice="5m"),
    hour("ratio slices: forgive", "ratio_time_slices", {"uptime": (23, 24), "seconds": {"up": 3300, "maintenance": 300}}, ("10:10", 1, 100, 1), ("10:30", 5, 100, 50), work=work("10:10", "10:15"), fields=FORGIVE, slice="5m"),
    # 250 of 500 errors in one of 12 intervals: 1 - 0.5/12 = 23/24.
    hour("intervals: the mean of error ratios", "mean_interval_errors", {"uptime": (23, 24), "seconds": {"up": 3600}}, ("10:10", 5, 100, 50), interval="5m"),
    # 11 silent intervals have ratio 0, whatever the rule says.
    hour("intervals: silent ones have ratio 0", "mean_interval_errors", {"uptime": (23, 24), "seconds": {"up": 300, "no_traffic": 3300}}, ("10:10", 5, 100, 50), whole=False, rules={"no_traffic": "down"}, interval="5m"),
    hour("intervals: unknown states have their rules", "mean_interval_errors", {"uptime": (10, 11), "seconds": {"up": 3000, "probe_down": 300, "pipeline_gap": 300}},
         claims=claim("10:10", "10:15", "probe_down") + claim("10:15", "10:20", "pipeline_gap"), interval="5m"),
    hour("intervals: an hour", "mean_interval_errors", {"uptime": (5999, 6000)}, ("10:10", 1, 100, 1), interval="1h"),
]


def october(name, wanted, bad, when="2026-10", **availability):
    """October 2026 in UTC has 44,640 minutes; only bad ones have rows, the rest is silent and up."""
    rows = [row for first, count in bad for row in minutes(first, count, 100, 51)]
    return case(name, contract("bad_minute_runs", max_error_ratio="0.5", **availability), when, wanted, windows=rows)


RUNS = [
    # 44,640 * 0.001 = 44.64 minutes may be bad. 44,596/44,640 = 99.9014.. %, 44,595/44,640 = 99.8991.. %.
    october("44 bad minutes of 44,640", {"uptime": (44596, 44640), "percent": "99.901", "met": True, "seconds": {"no_traffic": 44596 * 60, "major": 44 * 60}}, [("2026-10-05 10:00", 44)]),
    october("45 bad minutes of 44,640", {"uptime": (44595, 44640), "percent": "99.899", "met": False, "seconds": {"no_traffic": 44595 * 60, "major": 45 * 60}}, [("2026-10-05 10:00", 45)]),
    # Runs of 9 and 10 minutes: only the second counts.
    october("runs shorter than min_run do not count", {"uptime": (44630, 44640), "seconds": {"up": 540, "no_traffic": 44640 * 60 - 1140, "major": 600}}, [("2026-10-05 10:00", 9), ("2026-10-05 11:00", 10)], min_run="10m"),
    october("a run over midnight", {"uptime": (44630, 44640)}, [("2026-10-05 23:53", 10)], min_run="10m"),
    # 6 minutes of September and 4 of October: the run is long enough, 4 are booked here and 6 there.
    october("a run over the start of the month", {"uptime": (44636, 44640)}, [("2026-09-30 23:54", 10)], min_run="10m"),
    october("a run over the end of the month", {"uptime": (43200 - 6, 43200)}, [("2026-09-30 23:54", 10)], when="2026-09", min_run="10m"),
    october("a run over the end of the year", {"uptime": (44639, 44640)}, [("2026-12-31 23:59", 10)], when="2026-12", min_run="10m"),
    # 50 of 100 is not more than 0.5.
    hour("runs: the ratio itself is not bad", "bad_minute_runs", {"uptime": (59, 60), "seconds": {"up": 3540, "major": 60}}, ("10:10", 1, 100, 50), ("10:20", 1, 100, 51), max_error_ratio="0.5"),
    hour("runs: all failed", "bad_minute_runs", {"uptime": (59, 60)}, ("10:10", 1, 100, 99), ("10:20", 1, 100, 100), all_failed=True),
    # 10 bad minutes; the middle one is silent, so there are runs of 4 and 5.
    hour("runs: a silent minute breaks a run", "bad_minute_runs", {"uptime": (1, 1), "seconds": {"up": 3540, "no_traffic": 60}}, ("10:10", 10, 100, 100), ("10:14", 1, 0), max_error_ratio="0.5", min_run="6m"),
    hour("runs: no_traffic down is lost anyway", "bad_minute_runs", {"uptime": (59, 60), "seconds": {"up": 3540, "no_traffic": 60}}, ("10:14", 1, 0), max_error_ratio="0.5", min_run="6m", rules={"no_traffic": "down"}),
    hour("runs: a void minute breaks a run", "bad_minute_runs", {"uptime": (1, 1), "seconds": {"up": 3540, "probe_down": 60}}, ("10:10", 10, 100, 100), claims=claim("10:14", "10:15", "probe_down"), max_error_ratio="0.5", min_run="6m"),
    # Half of 10:14 is known, so the run of 10 holds; 30 s are excluded.
    hour("runs: a minute known in part does not break a run", "bad_minute_runs", {"uptime": (3000, 3570), "seconds": {"up": 3000, "probe_down": 30, "major": 570}}, ("10:10", 10, 100, 100), claims=claim("10:14:30", "10:15", "probe_down"), max_error_ratio="0.5", min_run="10m"),
    # 9 requests are too few, 10 are enough.
    hour("runs: min_requests of a minute", "bad_minute_runs", {"uptime": (59, 60), "seconds": {"up": 3540, "major": 60}}, ("10:10", 1, 9, 9), ("10:20", 1, 10, 10), max_error_ratio="0.5", min_requests=10),
    # 2 * 5 = 10 requests in one run, 9 in another.
    hour("runs: min_requests of a run", "bad_minute_runs", {"uptime": (58, 60), "seconds": {"up": 3480, "major": 120}}, ("10:10", 1, 9, 9), ("10:20", 2, 5, 5), max_error_ratio="0.5", min_requests=10, min_requests_per="run"),
    # 59 * 100 + 9 = 5,909 requests in the period.
    hour("runs: min_requests of the period, reached", "bad_minute_runs", {"uptime": (59, 60)}, ("10:10", 1, 9, 9), max_error_ratio="0.5", min_requests=5909, min_requests_per="period"),
    hour("runs: min_requests of the period, not reached", "bad_minute_runs", {"uptime": (1, 1), "seconds": {"up": 3600}}, ("10:10", 1, 9, 9), max_error_ratio="0.5", min_requests=5910, min_requests_per="period"),
    # 10 bad minutes, 4 of them covered: the run is found first, 6 remain. 50/56, or 54/60.
    hour("runs: found before maintenance, remove", "bad_minute_runs", {"uptime": (50, 56), "seconds": {"up": 3000, "maintenance": 240, "major": 360}}, ("10:10", 10, 100, 100), work=work("10:10", "10:14"), max_error_ratio="0.5", min_run="10m", fields=REMOVE),
    hour("runs: found before maintenance, forgive", "bad_minute_runs", {"uptime": (54, 60), "seconds": {"up": 3000, "maintenance": 240, "major": 360}}, ("10:10", 10, 100, 100), work=work("10:10", "10:14"), max_error_ratio="0.5", min_run="10m", fields=FORGIVE),
    # From 10:10:30 on the first whole minute is 10:11: 3 covered.
    hour("runs: a minute covered in part is not excused", "bad_minute_runs", {"uptime": (50, 57)}, ("10:10", 10, 100, 100), work=work("10:10:30", "10:14"), max_error_ratio="0.5", min_run="10m", fields=REMOVE),
    hour("runs: time unknown and down under maintenance", "bad_minute_runs", {"uptime": (1, 1), "seconds": {"up": 3540, "maintenance": 60}}, ("10:10", 1, 0), work=work("10:10", "10:14"), max_error_ratio="0.5", rules={"no_traffic": "down"}, fields=REMOVE),
    # Silent 10:10 to 10:20, covered from 10:10:30 to 10:15:30: the four minutes from 10:11 on are whole. 240 s taken out, 360 s lost.
    hour("runs: silent minutes covered in part", "bad_minute_runs", {"uptime": (3000, 3360), "seconds": {"up": 3000, "no_traffic": 360, "maintenance": 240}}, ("10:10", 10, 0),
         work=work("10:10:30", "10:15:30"), max_error_ratio="0.5", rules={"no_traffic": "down"}, fields=REMOVE),
    # Service hours from 10:05: the run of 10 begins before them; 5 min are booked. 50 of 55.
    hour("runs: found before service hours", "bad_minute_runs", {"uptime": (50, 55), "seconds": {"up": 3000, "outside_hours": 300, "major": 300}}, ("10:00", 10, 100, 100), max_error_ratio="0.5", min_run="10m", fields={"service_hours": {"mon": "10:05-18:00"}}),
    # 30 s of the bad minute 10:10 lie in the period.
    hour("runs: time is booked by the second", "bad_minute_runs", {"uptime": (570, 600)}, ("10:10", 1, 100, 100), when=(at("2026-10-05 10:10:30"), at("2026-10-05 10:20:30")), max_error_ratio="0.5"),
]


def failing(name, wanted, rows, when=HOUR, claims=None, work=None, fields=None, **rules):
    return case(name, contract("total_failure_runs", min_run=rules.pop("min_run", "60s"), rules=rules or None, fields=fields), when, wanted, windows=rows, states=claims, announcements=work)


def ok(minute, first="00", last="59"):
    return times(clock(minute), 2, 0, first, last)


def fails(minute, first="10", last="50"):
    return times(clock(minute), 2, 2, "", "", first, last)


EDGE = ok("10:00", "00", "59") + ok("10:59", "00", "59")


def between(last, first):
    """Successes end at 10:10:LAST and begin again at 10:12:FIRST; errors between. The rest is silent, which is up."""
    return EDGE + ok("10:10", "00", last) + fails("10:11") + ok("10:12", first)


FAILURES = [
    # From 10:10:30 to 10:11:30 with an error at 10:11:10: exactly 60 s.
    failing("failures: exactly min_run counts", {"uptime": (3540, 3600), "seconds": {"up": 180, "no_traffic": 3360, "major": 60}},
            EDGE + ok("10:10", "00", "30") + times(clock("10:11"), 2, 1, "30", "59", "10", "10")),
    # 10:10:30.000000001 to 10:11:30 is a nanosecond short.
    failing("failures: a nanosecond short", {"uptime": (1, 1), "seconds": {"up": 240, "no_traffic": 3360}},
            EDGE + ok("10:10", "00", "30.000000001") + times(clock("10:11"), 2, 1, "30", "59", "10", "10")),
    # 10:10:30.25 to 10:12:10.75: 100.5 s. Columns book 30 to 130: 100 s, of which 30 s in 10:10, 60 s in 10:11, 10 s in 10:12.
    failing("failures: fractions count in the fraction", {"uptime": (34995, 36000), "seconds": {"up": 200, "no_traffic": 3300, "major": 100}}, between("30.25", "10.75")),
    # No error between: silence is no failure.
    failing("failures: silence alone is none", {"uptime": (1, 1)}, EDGE + ok("10:10", "00", "30") + ok("10:12", "10")),
    # The only error lies at the very instant of the success.
    failing("failures: an error at the instant of a success is not between", {"uptime": (1, 1)}, EDGE + times(clock("10:10"), 3, 1, "00", "30", "30", "30") + ok("10:12", "10")),
    failing("failures: an error at the instant of the next success is not between", {"uptime": (1, 1)}, EDGE + ok("10:10", "00", "30") + times(clock("10:12"), 3, 1, "10", "59", "10", "10")),
    failing("failures: an error after the last success of a minute", {"uptime": (3500, 3600)}, EDGE + times(clock("10:10"), 3, 1, "00", "30", "31", "31") + ok("10:12", "10")),
    failing("failures: an error before the first success of a minute", {"uptime": (3500, 3600)}, EDGE + ok("10:10", "00", "30") + times(clock("10:12"), 3, 1, "10", "59", "09", "09")),
    # No success before: from the start of the period to 10:12:10.
    failing("failures: none before", {"uptime": (3600 - 730, 3600)}, fails("10:11") + ok("10:12", "10")),
    failing("failures: none behind", {"uptime": (630, 3600), "seconds": {"up": 30, "no_traffic": 600, "major": 2970}}, ok("10:10", "00", "30") + fails("10:11")),
    failing("failures: none at all", {"uptime": (0, 1), "met": False, "seconds": {"major": 3600}}, fails("10:11")),
    # Data from 09:50; the first success at 10:00:10. 10:10 min are longer than 10 min, 10 s of them are here.
    failing("failures: the run starts where the data start", {"uptime": (3590, 3600)}, fails("09:50") + ok("10:00", "10"), min_run="10m"),
    failing("failures: the run ends where the data end", {"uptime": (3590, 3600)}, ok("10:59", "00", "50") + fails("11:09"), min_run="10m"),
    # 10:59:30 to 11:00:30: half of the run is of this hour.
    failing("failures: a run over the end of the period", {"uptime": (3570, 3600)}, ok("10:00") + ok("10:59", "00", "30") + times(clock("11:00"), 3, 1, "30", "59", "10", "10")),
    # 10:11 void: its errors are looked through, and there is no other. 10:11 keeps its column, excluded.
    failing("failures: void minutes are looked through", {"uptime": (1, 1), "seconds": {"up": 240, "no_traffic": 3300, "probe_down": 60}}, between("30", "10"), claims=claim("10:11", "10:12", "probe_down")),
    # The error of 10:12:05 makes the run; the void minute inside stays excluded: 40 s lost of 3,540 s.
    failing("failures: a void minute in a run stays unknown", {"uptime": (3500, 3540), "seconds": {"up": 200, "no_traffic": 3300, "probe_down": 60, "major": 40}},
            EDGE + ok("10:10", "00", "30") + fails("10:11") + times(clock("10:12"), 3, 1, "10", "59", "05", "05"), claims=claim("10:11", "10:12", "probe_down")),
    # 10:11 and 10:12 covered: 30 s remain. Of 100 s the 70 s in covered minutes are taken out.
    failing("failures: maintenance, remove", {"uptime": (3500, 3530), "seconds": {"up": 200, "no_traffic": 3300, "maintenance": 70, "major": 30}}, between("30", "10"), work=work("10:10:30", "10:13"), fields=REMOVE),
    failing("failures: maintenance, forgive", {"uptime": (3570, 3600)}, between("30", "10"), work=work("10:10:30", "10:13"), fields=FORGIVE),
    failing("failures: silence, down", {"uptime": (240, 3600), "seconds": {"up": 240, "no_traffic": 3360}}, EDGE + ok("10:10") + ok("10:12"), no_traffic="down"),
]

SHARES = [
    # 10 minutes with 25 % errors: 600 * 0.25 = 150 s lost of 3,600.
    hour("proportional: error ratio of the minute", "proportional", {"uptime": (3450, 3600), "seconds": {"up": 3000, "major": 600}}, ("10:10", 10, 100, 25)),
    hour("proportional: not above the limit", "proportional", {"uptime": (3570, 3600), "seconds": {"up": 3540, "major": 60}}, ("10:10", 10, 100, 25), ("10:30", 1, 100, 50), max_error_ratio="0.25"),
    # 20 s of the minute are unknown and excluded: 40 s at 50 %.
    hour("proportional: known seconds only", "proportional", {"uptime": (3560, 3580), "seconds": {"up": 3540, "probe_down": 20, "major": 40}}, ("10:10", 1, 100, 50), claims=claim("10:10:40", "10:11", "probe_down")),
    hour("proportional: remove", "proportional", {"uptime": (3510, 3540), "seconds": {"up": 3480, "maintenance": 60, "major": 60}}, ("10:10", 1, 100, 50), ("10:20", 1, 100, 50), work=work("10:10", "10:11"), fields=REMOVE),
    hour("proportional: forgive", "proportional", {"uptime": (3570, 3600)}, ("10:10", 1, 100, 50), ("10:20", 1, 100, 50), work=work("10:10", "10:11"), fields=FORGIVE),
]


def fleet(name, method, kind, wanted, a, b, claims=None, rules=None, fields=None, work=None, **availability):
    """Two services; a and b are their special minutes."""
    rows = []
    for service, special in (("a", a), ("b", b)):
        own = {row[1]: row for row in minutes(clock("10:00"), 60, 100, service=service)}
        for first, count, *numbers in special:
            own |= {row[1]: row for row in minutes(clock(first), count, *numbers, service=service)}
        rows += [row for row in own.values() if row[2]]
    return case(name, contract(method, services=("a", "b"), pool=kind, rules=rules, fields=fields, **availability), HOUR, wanted, windows=rows, states=claims, announcements=work)


POOLS = [
    # Bad 10:10 to 10:20 and 10:15 to 10:25: 15, 5 and 20 of 120 minutes.
    fleet("runs of two, all required", "bad_minute_runs", "all_required", {"uptime": (45, 60)}, [("10:10", 10, 100, 100)], [("10:15", 10, 100, 100)], max_error_ratio="0.5"),
    fleet("runs of two, any enough", "bad_minute_runs", "any_enough", {"uptime": (55, 60)}, [("10:10", 10, 100, 100)], [("10:15", 10, 100, 100)], max_error_ratio="0.5"),
    fleet("runs of two, sum", "bad_minute_runs", "sum", {"uptime": (100, 120), "seconds": {"up": 6000, "major": 1200}}, [("10:10", 10, 100, 100)], [("10:15", 10, 100, 100)], max_error_ratio="0.5"),
    # 4 minutes of a and 4 of b follow each other: no service has a run of 6.
    fleet("runs are found for each service first", "bad_minute_runs", "all_required", {"uptime": (1, 1)}, [("10:10", 4, 100, 100)], [("10:14", 4, 100, 100)], max_error_ratio="0.5", min_run="6m"),
    # Slice 3 bad in a, slices 3 and 4 in b: 10/12, 11/12, 21/24.
    fleet("slices of two, all required", "time_slices", "all_required", {"uptime": (10, 12)}, [("10:10", 5, 100, 100)], [("10:14", 2, 100, 100)], **FIVE),
    fleet("slices of two, any enough", "time_slices", "any_enough", {"uptime": (11, 12)}, [("10:10", 5, 100, 100)], [("10:14", 2, 100, 100)], **FIVE),
    fleet("slices of two, sum", "time_slices", "sum", {"uptime": (21, 24)}, [("10:10", 5, 100, 100)], [("10:14", 2, 100, 100)], **FIVE),
    # Shares 0.75 and 0.5 in one minute: the lower, the higher.
    fleet("proportional, all required", "proportional", "all_required", {"uptime": (3570, 3600)}, [("10:10", 1, 100, 25)], [("10:10", 1, 100, 50)]),
    fleet("proportional, any enough", "proportional", "any_enough", {"uptime": (3585, 3600)}, [("10:10", 1, 100, 25)], [("10:10", 1, 100, 50)]),
    # Requests pooled: 11,900 of 12,000; the worst: 5,900 of 6,000.
    fleet("requests of two, sum", "request_ratio", "sum", {"uptime": (11900, 12000)}, [("10:10", 1, 100, 100)], []),
    fleet("requests of two, the worst", "request_ratio", "per_service", {"uptime": (5900, 6000), "services": {"a": {"uptime": (1, 1)}, "b": {"uptime": (5900, 6000)}}}, [], [("10:10", 1, 100, 100)]),
    # A silent slice of a is excluded: judged on b alone, bad.
    fleet("slices: judged on those that are measured", "time_slices", "any_enough", {"uptime": (11, 12), "seconds": {"up": 3300, "major": 300}}, [("10:10", 5, 0)], [("10:10", 5, 100, 100)], rules=ALL_EXCLUDED, **FIVE),
]

FAST = {"latency": {"target": "99.0", "max_slow_ratio": "0.05", "slice": "5m"}}
LEVELS = [
    # One of 12 slices has 26 slow of 500, more than 5 %: 11/12 = 91.66.. % of slices are fast. No error.
    hour("latency: a second level", "request_ratio", {"uptime": (1, 1), "latency": (11, 12), "met": False}, ("10:10", 1, 100, 0, 26), fields=FAST),
    hour("latency: the limit itself is fast", "request_ratio", {"uptime": (1, 1), "latency": (1, 1), "met": True}, ("10:10", 1, 100, 0, 25), fields=FAST),
    # A silent slice follows no_traffic.
    hour("latency: silent, down", "request_ratio", {"uptime": (1, 1), "latency": (11, 12), "met": False}, ("10:10", 5, 0), fields=FAST, rules={"no_traffic": "down"}),
    hour("latency: silent, exclude", "request_ratio", {"uptime": (1, 1), "latency": (10, 11)}, ("10:10", 5, 0), ("10:20", 5, 100, 0, 100), fields=FAST, rules={"no_traffic": "exclude"}),
    # Availability 5,999/6,000 = 99.98 % is in the tier of 10, latency 91.66 % in that of 50: one credit, the highest. 50 % of 200.00.
    hour("latency: the level that credits most", "request_ratio", {"uptime": (5999, 6000), "latency": (11, 12), "tier": ("95", "percent", 50), "credit": 10000}, ("10:10", 1, 100, 1, 26),
         fields=FAST | {"currency": "EUR", "fee": "200.00", "credits": {"tiers": [{"below": "99.99", "percent": 10}, {"below": 95, "percent": 50}], "rounding": "half_even"}}),
    # Both are capped at 5 % of 200.00: a tie, which shows availability's tier.
    hour("latency: a tie goes to availability", "request_ratio", {"uptime": (5999, 6000), "latency": (11, 12), "tier": ("99.99", "percent", 10), "credit": 1000}, ("10:10", 1, 100, 1, 26),
         fields=FAST | {"currency": "EUR", "fee": "200.00", "credits": {"tiers": [{"below": "99.99", "percent": 10}, {"below": 95, "percent": 50}], "cap": {"percent": 5}, "rounding": "half_even"}}),
    hour("latency: availability credits most", "request_ratio", {"uptime": (5400, 6000), "latency": (11, 12), "tier": ("91", "percent", 50), "credit": 10000}, ("10:10", 1, 100, 0, 26), ("10:20", 6, 100, 100),
         fields=FAST | {"currency": "EUR", "fee": "200.00", "credits": {"tiers": [{"below": 95, "percent": 10}, {"below": 91, "percent": 50}], "rounding": "half_even"}}),
]

CASES = RATIO + SLICES + RUNS + FAILURES + SHARES + POOLS + LEVELS
