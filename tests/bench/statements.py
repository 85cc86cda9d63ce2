"""Statements of a month: reading, evaluating, writing. No broker."""
import json
import statistics

import books
import measure

NAME = "report"
HELP = "statements of a month from a full store, beside DuckDB over the same minutes; no broker"
RATE = 20  # events per minute and service
FORMS_MS = 5  # a contract in all forms but PDF: 1,000 of them in 5 s
QUERY = ("SELECT service, count(*), sum(total), sum(errors), sum(slow), count(*) FILTER (WHERE errors * 20 > total) "
         "FROM minutes GROUP BY service")
COLUMNS = "{'service': 'VARCHAR', 'minute': 'BIGINT', 'total': 'BIGINT', 'errors': 'BIGINT', 'slow': 'BIGINT'}"
DUCKDB = """
import sys, time, duckdb
store = duckdb.connect(sys.argv[1], config={"threads": 1})
store.execute("SET enable_progress_bar = false")
if len(sys.argv) > 2:
    store.execute("CREATE TABLE minutes AS SELECT * FROM read_csv('" + sys.argv[2] + "', columns=%s, header=false)")
else:
    store.execute("SELECT count(*) FROM minutes").fetchall()
    start = time.process_time()
    rows = store.execute(%r).fetchall()
    print(time.process_time() - start, sum(row[2] for row in rows))
""" % (COLUMNS, QUERY)


def issue(month, report, runs, name, configuration, *words, at_most=None):
    """Statements are issued anew in each run, on the pages of the store that the one before left in memory."""
    costs = []
    for _ in range(runs):
        month.forget()
        costs.append(month.run("report", f"{configuration}.yaml", "--month", books.MONTH, "--quiet", *words))
    report.value(f"{name}: CPU ms", statistics.median(c.cpu_s for c in costs) * 1000, at_most=at_most)
    report.value(f"{name}: wall ms", statistics.median(c.wall_s for c in costs) * 1000)
    return max(c.rss_mib for c in costs)


def read_once(month, *csv, configuration="each"):
    return json.loads(measure.run([month.place.program("bench_read"), f"{configuration}.yaml", *csv], folder=month.folder).output)


def cost(done):
    return done["read_s"] + done["evaluate_s"]


def duckdb(month, python, *words):
    return measure.run([python, "-c", DUCKDB, str(month.folder / "peer.duckdb"), *words], folder=month.folder).output


def beside_duckdb(month, report, options):
    """Both read the same minutes; DuckDB only adds them up."""
    facts = read_once(month, "rows.csv")
    duckdb(month, options.duckdb, str(month.folder / "rows.csv"))
    ours, minutes, theirs = [], [], []
    for _ in range(options.runs):
        ours.append(cost(read_once(month)))
        minutes.append(cost(read_once(month, configuration="minutes")))
        cpu_s, requests = duckdb(month, options.duckdb).splitlines()[-1].split()
        if int(requests) != facts["requests"]:
            raise measure.Failed(f"DuckDB counts {requests} requests, uptally {facts['requests']}")
        theirs.append(float(cpu_s))
    report.value("DuckDB, the same minutes added up: CPU ms", statistics.median(theirs) * 1000)
    report.ratio("read and evaluate a month: CPU / DuckDB's", measure.ratio(ours, theirs), at_most=1)
    report.ratio("the same by a method that looks at each minute: CPU / DuckDB's", measure.ratio(minutes, theirs))


def run(place, options, report):
    month = books.Month(place, options.services, options.hours, RATE)
    try:
        reads = [read_once(month) for _ in range(options.runs)]
        if any(done["requests"] != month.facts["events"] for done in reads):
            raise measure.Failed(f"{month.facts['events']} events were committed, and other numbers were read")
        report.value(f"read a month of {options.services} services: CPU ms", statistics.median(r["read_s"] for r in reads) * 1000)
        report.value("evaluate it: CPU ms", statistics.median(r["evaluate_s"] for r in reads) * 1000)
        if options.duckdb:
            beside_duckdb(month, report, options)
        issue(month, report, options.runs, "a contract of 20 services, JSON", "one", "--format", "json", at_most=50)
        issue(month, report, options.runs, "a contract of 20 services, HTML", "one", "--format", "html")
        issue(month, report, options.runs, "a contract of 20 services, all with PDF", "one")
        rss = issue(month, report, 1, f"{options.services} contracts, JSON", "each", "--format", "json")
        rss = max(rss, issue(month, report, 1, f"{options.services} contracts, JSON, HTML and CSV", "each", "--format", "json,html,csv",
                             at_most=FORMS_MS * options.services))
        report.value("report: peak memory, MiB", rss)
        for name, configuration in (("status", "one"), (f"status, {options.services} contracts", "each")):
            status = [month.run("status", f"{configuration}.yaml") for _ in range(options.runs)]
            report.value(f"{name}: CPU ms", statistics.median(c.cpu_s for c in status) * 1000)
            report.value(f"{name}: wall ms", statistics.median(c.wall_s for c in status) * 1000, at_most=20)
    finally:
        month.close()
