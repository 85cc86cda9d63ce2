"""State time, calendars, periods, maintenance and pools, with answers that were derived by hand."""

from by_hand import ALL_EXCLUDED, at, case, contract, planned, states, trouble

HOUR, DAY = 3600, 86400
# September 2026 in UTC: 30 days are 2,592,000 s. Most cases lose something of it.
MONTH = 30 * DAY
WHOLE = ("2026-09-01 00:00", "2026-10-01 00:00")
REMOVE = {"maintenance": {"notice": "5d", "excluded": "remove"}}
FORGIVE = {"maintenance": {"notice": "5d", "excluded": "forgive"}}


def zone(name, month, first, last, hours):
    """A month of so many hours, of which the first half hour is lost. first and last are its borders in UTC."""
    half = f"{first[:14]}30" if first.endswith("00") else f"{first[:11]}{int(first[11:13]) + 1:02}:00"
    length = int(hours * HOUR)
    return case(f"{name} {month}: {hours} h", contract(fields={"time_zone": name}), month,
                {"uptime": (length - 1800, length), "period": length, "seconds": {"up": length - 1800, "major": 1800}},
                states=states((first, "major"), (half, "operational"), (last, None)))


CLOCKS = [
    # Clocks go forward on 2026-03-29 and back on 2026-10-25: 31 * 24 - 1 and 31 * 24 + 1 hours.
    zone("Europe/Berlin", "2026-03", "2026-02-28 23:00", "2026-03-31 22:00", 743),
    zone("Europe/Berlin", "2026-10", "2026-09-30 22:00", "2026-10-31 23:00", 745),
    # Forward on 2026-03-08 and back on 2026-11-01: 31 * 24 - 1 and 30 * 24 + 1.
    zone("America/New_York", "2026-03", "2026-03-01 05:00", "2026-04-01 04:00", 743),
    zone("America/New_York", "2026-11", "2026-11-01 04:00", "2026-12-01 05:00", 721),
    # Half an hour back on 2026-04-05 (+11:00 to +10:30), forward on 2026-10-04: 30 * 24 + 0.5 and 31 * 24 - 0.5.
    zone("Australia/Lord_Howe", "2026-04", "2026-03-31 13:00", "2026-04-30 13:30", 720.5),
    zone("Australia/Lord_Howe", "2026-10", "2026-09-30 13:30", "2026-10-31 13:00", 743.5),
    # 29 days and 28 days.
    zone("UTC", "2028-02", "2028-02-01 00:00", "2028-03-01 00:00", 696),
    zone("UTC", "2027-02", "2027-02-01 00:00", "2027-03-01 00:00", 672),
]


def lost(stretches, wanted, name, fields=None, announcements=None, rules=None, **availability):
    """September 2026, operational but for some stretches."""
    return case(name, contract(fields=fields, rules=rules, **availability), "2026-09", wanted,
                states=trouble(*WHOLE, *stretches), announcements=announcements)


def day(first, last, state="major"):
    return (f"2026-09-10 {first}", f"2026-09-10 {last}", state)


STATES = [
    # 2,592,000 * 0.0005 = 1,296 s may be lost: exactly 99.95 % is not below 99.95 %.
    lost([day("10:00", "10:21:36")], {"uptime": (MONTH - 1296, MONTH), "percent": "99.950", "met": True, "tier": None, "credit": 0},
         "a value exactly on a tier border is in the better tier", target="99.95",
         fields={"currency": "EUR", "fee": "100.00", "credits": {"tiers": [{"below": "99.95", "percent": 10}], "rounding": "half_even"}}),
    # One second more: 2,590,703 / 2,592,000 = 99.949961.. %, shown as 99.949; 10 % of 100.00.
    lost([day("10:00", "10:21:37")], {"uptime": (MONTH - 1297, MONTH), "percent": "99.949", "met": False, "tier": ("99.95", "percent", 10), "credit": 1000},
         "one second beyond a border is in the worse tier", target="99.95",
         fields={"currency": "EUR", "fee": "100.00", "credits": {"tiers": [{"below": "99.95", "percent": 10}], "rounding": "half_even"}}),
    # 0.25 * 3600 + 0.5 * 3600 + 3600 = 6,300 s lost; 2,585,700 / 2,592,000 = 99.7569.. %.
    lost([day("01:00", "02:00", "degraded"), day("03:00", "04:00", "partial"), day("05:00", "06:00")],
         {"uptime": (MONTH - 6300, MONTH), "percent": "99.756", "met": False,
          "seconds": {"up": MONTH - 3 * HOUR, "degraded": HOUR, "partial": HOUR, "major": HOUR}}, "weights"),
    # 1 s of 2,592,000 lost is 99.99996 %; three digits floor to 99.999, none to 99.
    lost([day("10:00", "10:00:01")], {"uptime": (MONTH - 1, MONTH), "percent": "99.999", "met": True}, "never shown as 100"),
    lost([day("10:00", "10:00:01")], {"uptime": (MONTH - 1, MONTH), "percent": "99", "met": False}, "no digits", target=100,
         fields={"digits": 0}),
    # 2 min degraded and 3 min major adjoin: an outage of exactly 5 min counts, 30 + 180 s.
    lost([("2026-09-10 10:00", "2026-09-10 10:02", "degraded"), ("2026-09-10 10:02", "2026-09-10 10:05", "major")],
         {"uptime": (MONTH - 210, MONTH), "seconds": {"up": MONTH - 300, "degraded": 120, "major": 180}}, "an outage as long as min_outage counts", min_outage="5m"),
    lost([("2026-09-10 10:00", "2026-09-10 10:02", "degraded"), ("2026-09-10 10:02", "2026-09-10 10:04:59", "major")],
         {"uptime": (1, 1), "percent": "100.000", "met": True, "seconds": {"up": MONTH}}, "an outage shorter than min_outage was up", min_outage="5m"),
    # Degraded weighs nothing here and ends the outage: 3 min and 3 min are two outages, both too short.
    lost([day("10:00", "10:03"), ("2026-09-10 10:03", "2026-09-10 10:04", "degraded"), ("2026-09-10 10:04", "2026-09-10 10:07", "major")],
         {"uptime": (1, 1), "seconds": {"up": MONTH - 60, "degraded": 60}}, "time without weight ends an outage", min_outage="5m",
         weights={"degraded": 0, "partial": "0.5", "major": 1}),
    # 3 min in August, 3 min in September: measured whole, 180 s are of September.
    case("an outage over the border of a month is measured whole", contract(min_outage="5m"), "2026-09",
         {"uptime": (MONTH - 180, MONTH), "seconds": {"up": MONTH - 180, "major": 180}},
         states=trouble("2026-08-31 00:00", WHOLE[1], ("2026-08-31 23:57", "2026-09-01 00:03", "major"))),
    # Over midnight: 5 + 7 min.
    lost([("2026-09-10 23:55", "2026-09-11 00:07", "major")], {"uptime": (MONTH - 720, MONTH)}, "an outage over midnight", min_outage="10m"),
    # 2 min between operational time are absorbed, 2 min 1 s are not.
    lost([day("10:00", "10:02"), day("11:00", "11:02:01")], {"uptime": (MONTH - 121, MONTH), "seconds": {"up": MONTH - 121, "major": 121}},
         "absorb takes intervals as short as itself", absorb="2m"),
    # A short good interval inside an outage is absorbed as well: 10 min in all.
    lost([day("10:00", "10:04"), day("10:06", "10:10")], {"uptime": (MONTH - 600, MONTH), "seconds": {"up": MONTH - 600, "major": 600}},
         "absorb takes good intervals too", absorb="2m"),
    # Left to right: the outages of 1 min go first; the good minutes between then stand between good time.
    lost([day("10:00", "10:01"), day("10:02", "10:03"), day("10:04", "10:05")], {"uptime": (1, 1)}, "absorb from left to right", absorb="1m"),
    # Different states on both sides: degraded, 1 min major, operational.
    lost([day("10:00", "10:10", "degraded"), ("2026-09-10 10:10", "2026-09-10 10:11", "major")],
         {"uptime": (MONTH - 210, MONTH), "seconds": {"up": MONTH - 660, "degraded": 600, "major": 60}}, "absorb needs one state on both sides", absorb="2m"),
    # 23:59 to 00:01 around the border of the month: absorbed whole, so nothing of September is lost.
    case("absorb comes before cutting to the period", contract(absorb="2m"), "2026-09", {"uptime": (1, 1)},
         states=trouble("2026-08-31 00:00", WHOLE[1], ("2026-08-31 23:59", "2026-09-01 00:01", "major"))),
    # A minute of unknown time is not absorbed: rule down, 60 s.
    lost([day("10:00", "10:01", "pipeline_gap")], {"uptime": (MONTH - 60, MONTH), "seconds": {"up": MONTH - 60, "pipeline_gap": 60}},
         "absorb leaves unknown time", absorb="2m"),
    # Up, excluded, down, excluded: 1 h each. Measured: 30 days - 2 h; lost: 1 h.
    lost([day("01:00", "02:00", "no_traffic"), day("03:00", "04:00", "probe_down"), day("05:00", "06:00", "pipeline_gap"), day("07:00", "08:00", "not_provisioned")],
         {"uptime": (MONTH - 3 * HOUR, MONTH - 2 * HOUR),
          "seconds": {"up": MONTH - 4 * HOUR, "no_traffic": HOUR, "probe_down": HOUR, "pipeline_gap": HOUR, "not_provisioned": HOUR}}, "four kinds of unknown time"),
    # Rows from the 3rd to the 28th: 2 days not_provisioned (excluded), 3 days pipeline_gap (down). 25 of 28 days.
    case("time that no row covers", contract(), "2026-09",
         {"uptime": (25, 28), "percent": "89.285", "seconds": {"up": 25 * DAY, "not_provisioned": 2 * DAY, "pipeline_gap": 3 * DAY}},
         states=states(("2026-09-03 00:00", "operational"), ("2026-09-28 00:00", None))),
    case("nothing measured", contract(), "2026-09", {"uptime": None, "met": None, "tier": None, "seconds": {"not_provisioned": MONTH}},
         states=trouble(*WHOLE, service="another")),
    case("rows of other services are no rows", contract(rules={"not_provisioned": "down"}), "2026-09",
         {"uptime": (0, 1), "percent": "0.000", "met": False, "seconds": {"not_provisioned": MONTH}}, states=trouble(*WHOLE, service="another")),
]

WEEK = {"time_zone": "Europe/Berlin", "service_hours": {"mon-fri": "08:00-18:00"}}
BERLIN = ("2026-09-30 22:00", "2026-10-31 23:00")
OCTOBER = 745 * HOUR


def hours(name, fields, wanted, *stretches, month="2026-10", whole=BERLIN):
    return case(name, contract(fields={"time_zone": "Europe/Berlin"} | fields), month, wanted, states=trouble(*whole, *stretches))


CALENDAR = [
    # October 2026 begins on a Thursday: 4 Mondays to Wednesdays, 5 Thursdays and Fridays, 22 days of 10 h. On the 26th 17:00 to 19:00 (16:00 to
    # 18:00 UTC, after the change) is lost, one hour of it inside.
    hours("service hours", WEEK, {"uptime": (219, 220), "percent": "99.545", "seconds": {"up": 219 * HOUR, "major": HOUR, "outside_hours": OCTOBER - 220 * HOUR}},
          ("2026-10-26 16:00", "2026-10-26 18:00", "major")),
    hours("a holiday has no hours", {"service_hours": {"mon-fri": "08:00-18:00", "holidays": ["2026-10-26"]}},
          {"uptime": (1, 1), "seconds": {"up": 210 * HOUR, "outside_hours": OCTOBER - 210 * HOUR}}, ("2026-10-26 16:00", "2026-10-26 18:00", "major")),
    # Sundays 4, 11, 18 have 6 h between 00:00 and 06:00, the 25th has 7.
    hours("a Sunday with seven hours before six", {"service_hours": {"sun": "00:00-06:00"}}, {"uptime": (1, 1), "seconds": {"up": 25 * HOUR, "outside_hours": OCTOBER - 25 * HOUR}}),
    # Sundays 1, 8, 15, 22 have 6 h, the 29th 5.
    hours("a Sunday with five hours before six", {"service_hours": {"sun": "00:00-06:00"}}, {"uptime": (1, 1), "seconds": {"up": 29 * HOUR, "outside_hours": (743 - 29) * HOUR}},
          month="2026-03", whole=("2026-02-28 23:00", "2026-03-31 22:00")),
    # 02:00 to 03:00 happens twice on the 25th (00:00 to 02:00 UTC): 5 h on four Sundays; the second one, 01:00 to 02:00 UTC, is lost.
    hours("an hour that occurs twice", {"service_hours": {"sun": "02:00-03:00"}}, {"uptime": (4, 5), "seconds": {"up": 4 * HOUR, "major": HOUR, "outside_hours": OCTOBER - 5 * HOUR}},
          ("2026-10-25 01:00", "2026-10-25 02:00", "major")),
    # Lunch: two ranges; 24:00 ends a day. Saturdays 3, 10, 17, 24, 31: 4 + 2 h.
    hours("several ranges and 24:00", {"service_hours": {"sat": "08:00-12:00, 22:00-24:00"}}, {"uptime": (1, 1), "seconds": {"up": 30 * HOUR, "outside_hours": OCTOBER - 30 * HOUR}}),
    # Valid from the 16th: 16 days of 24 h and one hour more.
    hours("pro_rata measures the valid part", {"valid_from": "2026-10-16"}, {"uptime": (384, 385), "period": 385 * HOUR, "seconds": {"up": 384 * HOUR, "major": HOUR}},
          ("2026-10-20 10:00", "2026-10-20 11:00", "major"), ("2026-10-05 10:00", "2026-10-05 11:00", "major")),
    hours("deemed_up takes the rest as up", {"valid_from": "2026-10-16", "partial_period": "deemed_up"}, {"uptime": (744, 745), "period": OCTOBER, "seconds": {"up": 744 * HOUR, "major": HOUR}},
          ("2026-10-20 10:00", "2026-10-20 11:00", "major"), ("2026-10-05 10:00", "2026-10-05 11:00", "major")),
    # valid_until is half-open: the 16th is no longer measured. 15 days.
    hours("valid_until is half-open", {"valid_until": "2026-10-16"}, {"uptime": (359, 360), "period": 360 * HOUR, "seconds": {"up": 359 * HOUR, "major": HOUR}},
          ("2026-10-15 10:00", "2026-10-15 11:00", "major"), ("2026-10-15 22:00", "2026-10-15 23:00", "major")),
    # Outside service hours comes first: 12 working days from the 16th are measured, 10 before (1 to 15: 11 days, less none) are deemed up.
    # 1, 2, 5 to 9, 12 to 15: 11 days; 16, 19 to 23, 26 to 30: 11 days.
    hours("outside hours comes before deemed time", WEEK | {"valid_from": "2026-10-16", "partial_period": "deemed_up"},
          {"uptime": (219, 220), "period": OCTOBER, "seconds": {"up": 219 * HOUR, "major": HOUR, "outside_hours": OCTOBER - 220 * HOUR}},
          ("2026-10-20 10:00", "2026-10-20 11:00", "major")),
    # October, November, December: 745 + 720 + 744 h.
    hours("a quarter", {"period": "quarter"}, {"uptime": (2208, 2209), "period": 2209 * HOUR}, ("2026-10-20 10:00", "2026-10-20 11:00", "major"),
          month="2026-11", whole=("2026-09-30 22:00", "2026-12-31 23:00")),
    hours("a year", {"period": "year"}, {"uptime": (8759, 8760), "period": 8760 * HOUR}, ("2026-10-20 10:00", "2026-10-20 11:00", "major"),
          month="2026-11", whole=("2025-12-31 23:00", "2026-12-31 23:00")),
    # The 30 local days before 1 November: 2 to 31 October, one of them with 25 h.
    hours("rolling days end with the month", {"period": {"rolling": "30d"}}, {"uptime": (720, 721), "period": 721 * HOUR}, ("2026-10-20 10:00", "2026-10-20 11:00", "major"),
          ("2026-10-01 10:00", "2026-10-01 11:00", "major")),
    # The terms change on the 1st: September is measured by the first, October by the second, at half the weight: 743.5 of 744 h.
    *(case(f"versions of the terms, {month}", [contract(fields={"valid_until": "2026-10-01"}), contract(weights={"degraded": 0, "partial": 0, "major": "0.5"}, fields={"valid_from": "2026-10-01"})],
           month, {"uptime": uptime}, states=trouble("2026-09-01 00:00", "2026-11-01 00:00", (f"{month}-10 10:00", f"{month}-10 11:00", "major")))
      for month, uptime in (("2026-09", (719, 720)), ("2026-10", (1487, 1488)))),
    case("any interval", contract(), (at("2026-09-10 10:00:30"), at("2026-09-10 11:00:30")),
         {"uptime": (59, 60), "period": HOUR, "seconds": {"up": HOUR - 60, "major": 60}}, states=trouble(*WHOLE, day("10:00", "10:01:30"))),
]


def maintained(name, fields, announcements, wanted, *stretches, **rest):
    return lost(stretches, wanted, name, fields, announcements, **rest)


OUTAGE = day("10:00", "11:00")
IN_TIME = "2026-09-05 09:00"     # five days before 09:00 on the 10th
ALL_LOST = {"uptime": (MONTH - HOUR, MONTH), "seconds": {"up": MONTH - HOUR, "major": HOUR}}
TAKEN_OUT = {"uptime": (1, 1), "met": True, "seconds": {"up": MONTH - HOUR, "maintenance": HOUR}}
WINDOW = planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 12:00")

MAINTENANCE = [
    # Window 09:00 to 12:00, outage 10:00 to 11:00: only the outage is taken out, up time stays up.
    maintained("remove takes out what was lost", REMOVE, WINDOW, TAKEN_OUT, OUTAGE),
    maintained("forgive counts it as good", FORGIVE, WINDOW, TAKEN_OUT, OUTAGE),
    # What remains shows the difference: another hour lost. 718/719 h, or 719/720 h.
    maintained("remove shrinks the denominator", REMOVE, WINDOW, {"uptime": (718, 719), "seconds": {"up": 718 * HOUR, "maintenance": HOUR, "major": HOUR}}, OUTAGE, day("20:00", "21:00")),
    maintained("forgive keeps the denominator", FORGIVE, WINDOW, {"uptime": (719, 720), "seconds": {"up": 718 * HOUR, "maintenance": HOUR, "major": HOUR}}, OUTAGE, day("20:00", "21:00")),
    maintained("none excludes nothing", {"maintenance": {"excluded": "none"}}, WINDOW, ALL_LOST, OUTAGE),
    maintained("without terms nothing is excluded", {}, WINDOW, ALL_LOST, OUTAGE),
    maintained("one second short of the notice", REMOVE, planned("2026-09-05 09:00:01", "2026-09-10 09:00", "2026-09-10 12:00"), ALL_LOST, OUTAGE),
    maintained("announced after the fact", {"maintenance": {"excluded": "remove"}}, planned("2026-09-10 13:00", "2026-09-10 09:00", "2026-09-10 12:00"), ALL_LOST, OUTAGE),
    maintained("announced at its start, without notice", {"maintenance": {"excluded": "remove"}}, planned("2026-09-10 09:00", "2026-09-10 09:00", "2026-09-10 12:00"), TAKEN_OUT, OUTAGE),
    # Began at 08:30, overran until 12:30: half an hour at each end counts.
    maintained("before the window and overrun count", REMOVE, WINDOW, {"uptime": (MONTH - 4 * HOUR, MONTH - 3 * HOUR), "seconds": {"up": MONTH - 4 * HOUR, "maintenance": 3 * HOUR, "major": HOUR}}, day("08:30", "12:30")),
    maintained("cancelled", REMOVE, WINDOW + planned("2026-09-09 00:00", "2026-09-10 09:00", "2026-09-10 12:00", status="cancelled"), ALL_LOST, OUTAGE),
    maintained("a cancellation of other times withdraws nothing", REMOVE, WINDOW + planned("2026-09-09 00:00", "2026-09-10 09:00", "2026-09-10 12:01", status="cancelled"), TAKEN_OUT, OUTAGE),
    maintained("a cancellation for all withdraws nothing of one", REMOVE, WINDOW + planned("2026-09-09 00:00", "2026-09-10 09:00", "2026-09-10 12:00", "*", "cancelled"), TAKEN_OUT, OUTAGE),
    maintained("announced again after it was cancelled", REMOVE,
               planned("2026-09-02 00:00", "2026-09-10 09:00", "2026-09-10 12:00") + planned("2026-09-03 00:00", "2026-09-10 09:00", "2026-09-10 12:00", status="cancelled")
               + planned("2026-09-04 00:00", "2026-09-10 09:00", "2026-09-10 12:00"), TAKEN_OUT, OUTAGE),
    # Moved an hour on, two days before: the new window was announced too late, the old one is withdrawn.
    maintained("a moved window needs its own notice", REMOVE,
               WINDOW + planned("2026-09-08 00:00", "2026-09-10 09:00", "2026-09-10 12:00", status="cancelled") + planned("2026-09-08 00:00", "2026-09-10 10:00", "2026-09-10 13:00"), ALL_LOST, OUTAGE),
    maintained("for all services", REMOVE, planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 12:00", "*"), TAKEN_OUT, OUTAGE),
    maintained("of another service", REMOVE, planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 12:00", "t"), ALL_LOST, OUTAGE),
    # 09:00 to 10:30 and 10:15 to 12:00 are one window: a quota of one suffices.
    maintained("overlapping windows are one", {"maintenance": {"excluded": "remove", "quota": {"windows": 1}}},
               planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 10:30") + planned(IN_TIME, "2026-09-10 10:15", "2026-09-10 12:00"), TAKEN_OUT, OUTAGE),
    maintained("windows that touch are one", {"maintenance": {"excluded": "remove", "quota": {"windows": 1}}},
               planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 10:30") + planned(IN_TIME, "2026-09-10 10:30", "2026-09-10 12:00"), TAKEN_OUT, OUTAGE),
    # The window of the 9th, unused, is the one of the quota.
    maintained("a quota of windows goes by start", {"maintenance": {"excluded": "remove", "quota": {"windows": 1}}},
               planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 12:00") + planned(IN_TIME, "2026-09-09 09:00", "2026-09-09 12:00"), ALL_LOST, OUTAGE),
    # 90 of the 180 announced min: from 09:00 to 10:30, half of the outage.
    maintained("the window that crosses a quota of minutes is cut", {"maintenance": {"excluded": "remove", "quota": {"minutes": 90}}}, WINDOW,
               {"uptime": (MONTH - HOUR, MONTH - 1800), "seconds": {"up": MONTH - HOUR, "maintenance": 1800, "major": 1800}}, OUTAGE),
    # 60 of the 90 min are used up by the window of the 9th, in which nothing was lost; 30 remain for 10:00 to 10:30.
    maintained("a quota of minutes goes by start", {"maintenance": {"excluded": "remove", "quota": {"minutes": 90}}},
               planned(IN_TIME, "2026-09-10 10:00", "2026-09-10 12:00") + planned(IN_TIME, "2026-09-09 09:00", "2026-09-09 10:00"),
               {"uptime": (MONTH - HOUR, MONTH - 1800), "seconds": {"up": MONTH - HOUR, "maintenance": 1800, "major": 1800}}, OUTAGE),
    # 23:00 to 01:00 over the start of the month, quota 60 min: only the hour in September counts, so it is covered.
    case("a quota counts the part in the period", contract(fields={"maintenance": {"excluded": "remove", "quota": {"minutes": 60}}}), "2026-09", TAKEN_OUT,
         states=trouble("2026-08-31 00:00", WHOLE[1], ("2026-08-31 23:30", "2026-09-01 01:00", "major")), announcements=planned("2026-08-30 00:00", "2026-08-31 23:00", "2026-09-01 01:00")),
    maintained("unknown time ruled down", REMOVE, WINDOW, TAKEN_OUT, day("10:00", "11:00", "pipeline_gap")),
    maintained("unknown time ruled up stays", REMOVE, WINDOW, {"uptime": (1, 1), "seconds": {"up": MONTH - HOUR, "no_traffic": HOUR}}, day("10:00", "11:00", "no_traffic")),
    maintained("maintenance as a state, announced", REMOVE, WINDOW, TAKEN_OUT, day("10:00", "11:00", "maintenance")),
    maintained("maintenance as a state, not announced", REMOVE, [], ALL_LOST, day("10:00", "11:00", "maintenance")),
    maintained("absorb leaves claims of maintenance", {}, [], {"uptime": (MONTH - 60, MONTH), "seconds": {"up": MONTH - 60, "major": 60}}, day("10:00", "10:01", "maintenance"), absorb="2m"),
    # 12 min of outage, of which 6 are excused: the outage is found before maintenance is taken out, so it is long enough.
    maintained("outages are found before maintenance", {"maintenance": {"excluded": "remove"}}, planned(IN_TIME, "2026-09-10 10:06", "2026-09-10 12:00"),
               {"uptime": (MONTH - 720, MONTH - 360), "seconds": {"up": MONTH - 720, "major": 360, "maintenance": 360}}, day("10:00", "10:12"), min_outage="10m"),
]

# a is lost 10:00 to 12:00, b 11:00 to 13:00: union 3 h, intersection 1 h, sum 4 h of 60 days.
TWO = trouble(*WHOLE, day("10:00", "12:00"), service="a") + trouble(*WHOLE, day("11:00", "13:00"), service="b")
EACH = {"uptime": (718, 720)}


def pool(name, kind, wanted, rows=None, fields=None, announcements=None, **rest):
    return case(name, contract(services=("a", "b"), pool=kind, fields=fields, **rest), "2026-09", wanted, states=rows or TWO, announcements=announcements)


A_OUT = planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 14:00", "a")
POOLS = [
    pool("all required: the union", "all_required", {"uptime": (717, 720), "seconds": {"up": 717 * HOUR, "major": 3 * HOUR}, "services": {"a": EACH, "b": EACH}}),
    pool("any enough: the intersection", "any_enough", {"uptime": (719, 720), "seconds": {"up": 719 * HOUR, "major": HOUR}}),
    pool("sum", "sum", {"uptime": (1436, 1440), "seconds": {"up": 1436 * HOUR, "major": 4 * HOUR}, "period": MONTH}),
    # b loses an hour more: it is the worst.
    pool("per service: the worst", "per_service", {"uptime": (717, 720), "services": {"a": EACH, "b": {"uptime": (717, 720)}}},
         trouble(*WHOLE, day("10:00", "12:00"), service="a") + trouble(*WHOLE, day("11:00", "14:00"), service="b")),
    # a is excused, b is not: 11:00 to 13:00 is judged on b alone. 10:00 to 11:00 b was up.
    pool("all required: judged on those that are measured", "all_required", {"uptime": (718, 720), "seconds": {"up": 718 * HOUR, "major": 2 * HOUR}}, None, REMOVE, A_OUT),
    # any enough: 11:00 to 12:00 a is excused and b down, so it is down; 12:00 to 13:00 a is up.
    pool("any enough: judged on those that are measured", "any_enough", {"uptime": (719, 720), "seconds": {"up": 719 * HOUR, "major": HOUR}}, None, REMOVE, A_OUT),
    # Both excused 11:00 to 12:00: that hour is measured nowhere. Else up by the other.
    pool("excluded only if none is measured", "any_enough", {"uptime": (1, 1), "seconds": {"up": 719 * HOUR, "maintenance": HOUR}}, None, REMOVE,
         planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 14:00", "*")),
    # A degraded service and an hour of unknown time ruled up: the lowest share is 0.75.
    pool("shares: the lowest", "all_required", {"uptime": (MONTH - 900, MONTH), "seconds": {"up": MONTH - HOUR, "degraded": HOUR}},
         trouble(*WHOLE, day("10:00", "11:00", "no_traffic"), service="a") + trouble(*WHOLE, day("10:00", "11:00", "degraded"), service="b")),
    # Equal shares of 1: b is known, so the hour is up.
    pool("equal shares: known time speaks first", "all_required", {"uptime": (1, 1), "seconds": {"up": MONTH}},
         trouble(*WHOLE, day("10:00", "11:00", "no_traffic"), service="a") + trouble(*WHOLE, service="b")),
    # Neither is measured: maintenance of b goes before a's unknown time.
    pool("none measured: maintenance first", "all_required", {"uptime": (1, 1), "seconds": {"up": MONTH - HOUR, "maintenance": HOUR}},
         trouble(*WHOLE, day("10:00", "11:00", "probe_down"), service="a") + trouble(*WHOLE, day("10:00", "11:00"), service="b"), REMOVE,
         planned(IN_TIME, "2026-09-10 09:00", "2026-09-10 14:00", "b")),
    pool("none measured: as the first", "all_required", {"uptime": (1, 1), "seconds": {"up": MONTH - HOUR, "probe_down": HOUR}},
         trouble(*WHOLE, day("10:00", "11:00", "probe_down"), service="a") + trouble(*WHOLE, day("10:00", "11:00", "not_provisioned"), service="b")),
    pool("one quota for each", "all_required", {"uptime": (1, 1), "seconds": {"up": MONTH - 3 * HOUR, "maintenance": 3 * HOUR}},
         trouble(*WHOLE, day("10:00", "13:00"), service="a") + trouble(*WHOLE, day("10:00", "13:00"), service="b"),
         {"maintenance": {"excluded": "remove", "quota": {"minutes": 180}}}, planned(IN_TIME, "2026-09-10 10:00", "2026-09-10 13:00", "*")),
    pool("all excluded", "sum", {"uptime": None, "met": None, "tier": None, "seconds": {"not_provisioned": 2 * MONTH}}, trouble(*WHOLE, service="x"), rules=ALL_EXCLUDED),
]

CASES = CLOCKS + STATES + CALENDAR + MAINTENANCE + POOLS
