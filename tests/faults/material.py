"""What the campaign reads: three topics made from a seed, and what they must come to by an independent count.

One month of four services: bursts of requests with errors and slow ones, copies of events with ids, late and
unordered events, records that are no events, a topic of payments written in transactions of which some are aborted,
and health checks. Times are of the last month that ended, so that statements of it can be issued.
"""

import collections
import datetime
import random

from confluent_kafka import Producer

from lab import CHECK_MAP, REQUEST_MAP

SLOW_US = 250_000
SERVICES = ("billing", "device-api", "portal", "reports")
MINUTE_US = 60_000_000
COPIES_MINUTES = 8 * 60


def last_month():
    """First and last instant (exclusive) of the month that ended last, UTC."""
    end = datetime.datetime.now(datetime.timezone.utc).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    start = (end - datetime.timedelta(days=1)).replace(day=1)
    return start, end


class Count:
    """The reference: rows of windows, dead letters and exclusions, counted without any code of the program."""

    def __init__(self):
        self.windows = collections.defaultdict(lambda: [0, 0, 0])
        self.dead_letters = collections.Counter()
        self.exclusions = collections.Counter()
        self.seen = set()

    def request(self, event):
        if event.get("url_path") == "/healthz":
            self.exclusions["rule:healthz"] += 1
            return
        if event.get("event_id") is not None:
            if event["event_id"] in self.seen:
                return
            self.seen.add(event["event_id"])
        window = self.windows[event["service_name"], event["start_time"] // MINUTE_US]
        failed = event["http_response_status_code"] >= 500
        window[0] += 1
        window[1] += failed
        window[2] += not failed and (event["duration_us"] or 0) > SLOW_US


class Material:
    """records: how many requests; the other two topics are a fraction of it."""

    def __init__(self, lab, seed, records=4000, partitions=3):
        self.lab = lab
        self.dice = random.Random(seed)
        self.count = Count()
        self.partitions = partitions
        self.start, self.end = last_month()
        self.encode = lab.encoder("request_event")
        self.encode_check = lab.encoder("health_check_event")
        self.requests = lab.topic("requests", partitions)
        self.payments = lab.topic("payments", 2)
        self.checks = lab.topic("checks", 2)
        self.dead_letters = lab.topic("dead-letters", 1)
        start_minute = int(self.start.timestamp()) // 60
        minutes = int((self.end - self.start).total_seconds()) // 60
        self.bursts = [start_minute + self.dice.randrange(minutes) for _ in range(max(records // 40, 10))]
        self.produce_requests(records)
        self.produce_payments(records // 5)
        self.produce_checks(records // 10)
        self.settle()

    def settle(self):
        """total: the offsets that a consumer covers, markers and aborted records too."""
        self.total = sum(self.lab.end_offset(topic) for topic in (self.requests, self.payments, self.checks))

    def event(self, service=None):
        minute = self.dice.choice(self.bursts)
        bad = minute % 5 == 0
        return {
            "service_name": service or self.dice.choice(SERVICES[1:]),
            "start_time": minute * MINUTE_US + self.dice.randrange(MINUTE_US),
            "http_response_status_code": self.dice.choices([200, 404, 500, 503], [60 if bad else 95, 3, 20 * bad, 1])[0],
            "duration_us": self.dice.choice([None, 1000, SLOW_US, SLOW_US + 1, 2 * SLOW_US]),
        }

    def time_ms(self, event, late_minutes=2):
        return event["start_time"] // 1000 + self.dice.randrange(1, late_minutes * 60_000)

    def payloads(self, count):
        """(payload, time stamp) of requests, and of what is none; not more bad ones than a right mapping has."""
        for index in range(count):
            event = self.event()
            kind = self.dice.randrange(100)
            if kind < 2:
                self.count.dead_letters["malformed"] += 1
                yield self.encode(event)[:-2], self.time_ms(event)
            elif kind < 4:
                self.count.exclusions["tombstone"] += 1
                yield None, self.time_ms(event)
            elif kind < 8:
                event["url_path"] = "/healthz"
                self.count.request(event)
                yield self.encode(event), self.time_ms(event)
            elif kind < 25:
                event["event_id"] = f"event-{len(self.count.seen)}"
                for _ in range(self.dice.choice([1, 2, 2, 3])):
                    self.count.request(event)
                    yield self.encode(event), self.time_ms(event, COPIES_MINUTES)
            else:
                self.count.request(event)
                yield self.encode(event), self.time_ms(event, self.dice.choice([2, 2, 2, 300]))

    def produce_requests(self, count):
        """In the order of their time stamps, as a broker would have them; copies come on any partition. A second call
        brings the month once more: the group of ids then has to remember all of it."""
        records = sorted(self.payloads(count), key=lambda record: record[1])
        self.lab.produce(self.requests, [(self.dice.randrange(self.partitions), *record) for record in records])

    def produce_payments(self, count):
        producer = Producer({"bootstrap.servers": self.lab.bootstrap, "transactional.id": self.payments, "log_level": 3})
        producer.init_transactions(30)
        while count > 0:
            part = [self.event("billing") for _ in range(self.dice.randrange(10, 60))]
            commit = self.dice.random() < 0.7
            producer.begin_transaction()
            for event in part:
                producer.produce(self.payments, self.encode(event), partition=self.dice.randrange(2),
                                 timestamp=self.time_ms(event))
                if commit:
                    self.count.request(event)
            producer.flush(30)  # an abort would drop what was not sent yet
            (producer.commit_transaction if commit else producer.abort_transaction)(30)
            count -= len(part)

    def produce_checks(self, count):
        records = []
        for index in range(count):
            minute = self.dice.choice(self.bursts)
            records.append((index % 2, self.encode_check({
                "service_name": self.dice.choice(SERVICES[2:]),
                "service_instance_id": f"i-{self.dice.randrange(3)}",
                "observed_time": minute * MINUTE_US + self.dice.randrange(MINUTE_US),
                "status": self.dice.choices(["pass", "warn", "fail", "unknown"], [80, 5, 12, 3])[0],
                "checker": "probe-1", "region": self.dice.choice(["eu", "us"]), "interval_ms": 3_600_000,
            }), minute * 60_000 + 60_000))
        self.lab.produce(self.checks, records)

    # --- the configuration that reads it --------------------------------------------------------

    def topics(self):
        requests = {"name": self.requests, "kind": "requests", "framing": "confluent", "services": "discover",
                    "dead_letter_topic": self.dead_letters, "map": {**REQUEST_MAP, "event_id": "event_id"}, "duplicates": {"horizon": "40d"},
                    "exclude": [{"name": "healthz", "path": "url_path", "equals": ["/healthz"]}]}
        payments = {**requests, "name": self.payments, "gaps": True, "map": REQUEST_MAP}
        payments.pop("duplicates")
        checks = {"name": self.checks, "kind": "checks", "framing": "confluent", "services": "discover", "map": CHECK_MAP}
        return [requests, payments, checks]

    def sections(self):
        return {"topics": self.topics(), "contracts": contracts(self.start),
                "service_defaults": {"latency_threshold": "250ms", "min_requests": 5}}


def contracts(start):
    def contract(name, services, zone, **availability):
        return {
            "id": name, "services": services, "time_zone": zone, "currency": "EUR", "fee": "12400.00",
            "valid_from": start.date().isoformat(),  # nightly catches up on earlier months
            "availability": {
                "target": "99.9", "unknown": {"no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down",
                                              "not_provisioned": "exclude"}, **availability},
            "credits": {"tiers": [{"below": "99.9", "percent": 10}, {"below": "99.0", "percent": 25}],
                        "rounding": "half_even"},
        }

    weights = {"degraded": "0.25", "partial": "0.5", "major": 1}
    return [contract("time-one", ["device-api"], "Europe/Berlin", method="state_time", weights=weights),
            contract("time-all", ["portal", "reports"], "UTC", method="state_time", weights=weights, pool="all_required"),
            contract("failures-one", ["billing"], "America/New_York", method="total_failure_runs", min_run="60s"),
            contract("percentile-sum", ["device-api", "reports"], "UTC", method="time_slices", slice="5m", pool="sum",
                     latency={"percentile": 90, "below": "250ms"}),
            contract("ratio-sum", list(SERVICES), "UTC", method="request_ratio", pool="sum", degraded_weight="0.1")]
