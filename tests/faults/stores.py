"""A store of the program, seen from beside it: the section that configures it, and SQL that looks into it.

Each Store is fresh: a file nobody has used, or a database of its own.
"""

import itertools
import sqlite3


class StoreError(Exception):
    pass


class SqliteStore:
    kind = "sqlite"

    def __init__(self, folder):
        self.path = folder / "uptally.db"

    def section(self):
        return {"sqlite": str(self.path)}

    def rows(self, sql):
        """Opened and closed again each time: a connection that stays would take the recovery of the log away from the
        program. No rows while there is no such table yet."""
        try:
            connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        except sqlite3.OperationalError:
            return []
        try:
            return connection.execute(sql).fetchall()
        except sqlite3.OperationalError:
            return []
        finally:
            connection.close()

    def change(self, sql):
        connection = sqlite3.connect(self.path, timeout=10)
        try:
            with connection:
                connection.execute(sql)
        finally:
            connection.close()

    def drop(self):
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)


class SqliteStores:
    """Where fresh stores come from."""
    kind = "sqlite"
    version = f"SQLite {sqlite3.sqlite_version}"

    def fresh(self, folder):
        return SqliteStore(folder)

    def close(self):
        pass


class PostgresStore:
    kind = "postgresql"

    def __init__(self, server, name, host=None, port=None):
        self.server, self.name = server, name
        self.host, self.port = host or server.host, port or server.port

    def section(self):
        return {"postgresql": {"host": str(self.host), "port": self.port, "database": self.name,
                               "user": self.server.user, "password": "${env:UPTALLY_TEST_PASSWORD}", "tls": "off"}}

    def rows(self, sql):
        return self.server.rows(sql, self.name)

    def change(self, sql):
        self.server.must(sql, self.name)

    def sessions(self):
        """Of the program, in this database."""
        return self.server.rows(f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.name}' AND usename = "
                                f"'{self.server.user}'")

    def drop(self):
        self.server.must(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class PostgresStores:
    kind = "postgresql"

    def __init__(self, server):
        self.server = server
        self.version = server.version()
        self.numbers = itertools.count(1)

    def fresh(self, folder, host=None, port=None, tablespace=None):
        name = f"campaign_{next(self.numbers)}"
        self.server.must(f"CREATE DATABASE {name} OWNER {self.server.user}"
                         + (f" TABLESPACE {tablespace}" if tablespace else ""))
        return PostgresStore(self.server, name, host, port)

    def close(self):
        self.server.stop()
