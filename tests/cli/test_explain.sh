# uptally explain and report --evidence on the demo's month: explanations add up to the statements, archives prove themselves.
. "$(dirname "$0")/expect.sh"

"$UPTALLY" demo --out A --seed 7 >demo.out 2>demo.err </dev/null || fail "demo"
cd A || exit 1
folder=$(pwd)
month=statements/acme-2026/2026-10

# Contract and month are arguments, or options behind the configuration; one answer.
expect 0 explain acme-2026 2026-10
no_err
cp out one
out 'ACME Solar GmbH, 2026-10: 99.267 % measured, 99.5 % agreed: missed'
out 'revision 1, final'
out 'The books say the same'
out 'Target 99.5 %: 19,635 s lost, 13,410 s allowed: missed; 6,225 s less lost would'
out '1240.00 EUR: 10 % of the fee, for'
out 'announcement 3 "Urgent certificate change" (operations): notice too short:'
out 'major, booked as maintenance: costs nothing (announced in time: it is taken'
out 'checks: at worst 4 of 4 instances failed, 3 needed; too few healthy in 121'
out 'Total: all stretches cost 19,635 s; the statement lost 19,635 s: they add up'
[ "$(wc -L <out)" -le 80 ] || fail "wider than 80 columns"
for words in "uptally.yaml acme-2026 2026-10" "--config uptally.yaml acme-2026 2026-10" \
    "uptally.yaml --contract acme-2026 --month 2026-10" "--contract acme-2026 --month 2026-10"; do
    # shellcheck disable=SC2086
    expect 0 explain $words
    cmp -s out one || fail "explain $words says something else"
done
mkdir elsewhere
(cd elsewhere && UPTALLY_CONFIG=../uptally.yaml "$UPTALLY" explain acme-2026 2026-10) >out 2>err
cmp -s out one || fail "UPTALLY_CONFIG is not looked at"

# What is left out is said.
expect 0 explain acme-2026 2026-10 --limit 3
out '13 more incidents and stretches are not listed, by --limit 3: of the result they'
out 'the statement lost 19,635 s: they add up'
expect 0 explain acme-2026 2026-10 --limit 0 --service portal
[ "$(grep -c '^1\.' out)" -eq 0 ] || fail "more than the limit"
out 'Total: all stretches lost'

expect 2 explain acme 2026-10
err_is 'uptally: there is no contract "acme"'
expect 2 explain acme-2026 2025-10
err_is 'uptally: contract "acme-2026" has no statement of 2025-10'
expect 2 explain acme-2026 2026-13
err_is 'uptally: "2026-13" is not a month like 2026-10'
expect 2 explain acme-2026 2026-12
err_is 'uptally: acme-2026, 2026-12: no event of this period has been folded'
expect 2 explain acme-2026 2026-10 --service portl
err_is 'uptally: --service: contract acme-2026 has no service "portl"'
expect 2 explain --month 2026-10
err_is 'uptally: which contract? uptally explain CONTRACT MONTH, or --contract ID'
expect 2 explain acme-2026 2026-10 --month 2026-10
expect 2 explain a b c d
expect 2 explain acme-2026 2026-10 --limit -1
expect 2 explain acme-2026 2026-10 --level latency
err_is 'uptally: --level: contract acme-2026 has no level latency'

# For programs: as the schema has it, and the sums are those of the statement.
for contract in acme-2026 northwind-2026 sakura-2026; do
    expect 0 explain "$contract" 2026-10 --limit 100000 --format json
    cp out "$contract.json"
done
cat >sums.py <<'END'
import json, sys
from fractions import Fraction

sys.path.insert(0, sys.argv[1] + "/tests/oracle")
from statement_schema import ascending, findings

schema = json.load(open(sys.argv[1] + "/schemas/explanation.schema.json"))
for contract in ("acme-2026", "northwind-2026", "sakura-2026"):
    told = json.load(open(contract + ".json"))
    assert findings(told, schema, schema) == [], findings(told, schema, schema)
    assert ascending(told)
    issued = json.load(open(f"statements/{contract}/2026-10/statement-r1.json"))
    stretches = [s for g in told["groups"] for s in g["stretches"]]
    assert told["left_out"]["count"] == 0 and told["books"]["differ"] is False
    assert sum(Fraction(s["cost"]) for s in stretches) == Fraction(issued["budget"]["lost"]), contract
    assert told["total"]["lost"] == told["total"]["stretches"] == issued["budget"]["lost"]
    for service in issued["services"]:
        lost = sum(Fraction(s["lost"]) for g in told["groups"] if g["service"] == service["service"]
                   for s in g["stretches"])
        assert lost == Fraction(service["budget"]["lost"]), service["service"]
    uptime = Fraction(int(told["uptime"]["numerator"]), int(told["uptime"]["denominator"]))
    shares = sum(Fraction(int(s["share"]["numerator"]), int(s["share"]["denominator"])) for s in stretches)
    assert 1 - uptime == shares, contract
    costs = [Fraction(g["cost"]) for g in told["groups"]]
    assert costs == sorted(costs, reverse=True)
    # Of a whole outage requests, coordinates and batches are told.
    worst = told["groups"][0]
    assert worst["coordinates"] and all(c["batches"] and c["low"] <= c["high"] for c in worst["coordinates"])
    for c in worst["coordinates"]:
        assert c["batches"][0]["from"] <= c["low"] and c["high"] < c["batches"][-1]["to"], c
# Every incident of the statement is a group, or lies in one.
told = json.load(open("acme-2026.json"))
issued = json.load(open("statements/acme-2026/2026-10/statement-r1.json"))
assert {(i["service"], i["from"]) for i in issued["incidents"]} == \
    {(g["service"], g["incident"]) for g in told["groups"] if g["incident"]}
END
python3 sums.py "$SOURCE_DIR" || fail "the explanations do not add up"

# The archive: opened by others, hashes right, the same again, and the statement's own bytes in it.
expect 2 report --evidence --stdout
err_is 'uptally: --evidence is an archive in the output folder: not with --stdout'
expect 0 report --evidence --month 2026-10 --contract acme-2026
out "$month/evidence-r1.zip"
cp $month/evidence-r1.zip first.zip
expect 0 report --evidence --month 2026-10
cmp -s first.zip $month/evidence-r1.zip || fail "the archive has other bytes the second time"
cat >pack.py <<'END'
import csv, hashlib, io, json, sys, zipfile

sys.path.insert(0, sys.argv[1] + "/tests/oracle")
from statement_schema import ascending, findings

for contract in ("acme-2026", "northwind-2026", "sakura-2026"):
    place = f"statements/{contract}/2026-10/"
    pack = zipfile.ZipFile(place + "evidence-r1.zip")
    assert pack.testzip() is None
    names = pack.namelist()
    folder = f"evidence-{contract}-2026-10-r1/"
    assert names == sorted(names) and all(n.startswith(folder) for n in names)
    assert {i.date_time for i in pack.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    files = {n.removeprefix(folder): pack.read(n) for n in names}
    manifest = json.loads(files["manifest.json"])
    schema = json.load(open(sys.argv[1] + "/schemas/evidence.schema.json"))
    assert findings(manifest, schema, schema) == [], findings(manifest, schema, schema)
    assert {f["name"] for f in manifest["files"]} == set(files) - {"manifest.json", "SHA256SUMS"}
    for f in manifest["files"]:
        assert f["sha256"] == hashlib.sha256(files[f["name"]]).hexdigest() and f["size"] == len(files[f["name"]])
        assert f["name"] in files["README.txt"].decode() or "-r1." in f["name"] or f["name"] == "README.txt"
    for suffix in ("json", "html", "csv"):
        assert files["statement-r1." + suffix] == open(place + "statement-r1." + suffix, "rb").read()
    issued = json.loads(files["statement-r1.json"])
    assert json.loads(files["terms.json"]) == issued["contract"]["terms"]
    assert manifest["statement"]["sha256"] == hashlib.sha256(files["statement-r1.json"]).hexdigest()
    rows = {n: list(csv.DictReader(io.StringIO(files[n].decode(), newline=""))) for n in files
            if n.endswith(".csv") and "-r1" not in n}
    # The minutes of the period are those that the statement counted.
    begin, end = (issued["period"][k] for k in ("from", "to"))
    from datetime import datetime
    begin, end = (datetime.fromisoformat(t) for t in (begin, end))
    at = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
    for service in issued["services"]:
        inside = [r for r in rows["windows.csv"] if r["service"] == service["service"] and begin <= at(r["minute"]) < end]
        for key in ("total", "errors", "slow"):
            assert sum(int(r[key]) for r in inside) == service["requests"][key], (service["service"], key)
        states = [r for r in rows["states.csv"] if r["service"] == service["service"]]
        assert all(a["to"] == b["from"] for a, b in zip(states, states[1:]))
        assert at(states[0]["from"]) <= begin and end <= at(states[-1]["to"])
    services = {s["service"] for s in issued["services"]}
    for name in ("windows.csv", "states.csv", "instances.csv", "coordinates.csv", "incidents.csv"):
        assert rows[name] and {r["service"] for r in rows[name]} <= services, name
    assert [(i["service"], i["lost_seconds"]) for i in issued["incidents"]] == \
        [(r["service"], r["lost_seconds"]) for r in rows["incidents.csv"]]
    # Offsets of the statement are within those of the tables, and all of them in batches.
    for p in issued["completeness"]["partitions"]:
        key = [str(p[k]) for k in ("cluster", "topic", "incarnation", "partition")]
        same = lambda r: [r[k] for k in ("cluster", "topic", "incarnation", "partition")] == key
        mine = [r for r in rows["coordinates.csv"] if same(r)]
        assert min(int(r["low"]) for r in mine) <= p["low"] and max(int(r["high"]) for r in mine) >= p["high"]
        batches = [r for r in rows["batches.csv"] if same(r)]
        assert int(batches[0]["from"]) <= p["low"] and p["high"] < int(batches[-1]["to"])
        assert all(a["to"] == b["from"] for a, b in zip(batches, batches[1:]))
    told = json.loads(files["explanation.json"])
    assert told["total"]["stretches"] == issued["budget"]["lost"] and ascending(told)
    assert files["explanation.txt"].decode().rstrip().replace("\n ", "").endswith("add up")
END
python3 pack.py "$SOURCE_DIR" || fail "the archive does not prove itself"
mkdir unpacked
(cd unpacked && python3 -m zipfile -e "../$month/evidence-r1.zip" . && cd ./* && sha256sum -c SHA256SUMS) >out 2>err ||
    fail "sha256sum finds something"
[ "$(grep -c ': OK$' out)" -ge 17 ] || fail "sha256sum looked at too few files"

# Its tables are input: evaluated again they give the same fraction and the same credit.
if "$UPTALLY" help evaluate >out 2>err; then
    for contract in acme-2026 northwind-2026 sakura-2026; do
        python3 -m zipfile -e "statements/$contract/2026-10/evidence-r1.zip" again
        pack=again/evidence-$contract-2026-10-r1
        expect 0 evaluate uptally.yaml --contract "$contract" --month 2026-10 --windows "$pack/windows.csv" \
            --states "$pack/states.csv" --announcements "$pack/announcements.csv" --format json
        python3 - "$pack/statement-r1.json" <<'END' || fail "evaluate says something else of $contract"
import json, sys
from fractions import Fraction

again, issued = json.load(open("out")), json.load(open(sys.argv[1]))
fraction = lambda u: Fraction(int(u["numerator"]), int(u["denominator"]))
assert fraction(again["uptime"]) == fraction(issued["uptime"])
assert again["credit"]["amount"] == issued["credit"]["amount"]
END
    done
fi

# Killed before the archive has its name: nothing half is seen, and the next run ends in the same bytes.
rm $month/evidence-r1.zip
UPTALLY_FAULT=draft.write.sync:1:kill "$UPTALLY" report --evidence --month 2026-10 --contract acme-2026 >out 2>err
[ $? -eq 137 ] || fail "it was not killed"
[ ! -e $month/evidence-r1.zip ] || fail "half an archive is published"
[ -n "$(find $month -name '.new-*')" ] || fail "the kill left no draft: it did not hit"
expect 0 report --evidence --month 2026-10 --contract acme-2026
cmp -s first.zip $month/evidence-r1.zip || fail "other bytes after a kill"
[ -z "$(find $month -name '.new-*')" ] || fail "the draft of the killed run is still there"

# Books that changed after the issue: said, until the next report issues what follows from it.
expect 0 announce --cancel 1 --reason 'never happened' --author ops
expect 0 explain acme-2026 2026-10 --limit 0
out 'THE BOOKS DIFFER from it'
out '  19,635 s lost.'
out 'the books lost 29,235 s: they add up'
expect 0 explain acme-2026 2026-10 --limit 0 --format json
out '"differ": true'
expect 0 report --evidence --month 2026-10 --contract acme-2026
err 'revision 2 is issued'
python3 -c 'import json, zipfile
pack = zipfile.ZipFile("'$month'/evidence-r2.zip")
folder = "evidence-acme-2026-2026-10-r2/"
assert json.loads(pack.read(folder + "manifest.json"))["books"]["differ"] is False
assert {folder + "statement-r1.json", folder + "statement-r2.json"} <= set(pack.namelist())
assert pack.read(folder + "announcements.csv").count(b"cancelled") == 1' || fail "the archive does not hold both revisions"
cmp -s first.zip $month/evidence-r1.zip || fail "the archive of the first revision changed"
expect 0 explain acme-2026 2026-10 --limit 0
out ' lost 29,235 s: they add up'

# Terms that changed within the month: two statements, the second named by its first day.
python3 - <<'END'
text = open("uptally.yaml").read()
head, tail = text.split("contracts:\n", 1)
acme = tail.split("  - id: northwind")[0]
first = acme.replace("valid_until: 2027-01-01", "valid_until: 2026-10-15")
second = acme.replace("valid_from: 2026-01-01", "valid_from: 2026-10-15").replace("target: 99.5", "target: 99.9")
open("versions.yaml", "w").write(head + "contracts:\n" + second + first)
END
expect 0 explain versions.yaml acme-2026 2026-10 --limit 0
out 'ACME Solar GmbH, 2026-10:'
out '99.5 % agreed'
expect 0 explain versions.yaml acme-2026 2026-10-15 --limit 0
out 'ACME Solar GmbH, 2026-10-15:'
out '99.9 % agreed'
expect 2 explain versions.yaml acme-2026 2026-10-14
err_is 'uptally: contract "acme-2026" has no statement of 2026-10-14'

# A contract that asks for what was not kept of its requests has no statement, and none that could be explained; others go on.
sed 's/method: state_time/method: total_failure_runs\n      min_run: 60s/; /weights:/d; /min_outage:/d; s/^output: .*/output: refused/' uptally.yaml >never.yaml
refusal='sakura-2026: service reports: of requests from 2026-09-30T15:00:00Z to 2026-10-31T15:00:00Z the store did not keep what method total_failure_runs needs'
expect 3 explain never.yaml sakura-2026 2026-10
err "uptally: $refusal, because they were read before a contract asked for it; let valid_from lie behind them, or measure with evaluate"
no_out
sed '/sakura-2026/,$ { s/sakura-2026/later-2026/; s/method: state_time/method: time_slices\n      slice: 5m\n      latency: {percentile: 95, below: 1s}/; /weights:/d; /min_outage:/d }
    s/valid_from: 2026-01-01/valid_from: 2026-10-01/; s/^output: .*/output: refused/' uptally.yaml >later.yaml
expect 3 report later.yaml --contract later-2026 --month 2026-10
err "uptally: later-2026: service reports: of requests from 2026-09-30T15:00:00Z"
no_out
[ ! -e refused ] || [ -z "$(ls -A refused)" ] || fail "something was published"
expect 3 nightly later.yaml
err "uptally: later-2026: service reports: of requests from 2026-09-30T15:00:00Z"
out 'refused/acme-2026/2026-10/'
expect 0 audit uptally.yaml

# A quarter is asked for by a month of it, or by its name.
sed 's/^    digits: 2$/    digits: 2\n    period: quarter/' uptally.yaml >quarter.yaml
expect 0 explain quarter.yaml sakura-2026 2026-11 --limit 0
out 'Sakura Denki K.K., 2026-Q4:'
cp out quarter
expect 0 explain quarter.yaml sakura-2026 2026-Q4 --limit 0
cmp -s out quarter || fail "the name of a quarter says something else than its month"
expect 2 explain quarter.yaml sakura-2026 2026-Q5
err_is 'uptally: "2026-Q5" is not a month like 2026-10'

# A month that is not over: provisional, and its archive says so.
expect 0 explain acme-2026 2026-11 --limit 2
out 'provisional. It is measured as far as the'
expect 0 report --evidence --month 2026-11 --contract acme-2026
out statements/acme-2026/2026-11/evidence-provisional.zip
python3 -c 'import json, zipfile
pack = zipfile.ZipFile("statements/acme-2026/2026-11/evidence-provisional.zip")
folder = "evidence-acme-2026-2026-11-provisional/"
assert json.loads(pack.read(folder + "provisional.json"))["status"] == "provisional"
assert json.loads(pack.read(folder + "manifest.json"))["statement"]["status"] == "provisional"' || fail "provisional"
exit 0
