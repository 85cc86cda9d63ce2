"""Runs programs in turns and says what they cost: CPU seconds, wall seconds, peak memory."""
import os
import statistics
import subprocess


class Failed(Exception):
    """A program did not do what it was started for."""


class Cost:
    """Of one run of one process, from its start to its end."""

    def __init__(self, cpu_s, wall_s, rss_mib, output):
        self.cpu_s, self.wall_s, self.rss_mib, self.output = cpu_s, wall_s, rss_mib, output


launcher = None  # the program bench_cost, which place.Place finds


def run(command, cores=None, folder=None):
    """cores: the CPUs that it may use; None: any."""
    before = os.sched_getaffinity(0)
    costs, theirs = os.pipe()
    if cores is not None:
        os.sched_setaffinity(0, cores)  # inherited; a function between fork and exec would cost milliseconds
    with subprocess.Popen([launcher, str(theirs), *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, pass_fds=(theirs,)) as process:
        os.sched_setaffinity(0, before)
        os.close(theirs)
        output = process.stdout.read()
    with os.fdopen(costs) as file:
        said = file.read().split()
    if process.returncode != 0 or len(said) != 3:
        raise Failed(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{output}")
    cpu_us, wall_us, rss_kib = map(int, said)
    return Cost(cpu_us / 1e6, wall_us / 1e6, rss_kib / 1024, output)


def output(command, folder):
    """What a program says; nothing is measured."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stderr}")
    return done.stdout


def pin(pid, cores):
    """All threads of a process that runs already."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.sched_setaffinity(int(thread), cores)
        except OSError:
            pass  # ended meanwhile


class Series:
    """The runs of one contender."""

    def __init__(self, name, events):
        self.name, self.events, self.costs = name, events, []

    def add(self, cost):
        self.costs.append(cost)

    def cpu_per_million(self):
        return [cost.cpu_s * 1e6 / self.events for cost in self.costs]

    def rate(self):
        return [self.events / cost.wall_s for cost in self.costs]

    def rss_mib(self):
        return max(cost.rss_mib for cost in self.costs)

    def as_json(self):
        return {"name": self.name, "events": self.events,
                "runs": [{"cpu_s": round(c.cpu_s, 4), "wall_s": round(c.wall_s, 4), "rss_mib": round(c.rss_mib, 1)}
                         for c in self.costs]}


def interleaved(runs, contenders):
    """contenders: (Series, function that makes one Cost). One run of each in turn, so that all see the same machine."""
    for _ in range(runs):
        for series, once in contenders:
            series.add(once())


def spread(values, digits=3):
    """The median, and the range in brackets."""
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def ratio(ours, theirs):
    """Of medians."""
    return statistics.median(ours) / statistics.median(theirs)
