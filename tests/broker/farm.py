"""A small farm of real nginx servers with a load, faults and a health checker, all on 127.0.0.1.

Each instance has a folder of its own with its configuration and its access log in JSON. An instance can be
killed, answer 503 (while the file `closed` exists) or be slow (its pages come from a handler with a delay).
"""

import http.client
import http.server
import json
import os
import random
import signal
import socket
import subprocess
import threading
import time

from servers import free_ports

HEALTH_INTERVAL_SECONDS = 2
HEALTH_TIMEOUT_SECONDS = 1
HEALTH_WARN_SECONDS = 0.15
SYNTHETIC_AGENT = "synthetic-check"

NGINX_CONF = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
    log_format events escape=json '{{"ended":"$msec","took":"$request_time","status":$status,'
        '"method":"$request_method","path":"$uri","agent":"$http_user_agent"}}';
    access_log {folder}/access.log events;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {folder}/www;
        if (-f {folder}/closed) {{ return 503; }}
        {locations}
    }}
}}
"""
STATIC = "location = /healthz { return 200 ok; }"
PROXIED = "location / {{ proxy_pass http://127.0.0.1:{upstream}; }}"


class Upstream:
    """A handler whose delay the test turns up and down."""

    def __init__(self):
        self.delay_seconds = 0.0
        upstream = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # the name that http.server wants
                time.sleep(upstream.delay_seconds)
                self.send_response(404 if self.path == "/missing" else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *arguments):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Nginx:
    def __init__(self, folder, service, instance, upstream=None):
        self.service = service
        self.instance = instance
        self.folder = folder / instance
        self.port = free_ports(1)[0]
        (self.folder / "www").mkdir(parents=True)
        (self.folder / "www/page").write_text("a page\n")
        locations = STATIC if upstream is None else PROXIED.format(upstream=upstream.port)
        user = "user root;" if os.geteuid() == 0 else ""
        conf = self.folder / "nginx.conf"
        conf.write_text(NGINX_CONF.format(folder=self.folder, port=self.port, user=user, locations=locations))
        self._process = subprocess.Popen(
            ["/usr/sbin/nginx", "-p", self.folder, "-c", conf, "-e", self.folder / "error.log"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def wait(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"{self.instance} does not start: {(self.folder / 'error.log').read_text()}")

    def set_closed(self, closed):
        if closed:
            (self.folder / "closed").touch()
        else:
            (self.folder / "closed").unlink()

    def end(self, number):
        """To the master and its workers; they are a process group of their own."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
            self._process.wait(10)

    def kill(self):
        self.end(signal.SIGKILL)

    @property
    def log(self):
        return self.folder / "access.log"


def get(port, path, agent, timeout):
    """Status of one request on a connection of its own; None if there was no answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": agent})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


class Load:
    """Requests to every instance, about `rate` a second each, until stopped."""

    def __init__(self, instances, rate, seed):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(one, rate / 2, seed + index), daemon=True)
                         for index, one in enumerate(instances * 2)]
        for thread in self._threads:
            thread.start()

    def _send(self, instance, rate, seed):
        dice = random.Random(seed)
        while not self._stop.wait(dice.expovariate(rate)):
            path = dice.choices(["/page", "/missing"], [95, 5])[0]
            agent = SYNTHETIC_AGENT if dice.random() < 0.03 else "load"
            get(instance.port, path, agent, timeout=5)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class Checker:
    """Asks every instance for /healthz and keeps a log of its own, one JSON object a result."""

    def __init__(self, instances, log):
        self._instances = instances
        self._log = log
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with open(self._log, "w", encoding="utf-8") as log:
            while True:
                for instance in self._instances:
                    log.write(json.dumps(self._check(instance)) + "\n")
                if self._stop.wait(HEALTH_INTERVAL_SECONDS):
                    return

    @staticmethod
    def _check(instance):
        began = time.monotonic()
        status = get(instance.port, "/healthz", "health", HEALTH_TIMEOUT_SECONDS)
        took = time.monotonic() - began
        result = "fail" if status != 200 else "warn" if took > HEALTH_WARN_SECONDS else "pass"
        return {"service": instance.service, "instance": instance.instance, "result": result,
                "at_us": time.time_ns() // 1000, "took_us": int(took * 1e6), "status": status}

    def stop(self):
        self._stop.set()
        self._thread.join()
