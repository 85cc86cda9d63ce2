"""toxiproxy: a TCP proxy whose faults are switched on and off while connections are open."""

import contextlib
import json
import os
import signal
import subprocess
import urllib.request

from servers import free_ports, spawn, wait_until


class Toxiproxy:
    """One server process."""

    def __init__(self, program, folder):
        folder.mkdir(parents=True, exist_ok=True)
        self.api = f"http://127.0.0.1:{free_ports(1)[0]}"
        port = self.api.rpartition(":")[2]
        self.process = spawn([str(program), "-host", "127.0.0.1", "-port", port], folder / "toxiproxy.log", folder)
        wait_until(self._answers, self.process, "toxiproxy", folder / "toxiproxy.log")

    def call(self, method, path, body=None):
        request = urllib.request.Request(self.api + path, None if body is None else json.dumps(body).encode(),
                                         {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def _answers(self):
        try:
            return self.call("GET", "/proxies") is not None
        except OSError:
            return False

    def proxy(self, name, port, upstream):
        return Proxy(self, name, port, upstream)

    def close(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Proxy:
    def __init__(self, toxiproxy, name, port, upstream):
        self.toxiproxy, self.name, self.port = toxiproxy, name, port
        toxiproxy.call("POST", "/proxies", {"name": name, "listen": f"127.0.0.1:{port}", "upstream": upstream,
                                            "enabled": True})

    @contextlib.contextmanager
    def toxic(self, kind, stream="downstream", **attributes):
        """While the block runs."""
        self.toxiproxy.call("POST", f"/proxies/{self.name}/toxics",
                            {"name": "fault", "type": kind, "stream": stream, "attributes": attributes})
        try:
            yield
        finally:
            self.toxiproxy.call("DELETE", f"/proxies/{self.name}/toxics/fault")

    @contextlib.contextmanager
    def cut(self):
        """All connections are closed, and none is taken while the block runs."""
        self.toxiproxy.call("POST", f"/proxies/{self.name}", {"enabled": False})
        try:
            yield
        finally:
            self.toxiproxy.call("POST", f"/proxies/{self.name}", {"enabled": True})
