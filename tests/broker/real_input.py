#!/usr/bin/env python3
"""Real servers to windows: nginx under load, with faults, through Kafka and the registry, counted to the event."""

import datetime
import json
import signal
import time
import unittest

import nginx_count
from farm import HEALTH_INTERVAL_SECONDS, SYNTHETIC_AGENT, Checker, Load, Nginx, Upstream
from lab import CHECK_MAP, REQUEST_MAP, Lab

RATE = 30  # requests a second and instance
LOAD_SECONDS = 40
BORDER_SECONDS = 4  # on either side of a full minute, so that two windows have requests
API_THRESHOLD_MS = 100
PAGE_THRESHOLD_MS = 500
SEED = 20261101


def seconds_to_next_minute():
    return 60 - time.time() % 60


def run_farm(folder):
    """Two shops, one of them killed; an api that becomes slow; a search that answers 503 for a while."""
    upstream = Upstream()
    shop_1, shop_2 = Nginx(folder, "shop", "shop-1"), Nginx(folder, "shop", "shop-2")
    api = Nginx(folder, "api", "api-1", upstream)
    search = Nginx(folder, "search", "search-1")
    instances = [shop_1, shop_2, api, search]
    try:
        for instance in instances:
            instance.wait()
        # Never begin so late in a minute that the first window would have no requests.
        if seconds_to_next_minute() < BORDER_SECONDS:
            time.sleep(BORDER_SECONDS + 1)
        end = time.monotonic() + max(LOAD_SECONDS, seconds_to_next_minute() + BORDER_SECONDS)
        load = Load(instances, RATE, SEED)
        checker = Checker(instances, folder / "checker.log")
        time.sleep(8)
        shop_2.kill()
        time.sleep(6)
        upstream.delay_seconds = 0.2
        time.sleep(8)
        upstream.delay_seconds = 0.0
        search.set_closed(True)
        time.sleep(8)
        search.set_closed(False)
        time.sleep(max(0.0, end - time.monotonic()))
        load.stop()
        checker.stop()
    finally:
        for instance in instances:
            instance.end(signal.SIGTERM)
        upstream.close()
    return instances


def request_events(instance):
    """The producer's reading of an access log; the independent one is nginx_count.py."""
    with open(instance.log, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            took_us = round(float(entry["took"]) * 1e3) * 1000
            yield {
                "service_name": instance.service,
                "service_instance_id": instance.instance,
                "start_time": round(float(entry["ended"]) * 1e3) * 1000 - took_us,
                "http_response_status_code": entry["status"],
                "duration_us": took_us,
                "http_request_method": entry["method"],
                "url_path": entry["path"],
                "user_agent_synthetic_type": "test" if entry["agent"] == SYNTHETIC_AGENT else None,
            }


def check_events(log):
    with open(log, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            yield {
                "service_name": entry["service"],
                "service_instance_id": entry["instance"],
                "observed_time": entry["at_us"],
                "status": entry["result"],
                "interval_ms": HEALTH_INTERVAL_SECONDS * 1000,
                "checker": "farm",
                "region": None,
                "duration_us": entry["took_us"],
                "message": f"status {entry['status']}",
            }


def minute_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 60


class RealInput(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("real-input")
        self.addCleanup(self.lab.close)
        self.requests = self.lab.topic("requests")
        self.checks = self.lab.topic("checks", partitions=2)
        self.config = self.lab.configuration(
            [
                {
                    "name": self.requests, "kind": "requests", "framing": "confluent",
                    "services": "discover", "map": REQUEST_MAP,
                    "exclude": [
                        {"name": "healthz", "path": "url_path", "equals": ["/healthz"]},
                        {"name": "synthetic", "path": "user_agent_synthetic_type", "equals": ["bot", "test"]},
                    ],
                },
                {"name": self.checks, "kind": "checks", "framing": "confluent", "map": CHECK_MAP},
            ],
            service_defaults={"latency_threshold": f"{PAGE_THRESHOLD_MS}ms"},
            services=[{"name": "api", "latency_threshold": f"{API_THRESHOLD_MS}ms"}])

    def produce_all(self, instances):
        """In two halves with a run after each: the second run resumes where the first one stopped."""
        encode = self.lab.encoder("request_event")
        events = [encode(event) for one in instances for event in request_events(one)]
        records = [(index % 3, payload) for index, payload in enumerate(events)]
        encode = self.lab.encoder("health_check_event")
        checks = [(index % 2, encode(event)) for index, event in
                  enumerate(check_events(self.lab.folder / "checker.log"))]
        middle = len(records) // 2
        for part, check_part in ((records[:middle], checks[:7]), (records[middle:], checks[7:])):
            self.lab.produce(self.requests, part)
            self.lab.produce(self.checks, check_part)
            self.lab.must(self.config, "consume", "--batch", "500")
            self.lab.must(self.config, "aggregate")
        return len(records), len(checks)

    def check_faults(self, instances):
        """The count proves little if nothing happened."""
        windows, left_out = nginx_count.requests([self.source(one) for one in instances])
        sums = {}
        for (service, _), counts in windows.items():
            sums[service] = [a + b for a, b in zip(sums.get(service, [0, 0, 0]), counts)]
        self.assertGreater(sum(total for total, _, _ in sums.values()), 2000)
        self.assertGreater(sums["api"][2], 10, "the api was slow")
        self.assertGreater(sums["search"][1], 50, "search answered 503")
        self.assertEqual(sums["shop"][1], 0)
        self.assertGreater(left_out["synthetic"], 10)
        self.assertGreaterEqual(len({minute for _, minute in windows}), 2)
        killed, lived = (one.log.read_text().count("\n") for one in (instances[1], instances[0]))
        self.assertLess(killed, lived, "the second shop was killed")
        return windows, left_out

    @staticmethod
    def source(instance):
        threshold = API_THRESHOLD_MS if instance.service == "api" else PAGE_THRESHOLD_MS
        return f"{instance.service}:{threshold}:{instance.log}"

    def test_books_equal_the_logs(self):
        instances = run_farm(self.lab.folder)
        windows, left_out = self.check_faults(instances)
        record_count, check_count = self.produce_all(instances)

        exported = {(row["service"], minute_of(row["minute"])):
                    [int(row["total"]), int(row["errors"]), int(row["slow"])]
                    for row in self.lab.export(self.config, "windows")}
        self.assertEqual(exported, dict(windows))

        wanted = nginx_count.checks(self.lab.folder / "checker.log")
        exported = {(row["service"], row["instance"], minute_of(row["minute"])):
                    [int(row[name]) for name in ("passed", "warned", "failed", "unknown")]
                    for row in self.lab.export(self.config, "instances")}
        self.assertEqual(exported, dict(wanted))
        self.assertEqual(sum(map(sum, wanted.values())), check_count)

        excluded = {}
        for row in self.lab.export(self.config, "exclusions"):
            excluded[row["reason"]] = excluded.get(row["reason"], 0) + int(row["records"])
        self.assertEqual(excluded, {f"rule:{name}": count for name, count in left_out.items()})

        batches = self.lab.export(self.config, "batches")
        delivered = sum(int(row["delivered"]) for row in batches)
        self.assertEqual(delivered, record_count + check_count)
        self.assertEqual(sum(int(row["absent"]) for row in batches), 0)
        self.assertEqual(self.lab.export(self.config, "dead-letters"), [])
        self.lab.must(self.config, "audit")


if __name__ == "__main__":
    unittest.main(verbosity=2)
