#!/usr/bin/env python3
"""Starts and stops a PostgreSQL for the tests of the store.

    server.py start FOLDER   process id, socket and port go to FOLDER/postgresql.json
    server.py stop FOLDER    stops by process id what start started
    server.py run FOLDER COMMAND...   with UPTALLY_TEST_POSTGRESQL="HOST PORT"

It listens on a socket and on 127.0.0.1, on a port that was free a moment before, and trusts whoever comes from this machine.
The data are in a folder of their own under TMPDIR, as the user postgres where we are root. Other tests use this file as a module.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20

# Tests kill processes, not the power: what the system has, a server that is started again finds.
SETTINGS = """
fsync = off
max_connections = 60
shared_buffers = 32MB
autovacuum = off
jit = off
log_line_prefix = '%m %p '
listen_addresses = '127.0.0.1'
"""


class ServerError(Exception):
    pass


def binaries():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise ServerError("PostgreSQL is not installed (Debian package postgresql)")
    return found[-1].parent


def as_postgres(command):
    """A server refuses to be root."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """One cluster. start() after stop() or kill() finds the same data."""

    def __init__(self, settings=""):
        self.folder = Path(tempfile.mkdtemp(prefix="uptally-postgresql-"))
        self.port = free_port()
        self.settings = settings
        self.pid = None
        self.process = None  # of the server, if it was started here

    @property
    def host(self):
        return str(self.folder)

    def create(self):
        self.folder.chmod(0o755)
        data = self.folder / "data"
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            os.chown(data, owner.pw_uid, owner.pw_gid)
        self.run([str(binaries() / "initdb"), "-D", str(data), "-A", "trust", "-U", "postgres", "-E", "UTF8",
                  "--locale=C.UTF-8", "--no-sync"])
        with (data / "postgresql.conf").open("a") as file:
            file.write(f"{SETTINGS}\nport = {self.port}\nunix_socket_directories = '{self.folder}'\n{self.settings}\n")
        self.start()
        self.sql("CREATE DATABASE tests", database="postgres")

    def run(self, command):
        done = subprocess.run(as_postgres(command), cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        with (self.folder / "log").open("ab") as log:
            self.process = process = subprocess.Popen(as_postgres([str(binaries() / "postgres"), "-D", str(self.folder / "data")]),
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                                       start_new_session=True)
        self.pid = process.pid
        deadline = time.monotonic() + START_SECONDS_MAX
        while not self.accepts():
            if process.poll() is not None or time.monotonic() > deadline:
                tail = (self.folder / "log").read_text(errors="replace").splitlines()[-20:]
                raise ServerError("PostgreSQL is not up:\n" + "\n".join(tail))
            time.sleep(0.05)

    def accepts(self):
        return subprocess.run([str(binaries() / "pg_isready"), "-q", "-h", self.host, "-p", str(self.port)],
                              check=False).returncode == 0

    def is_ours(self):
        try:
            return b"postgres" in Path(f"/proc/{self.pid}/cmdline").read_bytes()
        except OSError:
            return False

    def stop(self, number=signal.SIGINT):
        """SIGINT ends all sessions and shuts down in order; SIGQUIT ends at once, as a crash does."""
        if self.pid is None or not self.is_ours():
            return
        os.kill(self.pid, number)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while self.is_ours():
            if self.process is not None:
                self.process.poll()  # a child stays until somebody asks for it
            if time.monotonic() > deadline:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.05)
        self.pid = self.process = None

    def sql(self, text, database="tests"):
        """Rows as lists of texts."""
        out = self.run([str(binaries() / "psql"), "-h", self.host, "-p", str(self.port), "-U", "postgres", "-d", database,
                        "-v", "ON_ERROR_STOP=1", "-X", "-q", "-A", "-t", "-F", "\t", "-c", text])
        return [line.split("\t") for line in out.splitlines()]

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def load(folder):
    state = json.loads((folder / "postgresql.json").read_text())
    server = Server.__new__(Server)
    server.folder, server.port, server.pid = Path(state["folder"]), state["port"], state["pid"]
    server.process = None
    return server


def start(folder):
    stop(folder)
    folder.mkdir(parents=True, exist_ok=True)
    server = Server()
    try:
        server.create()
    except ServerError:
        server.close()
        raise
    state = {"folder": str(server.folder), "port": server.port, "pid": server.pid}
    (folder / "postgresql.json").write_text(json.dumps(state))
    print(f"PostgreSQL on {server.host}, port {server.port}")


def stop(folder):
    try:
        server = load(folder)
    except (OSError, ValueError, KeyError):
        return
    server.close()
    (folder / "postgresql.json").unlink()


def main(arguments):
    try:
        if len(arguments) == 2 and arguments[0] == "start":
            start(Path(arguments[1]))
        elif len(arguments) == 2 and arguments[0] == "stop":
            stop(Path(arguments[1]))
        elif len(arguments) > 2 and arguments[0] == "run":
            server = load(Path(arguments[1]))
            os.environ["UPTALLY_TEST_POSTGRESQL"] = f"{server.host} {server.port}"
            os.execvp(arguments[2], arguments[2:])
        else:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    except ServerError as error:
        print(f"server.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
