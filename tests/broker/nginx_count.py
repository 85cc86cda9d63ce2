#!/usr/bin/env python3
"""What the books must say, straight from the logs: an independent count that knows nothing of uptally or Kafka.

    nginx_count.py requests SERVICE:THRESHOLD_MS:ACCESS_LOG...   service,minute,total,errors,slow
    nginx_count.py checks CHECKER_LOG                            service,instance,minute,passed,warned,failed,unknown

A request counts in the minute in which it arrived: the time of its log line less the time it took.
"""

import collections
import datetime
import json
import sys


def milliseconds(text):
    """nginx writes seconds with three decimals."""
    seconds, decimals = text.split(".")
    assert len(decimals) == 3, text
    return int(seconds) * 1000 + int(decimals)


def minute_name(minute):
    return datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def requests(sources):
    """{(service, minute): [total, errors, slow]}, and the number of lines left out."""
    windows = collections.defaultdict(lambda: [0, 0, 0])
    left_out = collections.Counter()
    for source in sources:
        service, threshold_ms, log = source.split(":", 2)
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                if entry["path"] == "/healthz":
                    left_out["healthz"] += 1
                    continue
                if entry["agent"].startswith("synthetic"):
                    left_out["synthetic"] += 1
                    continue
                took = milliseconds(entry["took"])
                window = windows[service, (milliseconds(entry["ended"]) - took) // 60000]
                window[0] += 1
                if entry["status"] >= 500:
                    window[1] += 1
                elif took > int(threshold_ms):
                    window[2] += 1
    return windows, left_out


def checks(log):
    """{(service, instance, minute): [passed, warned, failed, unknown]}"""
    order = ["pass", "warn", "fail", "unknown"]
    minutes = collections.defaultdict(lambda: [0, 0, 0, 0])
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            key = entry["service"], entry["instance"], entry["at_us"] // 60000000
            minutes[key][order.index(entry["result"])] += 1
    return minutes


def main(arguments):
    if len(arguments) >= 2 and arguments[0] == "requests":
        counts = requests(arguments[1:])[0]
    elif len(arguments) == 2 and arguments[0] == "checks":
        counts = checks(arguments[1])
    else:
        print(__doc__.strip(), file=sys.stderr)
        return 2
    for key in sorted(counts):
        print(*key[:-1], minute_name(key[-1]), *counts[key], sep=",")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
