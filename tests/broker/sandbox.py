#!/usr/bin/env python3
"""The way that careful people run it: read-only root, user 65532, no capabilities, namespaces of its own, one folder to write in."""

import os
import shutil
import subprocess
import time
import unittest

from lab import NOBODY, REQUEST_MAP, RUN_SECONDS_MAX, Lab

NOW_US = time.time_ns() // 1000


class Sandbox(unittest.TestCase):
    def setUp(self):
        self.lab = Lab("sandbox")
        self.addCleanup(self.lab.close)
        self.program = self.lab.folder / "uptally"
        shutil.copy(self.lab.program, self.program)
        self.program.chmod(0o755)
        self.scratch = self.lab.folder / "scratch"
        self.scratch.mkdir()
        if os.geteuid() == 0:
            os.chown(self.scratch, NOBODY, NOBODY)

    def run_inside(self, *arguments, network=True, program=None):
        as_nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
        return subprocess.run(
            [*as_nobody, "bwrap", "--unshare-all", *(["--share-net"] if network else []), "--uid", str(NOBODY), "--gid", str(NOBODY),
             "--cap-drop", "ALL", "--new-session", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc",
             "--bind", self.scratch, self.scratch, "--chdir", self.scratch, program or self.program, *arguments],
            capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False)

    def must(self, *arguments, **how):
        done = self.run_inside(*arguments, **how)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done.stdout

    def test_it_is_one(self):
        """Otherwise the tests below would show nothing."""
        self.assertEqual(self.must("-u", program="/usr/bin/id").strip(), str(NOBODY))
        self.assertRegex(self.must("^CapEff:.*", "/proc/self/status", program="/bin/grep"), r"^CapEff:\s+0+\s$")
        for place in (self.lab.folder / "x", "/tmp/x", "/var/tmp/x", "/etc/x"):
            self.assertNotEqual(self.run_inside(place, program="/usr/bin/touch").returncode, 0, place)

    def test_a_month_without_any_network(self):
        self.must("demo", "--out", "demo", "--seed", "3", network=False)
        self.must("audit", "demo/uptally.yaml", network=False)
        self.assertIn("acme-2026", self.must("credits", "demo/uptally.yaml", "--month", "2026-10", network=False))

    def test_from_the_broker_to_the_statement(self):
        encode = self.lab.encoder("request_event")
        topic = self.lab.topic("requests", partitions=2)
        self.lab.produce(topic, [(n % 2, encode({"service_name": "portal", "start_time": NOW_US - n,
                                                 "http_response_status_code": 200 if n % 9 else 503, "duration_us": n}))
                                 for n in range(2000)] + [(0, b"bad")])
        contract = {
            "id": "acme", "customer": "ACME", "services": ["portal"], "time_zone": "UTC", "currency": "EUR", "fee": "10.00",
            "availability": {"target": 99.5, "method": "request_ratio", "unknown": {
                "no_traffic": "up", "probe_down": "exclude", "pipeline_gap": "down", "not_provisioned": "exclude"}},
        }
        topics = [{"name": topic, "kind": "requests", "framing": "confluent", "services": "discover", "map": REQUEST_MAP}]
        config = self.lab.configuration(topics, contracts=[contract], output=str(self.scratch / "statements"),
                                        store={"sqlite": str(self.scratch / "uptally.db")},
                                        registry={"url": self.lab.registry, "cache": str(self.scratch / "schemas")})
        for command in (("check",), ("consume",), ("aggregate",),
                        ("announce", "--service", "portal", "--from", "2030-01-01T00:00:00Z", "--to", "2030-01-01T01:00:00Z",
                         "--reason", "works"), ("report", "--month", time.strftime("%Y-%m", time.gmtime(NOW_US // 10**6))),
                        ("credits",), ("status",), ("audit",)):
            self.must(*command, "--config", str(config))
        self.assertIn("portal", self.must("export", "windows", "--config", str(config)))
        self.assertTrue(list((self.scratch / "statements").rglob("provisional.html")))
        # Nothing but the store, the cache and the statements.
        self.assertEqual({path.name.split("-")[0] for path in self.scratch.iterdir()}, {"schemas", "statements", "uptally.db"})


if __name__ == "__main__":
    unittest.main(verbosity=2)
