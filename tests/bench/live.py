"""The live path: `uptally consume` drains a topic into a new store, beside programs that only drain it."""
import csv
import datetime
import io
import shutil

import measure
import peers

# As programs on librdkafka are usually tuned: large answers. What the drain does with the settings of our own source is how far librdkafka itself could be brought.
USUAL = ["fetch.message.max.bytes", "4194304", "fetch.max.bytes", "52428800"]
NAME = "live"
HELP = "consume from Kafka, beside the bare drain of librdkafka"


def minute_of(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())


def check_counts(place, topic, folder):
    """The windows are those that the generator wrote, each of them."""
    measure.output([place.program("uptally"), "aggregate", "bench.yaml", "--quiet"], folder)
    rows = csv.DictReader(io.StringIO(measure.output([place.program("uptally"), "export", "windows", "bench.yaml"], folder)))
    counted = sorted([r["service"], minute_of(r["minute"]), int(r["total"]), int(r["errors"]), int(r["slow"])] for r in rows)
    peers.must_equal(topic.name, counted, peers.counted(topic.truth))


def drain(place, topic, program, cores, *properties):
    return measure.run([place.program(program), place.bootstrap, topic.name, *properties], cores)


def consume(place, topic, cores, check):
    folder = place.configuration(topic)
    try:
        cost = measure.run([place.program("uptally"), "consume", "bench.yaml", "--quiet"], cores, folder)
        if check:
            check_counts(place, topic, folder)
        return cost
    finally:
        shutil.rmtree(folder)


def go_peer(place, topic, program, cores, check):
    command = lambda out: [program, out, place.bootstrap, topic.name, place.schema_file(topic.schema)]  # noqa: E731
    return peers.run(command, topic, cores, place.folder, check)


def case(place, options, report, schema, cores):
    topic = place.topic(schema, options.events)
    pinned = None if cores > 1 else {1}
    place.hold_broker({0} if cores == 1 else set(range(cores)))
    bare = measure.Series("bare drain, usual settings, glibc", topic.events)
    allocated = measure.Series("bare drain, usual settings, mimalloc", topic.events)
    tuned = measure.Series("bare drain, our settings, mimalloc", topic.events)
    own = measure.Series("uptally consume", topic.events)
    go = measure.Series("Go: franz-go, hamba/avro", topic.events)
    program = peers.find("kafka_go") if schema == "request" else None  # it knows this schema only
    contenders = [(bare, lambda: drain(place, topic, "bench_drain", pinned, *USUAL)),
                  (allocated, lambda: drain(place, topic, "bench_drain_mimalloc", pinned, *USUAL)),
                  (tuned, lambda: drain(place, topic, "bench_drain_mimalloc", pinned)),
                  (own, lambda: consume(place, topic, pinned, check=False))]
    consume(place, topic, pinned, check=True)  # also warms the page cache
    if program:
        go_peer(place, topic, program, pinned, check=True)
        contenders.append((go, lambda: go_peer(place, topic, program, pinned, check=False)))
    measure.interleaved(options.runs, contenders)
    where = f"{schema} ({topic.body_bytes:.0f} bytes), {cores} core{'s' if cores > 1 else ''}"
    report.series(where, [series for series, _ in contenders])
    cpu = own.cpu_per_million()
    wanted = 1.2 if schema == "request" else 1.3
    if schema == "request":
        report.ratio(f"{where}: CPU of the bare drain, usual settings, glibc", measure.ratio(cpu, bare.cpu_per_million()), at_most=0.8)
    report.ratio(f"{where}: CPU of the bare drain, usual settings, mimalloc", measure.ratio(cpu, allocated.cpu_per_million()), at_most=wanted)
    if schema == "request" and cores == 1:
        report.ratio(f"{where}: rate of the bare drain, usual settings, mimalloc", measure.ratio(own.rate(), allocated.rate()), at_least=0.9)
    report.ratio(f"{where}: CPU of the bare drain, our settings, mimalloc", measure.ratio(cpu, tuned.cpu_per_million()))
    if program:
        report.ratio(f"{where}: CPU of the Go program", measure.ratio(cpu, go.cpu_per_million()), at_most=0.7)
        report.ratio(f"{where}: rate of the Go program", measure.ratio(own.rate(), go.rate()), at_least=1)
    report.value(f"{where}: peak memory of uptally, MiB", own.rss_mib(), at_most=160)


def run(place, options, report):
    for schema in options.schemas:
        for cores in options.cores:
            case(place, options, report, schema, cores)
