#!/usr/bin/env python3
"""A store that somebody else made, or made over: it ends in exit status 6 or 9, never in a crash, a hang or a figure.

Row checksums are made here a second time (base/db.h says how), so that the attacks come past them.
"""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

SECONDS_MAX = 120
INT64_MAX = 2**63 - 1
INT64_MIN = -2**63

COMMANDS = (["audit"], ["status"], ["export", "windows"], ["export", "dead-letters"], ["export", "incidents"],
            ["report", "--month", "2024-10"], ["credits", "--month", "2024-10"],
            ["announce", "--list"], ["aggregate"])
OPENING = (["audit"], ["status"], ["aggregate"])  # both ways of opening a store


def checksum(values):
    """CRC-32 over the values of a row: a tag, eight bytes little-endian, the bytes."""
    crc = 0
    for value in values:
        if value is None:
            crc = zlib.crc32(b"n" + bytes(8), crc)
        elif isinstance(value, int):
            crc = zlib.crc32(b"i" + (value & (2**64 - 1)).to_bytes(8, "little"), crc)
        else:
            value = repr(value) if isinstance(value, float) else value  # not to be right: no type of ours has it
            tag, content = (b"t", value.encode(errors="surrogateescape")) if isinstance(value, str) else (b"b", bytes(value))
            crc = zlib.crc32(content, zlib.crc32(tag + len(content).to_bytes(8, "little"), crc))
    return crc


def seal(connection):
    """All rows of all tables get the checksum of what they hold now."""
    def of_row(*pairs):
        values = zip(pairs[::2], pairs[1::2])
        return checksum([v.decode(errors="surrogateescape") if kind == "text" else v for kind, v in values])

    connection.create_function("seal", -1, of_row)
    tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    for table in tables:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{table}')")]
        if "checksum" not in columns:
            continue
        before = columns[:columns.index("checksum")]
        # As type and bytes, for a text may be one that Python cannot read.
        arguments = ", ".join(f"typeof({c}), CASE typeof({c}) WHEN 'text' THEN CAST({c} AS BLOB) ELSE {c} END" for c in before)
        connection.execute(f"UPDATE {table} SET checksum = seal({arguments})")


def uint(value):
    """As aggregator/pack.h says: seven bits a byte, low ones first."""
    packed = b""
    while value >= 0x80:
        packed += bytes([value & 0x7f | 0x80])
        value >>= 7
    return packed + bytes([value])


def entry(kind, names, hours, tally):
    """Of a pending row (aggregator/pending.h), with names that have nothing in common with those before."""
    names = [name.encode() if isinstance(name, str) else name for name in names]
    told = b"".join(uint(1) + uint(len(name)) + name if name else uint(0) for name in names)
    return uint(kind) + told + uint(hours * 2 if hours >= 0 else -hours * 2 - 1) + uint(len(tally)) + tally


def row(*entries):
    return b"\x01" + b"".join(entries)


def pending(*entries):
    return f"UPDATE pending SET packed = x'{row(*entries).hex()}', tallies = {len(entries)}"


ACTIVITY = b"\x03" + uint(1)
# 2^56 requests of unknown latency in the first minute: as many as one tally may hold.
MANY = b"\x01" + uint(0) + uint(2**60 - 2) + b"\0" + uint(2**56) + uint(0) * 3 + uint(1) + b"\0" + uint(2**56) + uint(0) * 2


class Store(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="uptally-hostile-store-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.sound = cls.folder / "sound"
        cls.sound.mkdir()
        subprocess.run([os.environ["SMALL_STORE"], cls.sound], check=True, timeout=SECONDS_MAX)
        shutil.rmtree(cls.sound / "statements")

    def copy(self):
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        shutil.copytree(self.sound, folder, dirs_exist_ok=True)
        return folder

    def run_command(self, folder, arguments):
        try:
            done = subprocess.run([os.environ["UPTALLY"], *arguments, "--config", "uptally.yaml", "--lock-wait", "1s"],
                                  cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS_MAX,
                                  check=False)
        except subprocess.TimeoutExpired:
            self.fail(f"{arguments}: does not end")
        text = done.stderr.decode(errors="replace")
        self.assertGreaterEqual(done.returncode, 0, f"{arguments}: {text}")
        self.assertNotIn("Sanitizer", text, arguments)
        self.assertNotIn("runtime error", text, arguments)
        return done.returncode, text

    def refused(self, folder, audit=(6, 9), others=(6,), commands=COMMANDS, word=""):
        """Every command ends with one of its statuses, with a line that names the place."""
        for arguments in commands:
            status, text = self.run_command(folder, arguments)
            self.assertIn(status, audit if arguments[0] == "audit" else others, f"{arguments}: {text}")
            if status in (6, 9):
                self.assertIn(word, text, arguments)

    def changed(self, sql, resealed=False):
        folder = self.copy()
        connection = sqlite3.connect(folder / "uptally.db")
        connection.text_factory = lambda text: text.decode(errors="surrogateescape")
        connection.executescript(sql)
        if resealed:
            seal(connection)
        connection.commit()
        connection.close()
        return folder


class AnotherFile(Store):
    def test_no_database(self):
        for content in (b"SQLite format 3\0", b"SQLite format 3\0" + b"\xff" * 4096, bytes(8192), b"\xff" * 100000):
            folder = self.copy()
            (folder / "uptally.db").write_bytes(content)
            with self.subTest(content=content[:20]):
                self.refused(folder)

    def test_not_a_file(self):
        folder = self.copy()
        (folder / "uptally.db").unlink()
        os.mkfifo(folder / "uptally.db")  # opening it would wait for ever
        self.refused(folder, word="not a file")

    def test_of_another_program(self):
        folder = self.copy()
        (folder / "uptally.db").unlink()
        connection = sqlite3.connect(folder / "uptally.db")
        connection.executescript("CREATE TABLE moz_places (id INTEGER PRIMARY KEY, url TEXT)")
        connection.close()
        self.refused(folder, word="something else")

    def test_cut_in_the_middle(self):
        folder = self.copy()
        content = (folder / "uptally.db").read_bytes()
        (folder / "uptally.db").write_bytes(content[:len(content) // 2])
        self.refused(folder, others=(0, 6, 9))


class OtherTables(Store):
    CASES = {
        "another version": "UPDATE store_info SET value = '999'",
        "no version": "DELETE FROM store_info",
        "a version that is no number": "UPDATE store_info SET value = 'one'",
        "a version beyond numbers": "UPDATE store_info SET value = '99999999999999999999999999'",
        "a negative version": "UPDATE store_info SET value = '-1'",
        "the version as a view": "DROP TABLE store_info; CREATE VIEW store_info AS SELECT 'schema_version' AS key, '1' AS value",
        "a view without end": "DROP TABLE pending; CREATE VIEW pending AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL "
                              "SELECT i + 1 FROM n) SELECT 1 AS book_id, x'00' AS batch_id, i AS part, 1 AS tallies, x'' AS packed, "
                              "0 AS checksum FROM n",
        "a view over the truth": "ALTER TABLE window_hour RENAME TO hidden; CREATE VIEW window_hour AS SELECT * FROM hidden",
        "a table with a column more": "ALTER TABLE statement ADD COLUMN extra TEXT",
        "a table with other types": "DROP TABLE credit_note; CREATE TABLE credit_note (credit_note_id, contract, period, "
                                    "revision, currency, amount_minor, total_minor, issued_ns, checksum)",
        "no table": "DROP TABLE announcement",
        "no index": "DROP INDEX batch_unfolded",
        "another index": "DROP INDEX batch_unfolded; CREATE INDEX batch_unfolded ON batch (book_id) WHERE folded < 0",
        "a trigger": "CREATE TRIGGER t AFTER UPDATE ON lease BEGIN DELETE FROM pending; END",
        "a trigger without end": "CREATE TRIGGER t AFTER INSERT ON announcement BEGIN INSERT INTO announcement SELECT "
                                 "max(announcement_id) + 1, 'x', 1, 2, 3, 'a', 'r', NULL, 0 FROM announcement; END",
        "a trigger on a view": "CREATE VIEW v AS SELECT 1 AS a; CREATE TRIGGER t INSTEAD OF INSERT ON v BEGIN DELETE FROM pending; END",
        "a generated column": "DROP TABLE service; CREATE TABLE service (book_id BIGINT NOT NULL, service TEXT NOT NULL, "
                              "first_minute BIGINT AS (0), has_requests BIGINT NOT NULL, has_checks BIGINT NOT NULL, "
                              "PRIMARY KEY (book_id, service))",
    }

    def test_are_refused(self):
        for name, sql in self.CASES.items():
            with self.subTest(name):
                self.refused(self.changed(sql), commands=OPENING)

    def test_tables_beside_ours_do_not_matter(self):
        folder = self.changed("CREATE TABLE mine (x); CREATE VIEW by_day AS SELECT service, sum(total) FROM rollup_day "
                              "GROUP BY service; CREATE INDEX mine_too ON rollup_day (day); ANALYZE")
        self.refused(folder, audit=(0,), others=(0,))


class OtherRows(Store):
    """Rows with checksums that are right, and with contents that no program of ours writes."""

    CASES = {
        "a tally that is empty": "UPDATE window_hour SET tally = x''",
        "a tally of another kind": "UPDATE window_hour SET tally = x'0301'",
        "a tally with 2^62 ranges": "UPDATE window_hour SET tally = x'01ffffffffffffffff3f' WHERE kind = 'window'",
        "particulars with 2^62 limits": "UPDATE window_hour SET tally = x'0400ffffffffffffffff0f000000ffffffffffffffff3f' WHERE kind = 'window'",
        "particulars of requests that were not counted": "UPDATE window_hour SET tally = x'0400ffffffffffffffff0f0000010500000000' WHERE kind = 'window'",
        "a tally of ones": "UPDATE window_hour SET tally = CAST(x'01' || randomblob(1000000) AS BLOB) WHERE kind = 'window'",
        "a tally of 8 MiB of zeros": "UPDATE window_hour SET tally = zeroblob(8388608) WHERE hour = (SELECT min(hour) FROM window_hour)",
        "pending rows that are empty": "UPDATE pending SET packed = x''",
        "pending rows without a tally": "UPDATE pending SET packed = x'01', tallies = 0",
        "pending tallies that are empty": pending(entry(0, ["api", ""], 0, b"")),
        "pending tallies of another kind": pending(entry(0, ["api", ""], 0, b"\x03\x01")),
        "a pending tally that is larger than its row": pending(entry(0, ["api", ""], 0, b"")[:-1] + uint(2**62)),
        "pending keys out of order": pending(entry(2, ["topic", "b"], 5, ACTIVITY), entry(2, ["topic", "b"], -1, ACTIVITY)),
        "a pending name that could be told shorter": pending(entry(2, ["topic", "b"], 5, ACTIVITY), entry(2, ["topic", "b"], 1, ACTIVITY)),
        "a pending name that goes back before its beginning": pending(uint(2) + uint(200) + uint(1) + b"a"),
        "pending names that are no UTF-8": pending(entry(2, [b"topic", b"\xff\xfe"], 5, ACTIVITY)),
        "a pending name that goes on behind its end": pending(entry(2, [b"topic", b"re\0quests"], 5, ACTIVITY)),
        "a pending name of a megabyte": pending(entry(2, ["topic", "x" * 1000000], 5, ACTIVITY)),
        "pending counts that are too many together": "".join(
            f"INSERT INTO pending SELECT book_id, batch_id, part + {100 * i}, 1, x'{row(entry(0, ['api', ''], 480000, MANY)).hex()}', 0 "
            "FROM pending WHERE part < 100;" for i in (1, 2)),
        "pending parts without end": f"UPDATE pending SET part = {INT64_MAX} - part",
        "pending rows of more tallies than there are": f"UPDATE pending SET tallies = {INT64_MAX}",
        "grades that there are not": "UPDATE grade_hour SET grades = CAST(x'" + "ff" * 60 + "' AS BLOB)",
        "too few grades": "UPDATE grade_hour SET grades = x'00'",
        "a day that is empty": "UPDATE service_day SET packed = x''",
        "a day of ones": "UPDATE service_day SET packed = CAST(x'01' || randomblob(1000000) AS BLOB)",
        "a day with 2^62 ranges": "UPDATE service_day SET packed = x'01ffffffffffffffff3f'",
        "a day that lasts for ever": "UPDATE service_day SET packed = x'01000001" + "00ffffffffffffffff7f" + "00'",
        "days at the end of numbers": f"UPDATE service_day SET day = {INT64_MAX}",
        "days at the beginning of numbers": f"UPDATE service_day SET day = {INT64_MIN}",
        "a day without a fault": "UPDATE service_day SET packed = x'010000000100'",
        "a carried state with 2^63 topics": "UPDATE grade_hour SET carried = x'013c01ffffffffffffffffff01'",
        "a carried state of another version": "UPDATE grade_hour SET carried = x'7f'",
        "an hour at the end of numbers": f"UPDATE window_hour SET hour = {INT64_MAX} WHERE hour = (SELECT max(hour) FROM window_hour)",
        "an hour at the beginning of numbers": f"UPDATE window_hour SET hour = {INT64_MIN} WHERE hour = (SELECT min(hour) FROM window_hour)",
        "graded hours at the end of numbers": f"UPDATE grade_hour SET hour = {INT64_MAX} WHERE hour = (SELECT max(hour) FROM grade_hour)",
        "pending hours at the end of numbers": pending(entry(2, ["topic", "requests"], INT64_MAX, ACTIVITY)),
        "pending hours at the end of time": pending(entry(2, ["topic", "requests"], INT64_MAX // (3600 * 10**9), ACTIVITY)),
        "windows at the end of time": pending(entry(0, ["api", ""], INT64_MAX // (3600 * 10**9), MANY)),
        "a first minute at the end of numbers": f"UPDATE service SET first_minute = {INT64_MAX}",
        "a first minute at the beginning of numbers": f"UPDATE service SET first_minute = {INT64_MIN}",
        "work at the end of numbers": f"INSERT INTO regrade SELECT 1, service, {INT64_MAX} FROM service",
        "negative counts": "UPDATE batch_range SET tallied = -tallied",
        "counts at the end of numbers": f"UPDATE batch_range SET delivered = {INT64_MAX}, tallied = {INT64_MAX}",
        "offsets at the end of numbers": f"UPDATE batch_range SET to_offset = {INT64_MAX}",
        "negative offsets": "UPDATE partition_offset SET next_offset = -next_offset - 5",
        "a partition beyond 32 bits": "UPDATE partition_offset SET partition_id = partition_id + 4294967296",
        "complete for ever": f"UPDATE complete_until SET complete_ns = {INT64_MAX}",
        "complete never": f"UPDATE complete_until SET complete_ns = {INT64_MIN}; UPDATE partition_offset SET drained_ns = 1",
        "an incident without end": f"UPDATE incident SET first_minute = {INT64_MIN}, end_minute = {INT64_MAX}, worst = 77",
        "an announcement for ever": f"UPDATE announcement SET from_ns = {INT64_MIN}, to_ns = {INT64_MAX}",
        "a credit beyond numbers": f"UPDATE credit_note SET amount_minor = {INT64_MIN}, total_minor = {INT64_MAX}",
        "a statement that is no JSON": "UPDATE statement SET document = 'x'",
        "a statement that is too deep": "UPDATE statement SET document = '" + "[" * 5000 + "'",
        "a statement that is an empty object": "UPDATE statement SET document = '{}'",
        "numbers with a point": "UPDATE batch_range SET tallied = tallied + 0.5",
        "numbers that are texts": "UPDATE rollup_hour SET total = 'many'",
        "texts that are blobs": "UPDATE stream SET topic = CAST(topic AS BLOB)",
        "blobs that are texts": "UPDATE dead_letter SET bytes = 'text'",
        "a batch id that is a text": "UPDATE batch SET batch_id = hex(batch_id)",
        "names that are no UTF-8": "UPDATE window_hour SET a = CAST(CAST(x'fffe' || a AS BLOB) AS TEXT)",
        "names with a line break": "UPDATE stream SET topic = topic || char(10) || 'uptally: all is well'",
        "a name of a megabyte": "UPDATE window_hour SET a = a || replace(hex(zeroblob(500000)), '0', 'x')",
        "an archive file beyond numbers": f"UPDATE archive_file SET size = {INT64_MAX}, records = {INT64_MAX}, to_offset = {INT64_MAX}",
        "an archive file in no state": "UPDATE archive_file SET state = 'lent'",
        "an archive file of less than nothing": f"UPDATE archive_file SET size = {INT64_MIN}",
        "the archive's book gone": "UPDATE book SET name = NULL WHERE name = 'archive'",
        "a lease for ever": f"UPDATE lease SET fence = {INT64_MAX}, expires_ns = {INT64_MAX}, holder = char(27) || '[2J'",
        "no book": "UPDATE book SET name = NULL",
        "a book of nothing": "UPDATE book SET book_id = book_id + 76",
    }
    # What they break is not for the audit to judge: who may fold, and what other names, plans and amounts people may have meant.
    NO_FINDING = {"a lease for ever", "pending parts without end", "names with a line break", "an announcement for ever", "a credit beyond numbers"}

    def test_never_crash(self):
        for name, sql in self.CASES.items():
            with self.subTest(name):
                audit = (0, 6, 9) if name in self.NO_FINDING else (6, 9)
                self.refused(self.changed(sql, resealed=True), audit=audit, others=(0, 4, 6, 8, 9))

    def test_checksums_are_as_written_here(self):
        """Sealing the untouched store changes nothing: otherwise the cases above would show nothing."""
        self.refused(self.changed("", resealed=True), audit=(0,), others=(0,))


if __name__ == "__main__":
    unittest.main(verbosity=2)
