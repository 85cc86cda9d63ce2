"""Reading archives again, beside programs that read the same events from plain Avro files."""
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
OURS, FIXED, ARROW = "bench_archive", "fixed C decoder", "Rust, arrow-avro"


class Files:
    """The events of a topic, as `uptally archive` keeps them and as plain files."""

    def __init__(self, place, topic, codec):
        self.place, self.topic = place, topic
        archive = {"folder": "archive", "codec": codec, "file_bytes": FILE_BYTES}
        self.folder = place.configuration(topic, archive=archive)
        measure.output([place.program("uptally"), "archive", "bench.yaml", "--quiet"], self.folder)
        self.archive = sorted(map(str, self.folder.glob("archive/**/*.avro")))
        plain = Path(tempfile.mkdtemp(dir=self.folder))
        measure.output([place.program("bench_files"), plain, topic.schema, place.schema_file(topic.schema), str(topic.events),
                        str(topic.partitions), str(topic.services), str(place.start), codec], self.folder)
        self.plain = sorted(map(str, plain.glob("*.avro")))

    def ours(self, threads):
        cores = set(range(threads))
        return measure.run([self.place.program("bench_archive"), str(self.topic.events), self.place.schema_file(self.topic.schema),
                            str(threads), *self.archive], cores)

    def other(self, program, threads, check=False):
        return peers.run(lambda out: [program, out, *self.plain], self.topic, set(range(threads)), self.folder, check)

    def close(self):
        shutil.rmtree(self.folder)


def one_core(files, options, report, codec):
    """CPU per event beside the others."""
    arrow = peers.find("arrow_avro")
    series = {OURS: measure.Series(OURS, files.topic.events), FIXED: measure.Series(FIXED, files.topic.events)}
    contenders = [(series[OURS], lambda: files.ours(1)),
                  (series[FIXED], lambda: files.other(files.place.program("fixed"), 1))]
    if arrow:
        series[ARROW] = measure.Series(ARROW, files.topic.events)
        contenders.append((series[ARROW], lambda: files.other(arrow, 1)))
    for name, program in ((FIXED, files.place.program("fixed")), (ARROW, arrow)):
        if name in series:
            files.other(program, 1, check=True)
    measure.interleaved(options.runs, contenders)
    report.series(f"{codec}, 1 core", list(series.values()))
    cpu = series[OURS].cpu_per_million()
    if arrow:
        report.ratio(f"{codec}, 1 core: CPU of arrow-avro", measure.ratio(cpu, series[ARROW].cpu_per_million()), at_most=0.6)
    report.ratio(f"{codec}, 1 core: CPU of the fixed decoder", measure.ratio(cpu, series[FIXED].cpu_per_million()),
                 at_most=1.25 if codec == "deflate" else None)
    report.value(f"{codec}, 1 core: peak memory, MiB", series[OURS].rss_mib(), at_most=MEMORY_MIB)


def more_cores(files, options, report, codec):
    """Events per second of several threads against one, in pairs that follow each other."""
    for cores in (n for n in options.cores if n > 1):
        one, several = measure.Series(f"{OURS}, 1 thread", files.topic.events), measure.Series(f"{OURS}, {cores} threads", files.topic.events)
        measure.interleaved(options.runs, [(one, lambda: files.ours(1)), (several, lambda n=cores: files.ours(n))])
        report.series(f"{codec}, {cores} cores", [one, several])
        report.ratio(f"{codec}: events per second, {cores} cores of one",
                     statistics.median(b / a for a, b in zip(one.rate(), several.rate())), at_least=0.925 * cores)
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
