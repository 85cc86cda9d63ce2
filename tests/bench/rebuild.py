"""Reading archives again, beside programs that read the same events from plain Avro files."""
import datetime
import shutil
import statistics
import tempfile
from pathlib import Path

import measure
import peers

NAME = "rebuild"
HELP = "archives read again, beside readers of the same events in plain Avro files"
CODECS = ("deflate", "null")
FILE_BYTES = "64 MiB"  # so that there are more files than threads, as in a month
MEMORY_MIB = 64        # per worker
REBUILD, BATCH, FIXED, ARROW = "uptally rebuild", "from the file to the open batch", "fixed C decoder", "Rust, arrow-avro"


def has_command(place):
    return "rebuild" in measure.output([place.program("uptally"), "--help"], place.folder).split()


class Files:
    """The events of a topic in the live book, as `uptally archive` keeps them, and as plain files."""

    def __init__(self, place, topic, codec):
        self.place, self.topic = place, topic
        self.uptally = place.program("uptally")
        self.month = datetime.datetime.fromtimestamp(place.start, datetime.timezone.utc).strftime("%Y-%m")
        archive = {"folder": "archive", "codec": codec, "file_bytes": FILE_BYTES}
        self.folder = place.configuration(topic, archive=archive)
        for words in (["consume"], ["aggregate"], ["archive"]):
            measure.output([self.uptally, *words, "bench.yaml", "--quiet"], self.folder)
        self.archive = sorted(map(str, self.folder.glob("archive/**/*.avro")))
        plain = Path(tempfile.mkdtemp(dir=self.folder))
        measure.output([place.program("bench_files"), plain, topic.schema, place.schema_file(topic.schema), str(topic.events),
                        str(topic.partitions), str(topic.services), str(place.start), codec], self.folder)
        self.plain = sorted(map(str, plain.glob("*.avro")))
        self.store = self.folder / "before.db"
        (self.folder / "bench.db").rename(self.store)

    def rebuild(self, threads):
        """Ends with another status than 0 unless every window is, bit by bit, that of the live book."""
        for left in self.folder.glob("bench.db*"):
            left.unlink()
        shutil.copy(self.store, self.folder / "bench.db")
        return measure.run([self.uptally, "rebuild", "bench.yaml", "--month", self.month, "--threads", str(threads), "--quiet"],
                           set(range(threads)), self.folder)

    def batch(self, threads):
        return measure.run([self.place.program("bench_archive"), str(self.topic.events), self.place.schema_file(self.topic.schema),
                            str(threads), *self.archive], set(range(threads)))

    def ours(self):
        return (REBUILD, self.rebuild) if has_command(self.place) else (BATCH, self.batch)

    def other(self, program, threads, check=False):
        return peers.run(lambda out: [program, out, *self.plain], self.topic, set(range(threads)), self.folder, check)

    def close(self):
        shutil.rmtree(self.folder)


def one_core(files, options, report, codec):
    """CPU per event beside the others."""
    ours, once = files.ours()
    runs = {ours: once, BATCH: files.batch}
    for name, program in ((FIXED, files.place.program("fixed")), (ARROW, peers.find("arrow_avro"))):
        if program:
            files.other(program, 1, check=True)
            runs[name] = lambda threads, program=program: files.other(program, threads)
    series = {name: measure.Series(name, files.topic.events) for name in runs}
    measure.interleaved(options.runs, [(series[name], lambda once=once: once(1)) for name, once in runs.items()])
    report.series(f"{codec}, 1 core", list(series.values()))
    cpu = series[ours].cpu_per_million()
    if ARROW in series:
        report.ratio(f"{codec}, 1 core: CPU of arrow-avro", measure.ratio(cpu, series[ARROW].cpu_per_million()), at_most=0.6)
    report.ratio(f"{codec}, 1 core: CPU of the fixed decoder", measure.ratio(cpu, series[FIXED].cpu_per_million()),
                 at_most=1.25 if codec == "deflate" else None)
    report.value(f"{codec}, 1 core: peak memory, MiB", series[ours].rss_mib(), at_most=MEMORY_MIB)


def more_cores(files, options, report, codec):
    """Events per second of several threads against one, in pairs that follow each other. On a busy machine only the ratio of CPU says anything."""
    ours, once = files.ours()
    for cores in (n for n in options.cores if n > 1):
        one = measure.Series(f"{ours}, 1 thread", files.topic.events)
        several = measure.Series(f"{ours}, {cores} threads", files.topic.events)
        measure.interleaved(options.runs, [(one, lambda: once(1)), (several, lambda n=cores: once(n))])
        report.series(f"{codec}, {cores} cores", [one, several])
        report.ratio(f"{codec}: events per second, {cores} cores of one",
                     statistics.median(b / a for a, b in zip(one.rate(), several.rate())), at_least=0.925 * cores)
        report.ratio(f"{codec}: CPU, {cores} cores of one", measure.ratio(several.cpu_per_million(), one.cpu_per_million()))
        report.value(f"{codec}, {cores} cores: peak memory per worker, MiB", several.rss_mib() / cores, at_most=MEMORY_MIB)


def run(place, options, report):
    topic = place.topic("request", options.events)
    for codec in CODECS:
        files = Files(place, topic, codec)
        try:
            one_core(files, options, report, codec)
            if codec == "deflate":
                more_cores(files, options, report, codec)
        finally:
            files.close()
