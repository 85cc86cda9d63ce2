#!/usr/bin/env python3
"""Starts and stops Apache Kafka (KRaft, one process) and the Apicurio schema registry for the broker tests.

    servers.py start FOLDER KAFKA_LIBS APICURIO   ports, process ids and data go to FOLDER
    servers.py stop FOLDER                        stops by process id what start started

Everything listens on 127.0.0.1, on ports that were free a moment before. FOLDER/servers.json tells the
tests where.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

START_SECONDS_MAX = 90
STOP_SECONDS_MAX = 15
PASSWORD = "canary-of-the-broker"  # of the listener with TLS; no output of the program may hold it

KAFKA_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{broker},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{advertised},SECURE://127.0.0.1:{secure}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURE:SASL_SSL
listener.name.secure.sasl.enabled.mechanisms=PLAIN
listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_reader="{password}";
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={folder}/broker.pem
log.dirs={folder}/data
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
auto.create.topics.enable=false
log.retention.ms=-1
"""


class ServerError(Exception):
    pass


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def spawn(arguments, log, cwd):
    """A process of its own session, so that it outlives the ctest entry that starts it."""
    with open(log, "wb") as output:
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=output,
                                stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True)


def tail(log):
    return "\n".join(Path(log).read_text(errors="replace").splitlines()[-20:])


def wait_until(ready, process, what, log):
    deadline = time.monotonic() + START_SECONDS_MAX
    while not ready():
        if process.poll() is not None:
            raise ServerError(f"{what} ended with status {process.returncode}:\n{tail(log)}")
        if time.monotonic() > deadline:
            raise ServerError(f"{what} is not up after {START_SECONDS_MAX} s:\n{tail(log)}")
        time.sleep(0.1)


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def openssl(folder, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise ServerError(f"openssl {arguments[0]}: {done.stderr}")


def make_authority(folder):
    """ca.pem and ca.key, for certificates of this machine."""
    openssl(folder, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=authority of the tests", "-days", "30")


def make_certificate(folder, name, host="IP:127.0.0.1", days=10):
    """NAME.pem: the key and the certificate of a server, signed by make_authority's."""
    (folder / f"{name}.names").write_text(f"subjectAltName={host}\n")
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
            "-subj", f"/CN={name}")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-extfile", f"{name}.names", "-days", str(days), "-out", f"{name}.crt")
    (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.crt").read_text())


def format_kafka(folder, libs, broker, secure, controller, advertised=None):
    """advertised: the port that clients are told, where something stands between them and the broker."""
    folder.mkdir()
    make_authority(folder)
    make_certificate(folder, "broker")
    properties = folder / "server.properties"
    properties.write_text(KAFKA_PROPERTIES.format(folder=folder, broker=broker, secure=secure, controller=controller,
                                                  advertised=advertised or broker, password=PASSWORD))
    formatted = subprocess.run(
        ["java", "-cp", f"{libs}/*", "kafka.tools.StorageTool", "format", "-t", "dXB0YWxseVRlc3RzS2Fma2", "-c", properties],
        cwd=folder, capture_output=True, text=True, check=False)
    if formatted.returncode != 0:
        raise ServerError(f"Kafka's storage cannot be formatted:\n{formatted.stdout}{formatted.stderr}")


def run_kafka(folder, libs):
    """Of a folder that format_kafka has made; for the first time, or again."""
    return spawn(["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", f"{libs}/*", "kafka.Kafka",
                  str(folder / "server.properties")], folder / "log", folder)


def start_registry(folder, apicurio, port):
    folder.mkdir()
    jars = list(Path(apicurio).rglob("apicurio-registry-app-*-runner.jar"))
    if not jars:
        raise ServerError(f"no runner jar in {apicurio}")
    return spawn(["java", "-Xmx512m", "-XX:TieredStopAtLevel=1", f"-Dquarkus.http.port={port}",
                  "-Dquarkus.http.host=127.0.0.1", "-jar", str(jars[0])], folder / "log", folder)


def start(folder, libs, apicurio):
    for path, name in ((libs, "UPTALLY_KAFKA_LIBS"), (apicurio, "UPTALLY_APICURIO")):
        if not Path(path).is_dir():
            raise ServerError(f"{name} is \"{path}\", which is no folder; bash tests/run fetches it")
    stop(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    broker, secure, controller, registry = free_ports(4)
    url = f"http://127.0.0.1:{registry}/apis/ccompat/v7"
    # The registry first: it takes longer, and both start at the same time.
    registry_process = start_registry(folder / "registry", apicurio, registry)
    state = {"bootstrap": f"127.0.0.1:{broker}", "registry": url, "kafka_libs": str(Path(libs).resolve()),
             "pids": [registry_process.pid],
             "secure": {"bootstrap": f"127.0.0.1:{secure}", "ca": str(folder / "kafka/ca.pem"), "username": "reader",
                        "password": PASSWORD}}
    (folder / "servers.json").write_text(json.dumps(state))
    format_kafka(folder / "kafka", libs, broker, secure, controller)
    kafka_process = run_kafka(folder / "kafka", libs)
    state["pids"].append(kafka_process.pid)
    (folder / "servers.json").write_text(json.dumps(state))
    wait_until(lambda: accepts(broker), kafka_process, "Kafka", folder / "kafka/log")
    wait_until(lambda: answers(f"{url}/subjects"), registry_process, "the registry", folder / "registry/log")
    print(f"Kafka on {state['bootstrap']}, registry on {url}")


def is_ours(pid):
    """A pid may have been given to somebody else since."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"java\0")
    except OSError:
        return False


def stop(folder):
    try:
        pids = json.loads((folder / "servers.json").read_text())["pids"]
    except (OSError, ValueError, KeyError):
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in filter(is_ours, pids):
            os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while any(map(is_ours, pids)) and time.monotonic() < deadline:
            time.sleep(0.1)
    (folder / "servers.json").unlink()
    shutil.rmtree(folder / "kafka/data", ignore_errors=True)  # the logs stay, for whoever asks why


def main(arguments):
    try:
        if len(arguments) == 4 and arguments[0] == "start":
            start(Path(arguments[1]).resolve(), *arguments[2:])
        elif len(arguments) == 2 and arguments[0] == "stop":
            stop(Path(arguments[1]).resolve())
        else:
            print(__doc__.strip(), file=sys.stderr)
            return 2
    except ServerError as error:
        stop(Path(arguments[1]).resolve())
        print(f"servers.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
