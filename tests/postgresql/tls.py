#!/usr/bin/env python3
"""The store behind TLS and a password: what is accepted, and what is refused with a word that names the cause."""

import os
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from server import Server

PROGRAM = os.environ["UPTALLY"]
PASSWORD = "canary-77"


def openssl(folder, *arguments):
    subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, check=True)


def authority(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{name}.key", "-out", f"{name}.pem")


def certificate(folder, name, host, days):
    """Signed by the authority "ca"; days may be negative: expired."""
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr", "-addext", f"subjectAltName={host}")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", str(days), "-copy_extensions", "copy", "-out", f"{name}.pem")


class Tls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp(prefix="uptally-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        authority(cls.folder, "ca")
        authority(cls.folder, "stranger")
        certificate(cls.folder, "good", "IP:127.0.0.1", 2)
        certificate(cls.folder, "elsewhere", "DNS:db.example.com", 2)
        cls.server = Server()
        cls.addClassCleanup(cls.server.close)
        cls.server.create()
        cls.server.sql(f"CREATE ROLE sla LOGIN PASSWORD '{PASSWORD}'; GRANT CREATE ON DATABASE tests TO sla")

    def serve(self, name, protocol="TLSv1.2"):
        """The server again, with that certificate; addresses need TLS and a password, the socket needs nothing."""
        data = self.server.folder / "data"
        self.server.stop()
        for suffix in ("pem", "key"):
            target = self.server.folder / f"server.{suffix}"
            shutil.copy(self.folder / f"{name}.{suffix}", target)
            if os.geteuid() == 0:
                shutil.chown(target, "postgres", "postgres")
            target.chmod(0o600)
        (data / "postgresql.auto.conf").write_text(
            f"ssl = on\nssl_cert_file = '{self.server.folder}/server.pem'\nssl_key_file = '{self.server.folder}/server.key'\n"
            f"ssl_min_protocol_version = 'TLSv1'\nssl_max_protocol_version = '{protocol}'\n")
        (data / "pg_hba.conf").write_text("local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n")
        self.server.start()

    def run_with(self, password=PASSWORD, **server):
        values = {"host": "127.0.0.1", "port": self.server.port, "database": "tests", "user": "sla", "schema": "tls",
                  "password": "${env:STORE_PASSWORD}", **server}
        config = self.folder / "uptally.yaml"
        config.write_text("store:\n  lock_wait: 1s\n  postgresql: {"
                          + ", ".join(f"{key}: \"{value}\"" if key != "port" else f"{key}: {value}"
                                      for key, value in values.items()) + "}\n")
        return subprocess.run([PROGRAM, "aggregate", str(config)], env={**os.environ, "STORE_PASSWORD": password},
                              capture_output=True, text=True, timeout=60, check=False)

    def accepted(self, **options):
        done = self.run_with(**options)
        self.assertEqual(done.returncode, 0, done.stderr)

    def refused(self, words, **options):
        done = self.run_with(**options)
        self.assertEqual(done.returncode, 6, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertNotIn(PASSWORD, done.stdout + done.stderr)

    def test_certificates(self):
        ca, stranger = self.folder / "ca.pem", self.folder / "stranger.pem"
        self.serve("good")
        self.accepted(tls="verify-full", ca_file=ca)
        self.assertEqual(self.server.sql("SELECT count(*) FROM tls.book"), [["1"]])
        self.refused("certificate verify failed", tls="verify-full", ca_file=stranger)
        self.refused("certificate verify failed", tls="verify-full")  # the system's roots do not know it
        self.refused("password authentication failed", tls="verify-full", ca_file=ca, password="wrong")
        self.refused("no encryption", tls="off")
        self.serve("elsewhere")
        self.refused("does not match host name", tls="verify-full", ca_file=ca)
        self.accepted(tls="verify-ca", ca_file=ca)
        self.refused("certificate verify failed", tls="verify-ca", ca_file=stranger)

    def test_old_protocol(self):
        self.serve("good", protocol="TLSv1.1")
        self.refused("SSL", tls="verify-full", ca_file=self.folder / "ca.pem")

    def test_expired(self):
        # openssl x509 takes no date of the past; the server's clock is ours, so the certificate is made by the clock of yesterday.
        if shutil.which("faketime") is None:
            self.fail("Debian package faketime is missing")
        subprocess.run(["faketime", "-f", "-10d", "openssl", "x509", "-req", "-in", "good.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                        "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", "expired.pem"],
                       cwd=self.folder, capture_output=True, check=True)
        shutil.copy(self.folder / "good.key", self.folder / "expired.key")
        self.serve("expired")
        self.refused("certificate verify failed", tls="verify-full", ca_file=self.folder / "ca.pem")


if __name__ == "__main__":
    unittest.main(verbosity=2)
