"""A store of the program, seen from beside it: the section that configures it, and SQL that looks into it.

Each Store is fresh: a file nobody has used, or a database of its own.
"""

import itertools
import re
import sqlite3

from server import Server, ServerError

USER = "uptally"


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

    def __init__(self, stores, name, host=None, port=None):
        self.stores, self.name = stores, name
        self.host, self.port = host or stores.server.host, port or stores.server.port

    def section(self):
        return {"postgresql": {"host": str(self.host), "port": self.port, "database": self.name, "user": USER,
                               "tls": "off"}}

    def rows(self, sql):
        """No rows while there is no such table, or no server."""
        try:
            return self.stores.sql(sql, self.name)
        except ServerError:
            return []

    def change(self, sql):
        self.stores.sql(sql, self.name)

    def sessions(self):
        """Of the program, in this database."""
        return self.stores.sql(f"SELECT pid FROM pg_stat_activity WHERE datname = '{self.name}' AND usename = '{USER}'")

    def drop(self):
        self.stores.sql(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class PostgresStores:
    """Owns the server."""
    kind = "postgresql"

    def __init__(self):
        self.server = Server()
        self.numbers = itertools.count(1)
        try:
            self.server.create()
            self.sql(f"CREATE ROLE {USER} LOGIN")
            self.version = "PostgreSQL " + str(self.sql("SHOW server_version")[0][0]).split()[0]
        except ServerError:
            self.server.close()
            raise

    def sql(self, text, database="postgres"):
        return [tuple(int(cell) if re.fullmatch(r"-?[0-9]+", cell) else cell for cell in row)
                for row in self.server.sql(text, database)]

    def configure(self, name, value):
        """A setting of the server, at once."""
        self.sql(f"ALTER SYSTEM SET {name} = '{value}'")
        self.sql("SELECT pg_reload_conf()")

    def fresh(self, folder, host=None, port=None, tablespace=None):
        name = f"campaign_{next(self.numbers)}"
        self.sql(f"CREATE DATABASE {name} OWNER {USER}" + (f" TABLESPACE {tablespace}" if tablespace else ""))
        return PostgresStore(self, name, host, port)

    def close(self):
        self.server.close()
