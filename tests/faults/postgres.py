"""A PostgreSQL server of one's own: Debian's, as user postgres where we are root, on a free port and a socket."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from servers import ServerError, free_ports, tail

SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = '{folder}'
port = {port}
max_connections = 100
fsync = on
synchronous_commit = on
shared_buffers = 64MB
"""


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if not found:
        raise ServerError("there is no PostgreSQL in /usr/lib/postgresql; bash infra/packages test installs it")
    return found[-1]


class Postgres:
    user = "uptally"

    def __init__(self, folder):
        self.folder = folder
        self.host, self.port = folder, free_ports(1)[0]
        self.bin = programs()
        self.data = folder / "data"
        folder.mkdir(parents=True)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self.must_run("initdb", "-D", self.data, "-A", "trust", "-U", "postgres", "--no-locale", "-E", "UTF8")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as file:
            file.write(SETTINGS.format(folder=folder, port=self.port))
        self.start()
        self.must(f"CREATE ROLE {self.user} LOGIN PASSWORD 'campaign'")

    def command(self, program, *words):
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"] if os.geteuid() == 0 else []
        return [*as_user, str(self.bin / program), *map(str, words)]

    def must_run(self, program, *words):
        # Not through pipes: the server would inherit them and they would never end.
        log = self.folder / f"{program}.log"
        with open(log, "ab") as output:
            done = subprocess.run(self.command(program, *words), cwd=self.folder, stdin=subprocess.DEVNULL,
                                  stdout=output, stderr=output, check=False)
        if done.returncode != 0:
            raise ServerError(f"{program} ended with status {done.returncode}:\n{tail(log)}")

    def start(self):
        self.must_run("pg_ctl", "-D", self.data, "-l", self.folder / "log", "-w", "-t", 60, "start")

    def stop(self, mode="fast"):
        if (self.data / "postmaster.pid").exists():
            self.must_run("pg_ctl", "-D", self.data, "-m", mode, "-w", "-t", 60, "stop")

    def kill(self):
        """kill -9 of the postmaster. Its children notice and leave; the next start has to recover."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists():
            time.sleep(0.05)

    def psql(self, sql, database, user):
        return subprocess.run(["psql", "-XAtq", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", str(self.host), "-p",
                               str(self.port), "-U", user, "-d", database, "-c", sql],
                              capture_output=True, text=True, check=False)

    def must(self, sql, database="postgres"):
        done = self.psql(sql, database, "postgres")
        if done.returncode != 0:
            raise ServerError(f"{sql}: {done.stderr.strip()}")

    def rows(self, sql, database="postgres"):
        """No rows while there is no such table, or no server."""
        done = self.psql(sql, database, "postgres")
        if done.returncode != 0:
            return []
        return [tuple(int(cell) if re.fullmatch(r"-?\d+", cell) else cell for cell in line.split("\t"))
                for line in done.stdout.splitlines()]

    def version(self):
        return "PostgreSQL " + str(self.rows("SHOW server_version")[0][0]).split()[0]
