# Statements live on: late events and reclassifications make revisions, claims are held against deadlines, anybody can verify the files.
# The books are those of tests/faults/small_store.c: one issued statement, and failed checks of its month that nobody has folded yet.
: "${SMALL_STORE:?path of small_store}"
[ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && export TMPDIR=/dev/shm
. "$(dirname "$0")/expect.sh"

mkdir sound && "$SMALL_STORE" sound || fail "small_store"
month=work/statements/acme/2024-10
fresh() { rm -rf work && cp -r sound work; }
sql() {
    python3 -c 'import sqlite3, sys
db = sqlite3.connect("work/uptally.db", timeout=60)
for command in sys.argv[1:]:
    for row in db.execute(command):
        print(*row)
db.commit()' "$@" || fail "sql: $*"
}
# at FILE PATH: the value in a JSON document.
at() {
    python3 -c 'import json, sys
value = json.load(open(sys.argv[1]))
for key in sys.argv[2].split("."):
    value = value[int(key) if key.isdigit() else key]
print(value if isinstance(value, str) else json.dumps(value, sort_keys=True))' "$1" "$2"
}
is_at() { [ "$(at "$1" "$2")" = "$3" ] || fail "$1: $2 is $(at "$1" "$2"), not $3"; }

# Late events. Nightly folds them, issues revision 2 and leaves the first one as it is.
fresh
expect 0 nightly work/uptally.yaml --dry-run
no_out_of=$(grep -c acme out)
[ "$no_out_of" -eq 0 ] || fail "due before anything is folded: $(cat out)"
expect 0 nightly work/uptally.yaml
out "$month/statement-r2.json"
err 'acme, 2024-10: revision 2 is issued: late data changed the result'
err 'credit 100.00 EUR (revision 2)'
for file in sound/statements/acme/2024-10/*; do
    cmp -s "$file" "$month/$(basename "$file")" || fail "$file was touched"
done
is_at $month/statement-r2.json changes.causes '["late_data"]'
is_at $month/statement-r2.json changes.seconds_moved.major 600
is_at $month/statement-r2.json status restated
is_at $month/statement-r2.json changes.sha256_before "$(sha256sum <$month/statement-r1.json | cut -d' ' -f1)"
is_at $month/statement-r2.json changes.before.uptime "$(at $month/statement-r1.json uptime)"
is_at $month/statement-r2.json changes.credit_difference.amount 0.00
[ ! -e $month/credit-note-r2.json ] || fail "a note of no difference"
grep -q 'events that were read later' $month/statement-r2.html || fail "the page does not say why"
grep -q '^change,,cause,late_data' $month/statement-r2.csv || fail "the table does not say why"
grep -q 'customers saw it slow' $month/statement-r1.html || fail "the page does not name the reclassification"
expect 0 nightly work/uptally.yaml
err 'nothing is due'
expect 0 audit work/uptally.yaml --published work/statements
python3 - "$SOURCE_DIR" $month/statement-r?.json <<'END' || fail "not as the schema has it"
import json, sys
sys.path.insert(0, sys.argv[1] + "/tests/oracle")
from statement_schema import ascending, findings
schema = json.load(open(sys.argv[1] + "/schemas/statement.schema.json"))
for path in sys.argv[2:]:
    document = json.load(open(path))
    found = findings(document, schema, schema)
    assert not found and ascending(document), (path, found)
END

# With a reclassification of all trouble the credit is taken back: a negative note, and what was credited in all is the last revision's credit.
reclassify() { expect 0 reclassify work/uptally.yaml --service api --from "$1" --to "$2" --as operational --reason "probe failed" --author eve; }
excuse() {
    reclassify 2024-10-31T17:30:00Z 2024-10-31T18:30:00Z
    out 4
    reclassify 2024-10-31T22:30:00Z 2024-10-31T23:00:00Z
}
fresh
excuse
mv work excused # recorded once: the time of the record is in the statement
cp -r excused work
expect 0 nightly work/uptally.yaml
err 'late data and a reclassification changed the result'
err 'credit note CN-acme-2024-10-r2: -100.00 EUR'
is_at $month/statement-r2.json credit.amount_minor 0
is_at $month/credit-note-r2.json amount -100.00
is_at $month/credit-note-r2.json total_minor 0
[ "$(sql "SELECT sum(amount_minor) FROM credit_note WHERE contract = 'acme'")" = 0 ] || fail "credited in all is not the last credit"
expect 0 credits work/uptally.yaml --month 2024-10
out 'CN-acme-2024-10-r1'
out '-100.00 EUR'
out 'claimed 2024-11-01T00:20:00Z, no deadline  ACME  ticket 4711'
expect 0 credits work/uptally.yaml --month 2024-10 --format json
python3 -c '
import json
notes = json.load(open("out"))["credit_notes"]
assert [n["amount_minor"] for n in notes if n["contract"] == "acme"] == [10000, -10000], notes
assert notes[0]["claims"][0]["in_time"] is True, notes' || fail "credits as JSON"
expect 0 audit work/uptally.yaml --published work/statements
cp -r work/statements expected

# Killed on the way to the revision: the next run ends in the same folder, and the first revision never changes.
kills=0
for place in statement.issue.begin statement.issue.before statement.issue.after statement.compared.before statement.publication.before \
    statement.publish.file draft.write.half objects.put.lasting objects.put.after credit_note.issue.begin credit_note.issue.before \
    credit_note.issue.after; do
    # The third file is in the middle of the revision.
    for passage in $([ $place = statement.publish.file ] && echo 1 3 || echo 1); do
        rm -rf work
        cp -r excused work
        (UPTALLY_FAULT=$place:$passage:kill exec "$UPTALLY" nightly work/uptally.yaml >out 2>err </dev/null) 2>/dev/null
        status=$?
        [ $status -eq 0 ] || [ $status -eq 137 ] || fail "killed at $place: exit status $status"
        [ $status -eq 137 ] && kills=$((kills + 1))
        cmp -s sound/statements/acme/2024-10/statement-r1.json $month/statement-r1.json || fail "$place: the first revision changed"
        sql "UPDATE lease SET expires_ns = 0"
        expect 0 nightly work/uptally.yaml
        diff -r expected work/statements >differs 2>&1 || fail "killed at $place, passage $passage: $(head -3 differs)"
        [ "$(sql "SELECT sum(amount_minor) FROM credit_note WHERE contract = 'acme'")" = 0 ] || fail "$place: credited twice"
    done
done
[ $kills -ge 11 ] || fail "only $kills kills"
# What people enter is there as a whole or not at all.
for place in reclassify.commit claim.commit; do
    for when in before after; do
        fresh
        before=$(sql "SELECT count(*) FROM reclassification" "SELECT count(*) FROM claim")
        case $place in
        reclassify*) words="reclassify work/uptally.yaml --service api --from 2024-10-31T17:30:00Z --to 2024-10-31T17:40:00Z --as major --reason r" ;;
        *) words="claim work/uptally.yaml --contract acme --month 2024-10 --on 2024-11-02" ;;
        esac
        # shellcheck disable=SC2086
        (UPTALLY_FAULT=$place.$when:1:kill exec "$UPTALLY" $words >out 2>err </dev/null) 2>/dev/null
        [ $? -eq 137 ] || fail "$place.$when is not passed"
        after=$(sql "SELECT count(*) FROM reclassification" "SELECT count(*) FROM claim")
        if [ $when = before ]; then [ "$before" = "$after" ] || fail "half a record"; else [ "$before" != "$after" ] || fail "no record"; fi
        expect 0 audit work/uptally.yaml
    done
done

# An explanation names the reclassification behind a stretch: who, when, why, and what it was before. 17:30 to 18:00 holds ten minutes up and twenty of
# an outage, five of which were announced; the last ten minutes are reclassified once more, and that one speaks.
fresh
tell() { expect 0 reclassify work/uptally.yaml --service api --from "$1" --to "$2" --as "$3" --reason "$4" --author eve; }
tell 2024-10-31T17:30:00Z 2024-10-31T18:00:00Z partial 'half of them could work'
tell 2024-10-31T17:50:00Z 2024-10-31T18:00:00Z degraded 'no, it was slow'
tell 2024-10-31T18:00:00Z 2024-10-31T18:02:00Z operational 'the probe was late'
expect 0 explain work/uptally.yaml acme 2024-10
[ "$(wc -L <out)" -le 80 ] || fail "wider than 80 columns"
tr -s ' \n' ' ' <out >flat && mv flat out # lines are broken where they are long
out 'reclassification 4 "half of them could work" (eve,'
out 'partial for 20 min; graded operational for 10 min, major for 10 min before'
out 'reclassification 5 "no, it was slow" (eve,'
out 'Reclassified time'
out 'as operational: reclassification 6'
out 'withdrawn: counts as it was graded' # of the store's own
out 'they add up'
expect 0 explain work/uptally.yaml acme 2024-10 --format json
cp out explained.json
expect 0 report work/uptally.yaml --contract acme --month 2024-10 --evidence
python3 - "$SOURCE_DIR" "$month/evidence-r2.zip" <<'END' || fail "explanation or pack"
import csv, io, json, sys, zipfile
sys.path.insert(0, sys.argv[1] + "/tests/oracle")
from statement_schema import ascending, findings
schema = json.load(open(sys.argv[1] + "/schemas/explanation.schema.json"))
told = json.load(open("explained.json"))
assert not findings(told, schema, schema) and ascending(told), findings(told, schema, schema)
found = {(r["id"], s["from"], s["grade"]): (r["seconds"], [(b["grade"], b["seconds"]) for b in r["before"]])
         for g in told["groups"] for s in g["stretches"] for r in s["reclassified"]}
assert found == {
    (1, "2024-10-31T17:00:00Z", "degraded"): (120, [("operational", 120)]),
    (4, "2024-10-31T17:30:00Z", "partial"): (1200, [("operational", 600), ("major", 600)]),
    (5, "2024-10-31T17:50:00Z", "degraded"): (300, [("major", 300)]),
    (5, "2024-10-31T17:55:00Z", "degraded"): (300, [("major", 300)])}, found
assert [(r["id"], r["applied"]) for r in told["reclassifications"]] == [(1, True), (2, False), (4, True), (5, True), (6, True)]
assert {r["author"] for g in told["groups"] for s in g["stretches"] for r in s["reclassified"]} == {"eve", "operations"}
pack = zipfile.ZipFile(sys.argv[2])
folder = pack.namelist()[0].split("/")[0]
rows = list(csv.DictReader(io.StringIO(pack.read(folder + "/reclassifications.csv").decode(), newline="")))
assert [(r["id"], r["state"], r["before"], r["author"], r["reason"], r["applied"]) for r in rows][2:] == [
    ("4", "partial", "operational 600; major 600", "eve", "half of them could work", "yes"),
    ("5", "degraded", "major 600", "eve", "no, it was slow", "yes"),
    ("6", "operational", "major 120", "eve", "the probe was late", "yes")], rows
assert (rows[1]["applied"], rows[1]["withdrawn_author"], rows[1]["withdrawn_reason"]) == ("no", "operations", "they did not"), rows[1]
assert rows[0]["from"] == "2024-10-31T17:00:00Z" and rows[0]["withdrawn"] == "" and rows[1]["withdrawn"] != ""
manifest = json.loads(pack.read(folder + "/manifest.json"))
assert [f for f in manifest["files"] if f["name"] == "reclassifications.csv" and "who said" in f["what"]]
assert not findings(manifest, *2 * [json.load(open(sys.argv[1] + "/schemas/evidence.schema.json"))])
END

# Reclassifications: listed, withdrawn, and refused where they make no sense.
fresh
expect 0 reclassify work/uptally.yaml --list
out '1  2024-10-31T17:00:00Z  2024-10-31T17:02:00Z  as degraded'
out 'WITHDRAWN'
expect 2 reclassify work/uptally.yaml --withdraw 1
err_is 'uptally: --reason is missing'
expect 0 reclassify work/uptally.yaml --withdraw 1 --reason 'they did not' --author bob
expect 2 reclassify work/uptally.yaml --withdraw 1 --reason again
err_is 'uptally: reclassification 1 is withdrawn already'
expect 2 reclassify work/uptally.yaml --withdraw 99 --reason again
err_is 'uptally: there is no reclassification 99'
base="reclassify work/uptally.yaml --service api --reason x"
# shellcheck disable=SC2086
{
    expect 2 $base --from 2024-10-31T17:30:00Z --to 2024-10-31T17:30:00Z --as major
    err_is 'uptally: --to must be later than --from'
    expect 2 $base --from 2024-10-31T17:30:00Z --to 2099-01-01T00:00:00Z --as major
    err 'planned maintenance is for announce'
    expect 2 $base --from 2024-10-31T17:30:00.5Z --to 2024-10-31T17:31:00Z --as major
    err_is 'uptally: --from and --to must be whole seconds'
    expect 2 $base --from 2024-10-31T17:30:00Z --to 2024-10-31T17:31:00Z --as maintenance
    expect 2 $base --from 2024-10-31T17:30:00Z --to 2024-10-31T17:31:00Z
    err_is 'uptally: --as is missing'
    # A contract that counts requests is told of.
    expect 0 $base --from 2024-10-31T17:30:00Z --to 2024-10-31T17:31:00Z --as major
    err 'contract globex counts requests, which no known state changes'
    expect 0 $base --from 2024-10-31T17:30:00Z --to 2024-10-31T17:31:00Z --as probe_down
    ! grep -q 'counts requests' err || fail "unknown states override counts"
}
expect 0 reclassify work/uptally.yaml --service apii --from 2024-10-31T17:30:00Z --to 2024-10-31T17:31:00Z --as major --reason x
err 'no contract names a service "apii"'

# Changed terms: only with a word, and then with the word in it.
fresh
expect 0 nightly work/uptally.yaml
sed -i 's/tiers: \[{below: 99, percent: 10}\]/tiers: [{below: 99, percent: 25}]/' work/uptally.yaml
expect 0 nightly work/uptally.yaml
err 'nothing is due'
expect 0 report work/uptally.yaml --contract acme --month 2024-10
err 'the configuration has other terms than those that it was issued under'
expect 2 report work/uptally.yaml --contract acme --month 2024-10 --revise
err_is 'uptally: --revise and --cause belong together'
expect 2 report work/uptally.yaml --contract acme --month 2024-10 --cause x
expect 2 report work/uptally.yaml --month 2024-10 --revise --cause x
err_is 'uptally: --revise needs --contract: one cause, one contract'
expect 0 report work/uptally.yaml --contract acme --month 2024-10 --revise --cause 'the tier was wrong'
is_at $month/statement-r3.json changes.causes '["terms"]'
is_at $month/statement-r3.json changes.reason 'the tier was wrong'
is_at $month/statement-r3.json changes.credit_difference.amount 150.00
expect 0 nightly work/uptally.yaml
err 'credit note CN-acme-2024-10-r3: 150.00 EUR'
expect 0 audit work/uptally.yaml --published work/statements

# A file that an older release drew otherwise is left alone, if this store published it; the JSON is never anything but its row.
echo 'an older drawing' >$month/statement-r1.html
expect 9 audit work/uptally.yaml --published work/statements
expect 7 report work/uptally.yaml --contract acme --month 2024-10
err 'other content stands under this name'
rm $month/statement-r1.html
expect 0 report work/uptally.yaml --contract acme --month 2024-10
cmp -s sound/statements/acme/2024-10/statement-r1.html $month/statement-r1.html || fail "drawn again, and otherwise"

# Anybody verifies: the files alone, the chain, the store.
expect 0 verify $month
[ "$(grep -c '  agrees  ' out)" -eq 3 ] || fail "not three that agree"
expect 0 verify $month/statement-r3.json
[ "$(grep -c '  agrees  ' out)" -eq 3 ] || fail "the chain is not followed beside the file"
expect 0 verify $month --config work/uptally.yaml
sha256sum $month/statement-r1.json >$month/statement-r1.json.sha256
expect 0 verify $month/statement-r1.json
cp $month/statement-r2.json alone.json
expect 0 verify alone.json
err 'revision 1 is not here, so the chain was not followed'
# spoilt EDIT WHERE WHAT: with that edit by sed, the finding.
spoilt() {
    rm -rf spoilt && cp -r $month spoilt
    sed -i "$1" "spoilt/$2"
    cmp -s "spoilt/$2" "$month/$2" && fail "the edit changes nothing: $1"
    expect 9 verify spoilt
    out "spoilt/$2: $3"
}
spoilt 's/"major": 1500/"major": 1501/' statement-r1.json 'seconds: adds up to '
spoilt 's/"percent": "92/"percent": "82/' statement-r2.json 'uptime.percent: not the fraction, rounded down'
spoilt 's/^  "met": false/  "met": true/' statement-r2.json 'met: the target is missed'
spoilt 's/"amount_minor": 10000/"amount_minor": 1000/' statement-r1.json 'credit.amount: not amount_minor'
spoilt 's/"amount": "100.00 EUR"/"amount": "90.00 EUR"/' statement-r1.json 'credit.steps[1]: not the tier'
spoilt 's/"fee": "1000"/"fee": "1001"/' statement-r2.json 'contract.digest: the terms have the digest'
spoilt 's/"missed": true/"missed": false/' statement-r2.json 'borders[0]: missed is not what the fraction says'
spoilt 's/"length_seconds": 86400/"length_seconds": 86399/' statement-r2.json 'services[0].days[0]: adds up to 86400 s, not to 86399 s'
spoilt 's/^  "format"/   "format"/' statement-r1.json 'line '
rm -rf spoilt && cp -r $month spoilt
sed -i 's/"operations"/"operation5"/' spoilt/statement-r2.json # by itself it agrees; the revision that follows tells
expect 9 verify spoilt
out 'spoilt/statement-r3.json: changes.sha256_before: spoilt/statement-r2.json has the SHA-256 '
spoilt 's/"revision_before": 1/"revision_before": 2/' statement-r2.json 'changes.revision_before: not the revision before'
spoilt 's/"status": "restated"/"status": "final"/' statement-r2.json 'status: revision 2 is restated'
spoilt 's/"length_seconds": 600/"length_seconds": 660/' statement-r2.json 'incidents['
printf '%064d  statement-r1.json\n' 0 >$month/statement-r1.json.sha256
expect 9 verify $month/statement-r1.json
out 'statement-r1.json.sha256 says another SHA-256'
rm $month/statement-r1.json.sha256
# Against the store: another revision under its number, and one that was never issued.
sed 's/"revision": 3/"revision": 4/; s/"revision_before": 2/"revision_before": 3/' $month/statement-r3.json >statement-r4.json
expect 9 verify statement-r4.json --config work/uptally.yaml
out 'the store has not issued it'
expect 0 verify alone.json $month --config work/uptally.yaml --format json
python3 -c 'import json; files = json.load(open("out"))["files"]; assert len(files) == 4 and not any(f["finding_count"] for f in files), files' || fail "verification as JSON"
sed 's/ACME Solar GmbH/ACME Lunar GmbH/' $month/statement-r1.json >lunar.json
expect 9 verify lunar.json --config work/uptally.yaml
out 'the store has issued other content'
# Hostile input: bounded, and one clear line.
for bad in '' '{' '[]' '{"format":"uptally.statement/1"}' '{"format":"other"}' '{"format":"uptally.statement/1","a":1,"a":2}' '{"a":1.5}'; do
    printf '%s' "$bad" >bad.json
    expect 9 verify bad.json
    out 'bad.json: '
done
python3 -c 'print("[" * 100000)' >bad.json
expect 9 verify bad.json
python3 -c 'print("[" + "0," * 3000000 + "0]")' >bad.json
expect 9 verify bad.json
out 'too large for a statement'
# Each value of a real one replaced by something of another type, or very long: a status, never a crash.
python3 - $month/statement-r2.json "$UPTALLY" <<'END' || fail "a mutated document"
import copy, json, random, subprocess, sys
document = json.load(open(sys.argv[1]))
places = []
def walk(value, path):
    places.append(path)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        walk(item, path + [key])
walk(document, [])
seed = random.randrange(2 ** 32)
dice = random.Random(seed)
others = [None, True, 0, -1, 2 ** 63 - 1, -2 ** 63, "", "9" * 5000, "1" * 400 + "." + "1" * 60, "0.5", [], {}, [[]], {"k" * 100: {}}, "\u0001\n\x7f"]
for number in range(150):
    bad = copy.deepcopy(document)
    at = dice.choice(places[1:])
    inner = bad
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = dice.choice(others)
    with open("mutated.json", "w") as file:
        json.dump(bad, file, indent=2, sort_keys=True)
    done = subprocess.run([sys.argv[2], "verify", "mutated.json"], capture_output=True)
    if done.returncode not in (0, 9):
        sys.exit(f"seed {seed}, {at}: status {done.returncode}: {done.stderr.decode()[:500]}")
END
mkfifo pipe
expect 4 verify pipe
expect 4 verify nowhere.json
err_is 'uptally: nowhere.json: there is no such file'
mkdir empty
expect 4 verify empty
expect 2 verify

# Claims, against the local end of the period.
mkdir claims
cat >claims/c.yaml <<'END'
store: {sqlite: c.db}
output: published
contracts:
  - id: acme
    customer: ACME
    services: [api]
    time_zone: Europe/Berlin
    currency: EUR
    fee: 100.00
    availability:
      target: 99.5
      method: request_ratio
      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}
    credits:
      tiers: [{below: 99.5, percent: 10}]
      rounding: half_up
      claim_within: 30d
END
# claim ON VERDICT: of January 2025, whose deadline is 2025-03-03T00:00:00+01:00.
claim() {
    expect 0 claim claims/c.yaml --contract acme --month 2025-01 --on "$1" --by 'ACME, purchasing' --reference "letter $1"
    err "$2"
}
claim 2025-03-02 'claimed 2025-03-02, in time'
out 1
claim 2025-03-02T23:59:59+01:00 'in time'
claim 2025-03-03T00:00:00+01:00 'LATE by 0 s; it is recorded all the same'
claim 2025-03-03 'LATE by 0 s'
claim 2025-03-10 'LATE by 7 d'
# February has 28 days; between its end and the deadline the clocks are set forward: 30 d are 30 times 24 hours.
expect 0 claim claims/c.yaml --contract acme --month 2025-02 --on 2025-03-31T00:59:59+02:00
err 'in time'
expect 0 claim claims/c.yaml --contract acme --month 2025-02 --on 2025-03-31T01:00:00+02:00
err 'LATE'
# As the statement prints it, once there is one.
expect 0 report claims/c.yaml --month 2025-01 --force
is_at claims/published/acme/2025-01/statement-r1.json credit.claim_until 2025-03-03T00:00:00+01:00
sed -i 's/claim_within: 30d/claim_within: 90d/' claims/c.yaml
claim 2025-03-03 'LATE by 0 s'
expect 0 claim claims/c.yaml --contract acme --month 2025-02 --on 2025-05-29
err 'in time'
expect 0 claim claims/c.yaml --list --month 2025-01 --contract acme
out 'acme  2025-01  claimed 2025-03-10, LATE by 7 d  deadline 2025-03-02T23:00:00Z  ACME, purchasing  letter 2025-03-10'
expect 2 claim claims/c.yaml --contract acme --month 2025-01
err_is 'uptally: --on is missing'
expect 2 claim claims/c.yaml --contract acme --month 2025-01 --on yesterday
err '"yesterday" is neither a day'
expect 2 claim claims/c.yaml --contract acmee --month 2025-01 --on 2025-03-01
err_is 'uptally: --contract: there is no contract "acmee"'
expect 2 claim claims/c.yaml --contract acme --month 2099-01 --on 2025-03-01
err_is 'uptally: 2099-01 is not over'
expect 2 claim claims/c.yaml --contract acme --month 2025-01 --on 2099-03-01
err_is 'uptally: --on: 2099-03-01 is not there yet'
expect 0 audit claims/c.yaml
python3 -c 'import sqlite3
db = sqlite3.connect("claims/c.db"); db.execute("UPDATE claim SET claimed_ns = claimed_ns - 1 WHERE claim_id = 3"); db.commit()'
expect 9 audit claims/c.yaml
out 'claim 3 acme 2025-01: the row was changed (checksum)'
echo "$kills kills"
exit 0
