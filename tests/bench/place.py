"""What a measurement on Kafka needs: a broker, a registry of one schema, topics filled with known events."""
import http.server
import json
import os
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import measure

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "broker"))
import servers  # noqa: E402

# How each schema is mapped. The events of bench_produce are slow above 300 ms.
MAPS = {
    "narrow": {"service": "service", "time": "ts", "outcome": "status", "latency": {"path": "latency_us", "unit": "us"}},
    "request": {"service": "service", "time": "ts", "outcome": "status", "latency": {"path": "latency_us", "unit": "us"}},
    "wide": {"service": "resource.service", "time": "ts", "outcome": "http.status",
             "latency": {"path": "timing.latency_us", "unit": "us"}},
}


def serve_schema(name):
    """A registry that answers every id with this schema; its URL."""
    body = json.dumps({"schema": (HERE / f"schemas/{name}.avsc").read_text()}).encode()

    class Registry(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Registry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"


def kafka_libs(options):
    """The broker's jars: as given, or where tests/fetch has put them."""
    if options.kafka_libs:
        return options.kafka_libs
    cache = Path(os.environ.get("UPTALLY_CACHE") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uptally")
    found = sorted(cache.glob("kafka-*"))
    if not found:
        raise measure.Failed("there is no Kafka in the cache; fetch it with: bash tests/fetch")
    return found[-1] / "libs"


class Topic:
    def __init__(self, name, schema, events, partitions, services, body_bytes, truth):
        self.name, self.schema, self.events = name, schema, events
        self.partitions, self.services = partitions, services
        self.body_bytes = body_bytes  # mean
        self.truth = truth            # SERVICE,MINUTE,TOTAL,ERRORS,SLOW, sorted


class Place:
    """A folder, a broker of its own or a given one, and topics, which are made when they are first asked for."""

    def __init__(self, options):
        self.options = options
        self.build = Path(options.build).resolve()
        measure.launcher = self.program("bench_cost")
        self.folder = Path(tempfile.mkdtemp(prefix="uptally-bench-"))
        # The last whole hour: what lies further back would be graded up to now, which is no part of any figure.
        self.start = int(time.time()) // 3600 * 3600 - 3600
        self.topics, self.registries = {}, {}
        self.process, self._bootstrap = None, None

    @property
    def bootstrap(self):
        """Of the broker, which is started when it is first asked for."""
        if self._bootstrap is None and self.options.servers:
            self._bootstrap = json.loads(Path(self.options.servers, "servers.json").read_text())["bootstrap"]
        elif self._bootstrap is None:
            self._start_broker()
        return self._bootstrap

    def _start_broker(self):
        libs = kafka_libs(self.options)
        broker, secure, controller = servers.free_ports(3)
        servers.format_kafka(self.folder / "kafka", libs, broker, secure, controller)
        self.process = servers.run_kafka(self.folder / "kafka", libs)
        servers.wait_until(lambda: servers.accepts(broker), self.process, "Kafka", self.folder / "kafka/log")
        self._bootstrap = f"127.0.0.1:{broker}"

    def close(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def hold_broker(self, cores):
        if self.process is not None:
            measure.pin(self.process.pid, cores)

    def program(self, name):
        return str(self.build / ("jobs" if name == "uptally" else "tests/bench") / name)

    def topic(self, schema, events, partitions=4, services=200):
        name = f"bench-{schema}-{events}-{partitions}-{services}"
        if self.options.servers:
            name += f"-{os.getpid()}"
        if name not in self.topics:
            truth = self.folder / f"{name}.csv"
            print(f"filling {name}", file=sys.stderr, flush=True)
            cost = measure.run([self.program("bench_produce"), self.bootstrap, name, schema, str(events),
                                str(partitions), str(services), str(self.start), str(truth)])
            self.topics[name] = Topic(name, schema, events, partitions, services, int(cost.output.split()[-1]) / events, truth)
        return self.topics[name]

    def schema_file(self, schema):
        return str(HERE / f"schemas/{schema}.avsc")

    def configuration(self, topic, **more):
        """A folder with a configuration and no store yet. more: further sections."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        if topic.schema not in self.registries:
            self.registries[topic.schema] = serve_schema(topic.schema)
        sections = {
            "store": {"sqlite": "bench.db"},
            "lateness": "0s",
            "cluster": {"name": "bench", "bootstrap_servers": self.bootstrap},
            "registry": {"url": self.registries[topic.schema]},
            "topics": [{"name": topic.name, "kind": "requests", "service_limit": topic.services,
                        "map": MAPS[topic.schema]}],
            "service_defaults": {"latency_threshold": "300ms"},
            **more,
        }
        (folder / "bench.yaml").write_text(json.dumps(sections, indent=2))
        return folder
