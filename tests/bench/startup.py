"""Small commands: from exec to exit."""
import shutil
import statistics

import measure

NAME = "start-up"
HELP = "small commands, from start to end"


def repeated(repeats, command, folder):
    """The median of some runs: a single one is too short for the clock of the kernel."""
    costs = sorted((measure.run(command, folder=folder) for _ in range(repeats)), key=lambda cost: cost.wall_s)
    return costs[repeats // 2]


def run(place, options, report):
    topic = place.topic("request", min(options.events, 100000))
    folder = place.configuration(topic)
    program = place.program("uptally")
    try:
        measure.output([program, "consume", "bench.yaml", "--quiet"], folder)
        measure.output([program, "aggregate", "bench.yaml", "--quiet"], folder)
        cases = [("--version", [program, "--version"], 5), ("status", [program, "status", "bench.yaml"], 20)]
        series = [measure.Series(name, 1) for name, _, _ in cases]
        measure.interleaved(options.runs, [
            (s, lambda command=command: repeated(options.repeats, command, folder)) for s, (_, command, _) in zip(series, cases)])
        for s, (name, _, limit_ms) in zip(series, cases):
            # Wall time is what people wait for; on a machine that is busy with other things CPU time says more.
            report.value(f"{name}: wall time, ms", statistics.median(c.wall_s for c in s.costs) * 1000, at_most=limit_ms)
            report.value(f"{name}: CPU time, ms", statistics.median(c.cpu_s for c in s.costs) * 1000, at_most=limit_ms)
    finally:
        shutil.rmtree(folder)
