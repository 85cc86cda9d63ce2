# Jobs that happen once: two runs at a moment, a kill at every fault point, no room, a store from an old backup. The books are a demo's.
# UPTALLY_LONG=1 runs the long form: 50 meetings of each kind, every passage of every fault point.
# In memory if that is possible: the tests kill processes, not the power, so an fsync may cost nothing.
[ -z "${TMPDIR:-}" ] && [ -w /dev/shm ] && export TMPDIR=/dev/shm
. "$(dirname "$0")/expect.sh"

long=${UPTALLY_LONG:-0}
"$UPTALLY" demo --out demo --month 2024-03 >out 2>err </dev/null || fail "demo"
rm -rf demo/statements
config=demo/uptally.yaml

sql() {
    python3 -c 'import sqlite3, sys
db = sqlite3.connect("demo/uptally.db", timeout=60)
for command in sys.argv[1:]:
    for row in db.execute(command):
        print(*row)
db.commit()' "$@" || fail "sql: $*"
}
# As if nothing had been issued yet.
forget() {
    sql "DELETE FROM statement" "DELETE FROM credit_note" "DELETE FROM terms" "DELETE FROM comparison" "DELETE FROM publication" "UPDATE lease SET expires_ns = 0"
    rm -rf demo/statements
}
# same WHAT: the folder, hidden files too, is that of the undisturbed run, and so are the rows.
rows() { sql "SELECT contract, period, revision, sha256 FROM statement ORDER BY 1, 2" \
    "SELECT credit_note_id, amount_minor, total_minor FROM credit_note ORDER BY 1"; }
same() {
    diff -r expected demo/statements >differs 2>&1 || fail "$1: other files: $(head -5 differs)"
    rows >rows.now
    cmp -s rows.expected rows.now || fail "$1: other rows"
}

# The undisturbed run. February is in it too: Tokyo's March begins while it is February in UTC.
forget
expect 0 nightly "$config" --dry-run
[ "$(grep -c '^statement ' out)" -eq "$(wc -l <out)" ] && [ -s out ] || fail "not only statements are due: $(cat out)"
due=$(wc -l <out)
[ ! -e demo/statements ] || fail "--dry-run has made the folder"
[ -z "$(rows)" ] || fail "--dry-run has issued"
expect 0 nightly "$config"
[ "$(grep -c '^issued ' err)" -eq "$due" ] || fail "not each due statement is issued and named"
err 'issued acme-2024, 2024-03: ACME Solar GmbH, 2024-03: '
err 'credit note CN-acme-2024-2024-03-r1: '
err 'uptally: warning: acme-2024, 2024-04 and 8 later months: over, but not issued: the data are not complete'
while read -r place; do
    [ -f "$place" ] || fail "$place is named and not there"
done <out
[ "$(wc -l <out)" -eq "$(find demo/statements -type f | wc -l)" ] || fail "not every file is named"
[ "$(find demo/statements -name 'credit-note*' | wc -l)" -eq 2 ] || fail "not one credit note in two forms"
cp -r demo/statements expected
rows >rows.expected

# Again: nothing to do, nothing to say on standard output.
expect 0 nightly "$config"
no_out
err 'nothing is due'
same "a second run"
expect 0 nightly "$config" --dry-run
no_out
# What report and credits would have made is the same.
expect 0 report "$config" --month 2024-03
expect 0 credits "$config" --month 2024-03
same "report and credits behind nightly"

# Files that are gone come back.
rm demo/statements/acme-2024/2024-03/statement-r1.csv demo/statements/acme-2024/2024-03/credit-note-r1.json
rm -r demo/statements/sakura-2024
expect 0 nightly "$config" --dry-run
out 'files        2024-03    acme-2024'
expect 0 nightly "$config"
err 'published again acme-2024, 2024-03: '
same "missing files"
# A credit note that was never written: its statement was issued by report alone.
sql "DELETE FROM credit_note"
rm demo/statements/acme-2024/2024-03/credit-note*
expect 0 nightly "$config" --dry-run
out 'credit note  2024-03    acme-2024'
expect 0 nightly "$config"
same "a missing credit note"

# Log collectors get one JSON object per line, and a warning is one.
forget
expect 0 nightly "$config" --log json
python3 -c '
import json
entries = [json.loads(line) for line in open("err")]
assert {"INFO", "WARNING"} == {entry["severity"] for entry in entries}, entries
assert any("issued acme-2024" in entry["message"] for entry in entries), entries
' || fail "not JSON"

# meet COMMAND...: two of them at the same moment, from nothing.
meet() {
    "$UPTALLY" "$@" >out.1 2>err.1 </dev/null &
    local first=$!
    "$UPTALLY" "$@" >out 2>err </dev/null
    local second=$?
    wait $first || { cp err.1 err; fail "uptally $*, the first of two: exit status $?"; }
    [ $second -eq 0 ] || fail "uptally $*, the second of two: exit status $second"
}
times=$([ "$long" -eq 1 ] && echo 50 || echo 3)
for i in $(seq "$times"); do
    forget
    meet nightly "$config"
    same "two nightly runs, $i"
    # Exactly one of them did it, whichever it was.
    [ "$(cat err err.1 | grep -c '^issued ')" -eq "$due" ] || fail "issued more than once"
    forget
    expect 0 report "$config" --month 2024-02
    meet report "$config" --month 2024-03
    meet credits "$config" --month 2024-03
    same "two reports, two credits, $i"
done

# Killed at the fault points, in each run at another one; the next run finishes, and leaves no trace of it.
kills=0
kill_at() { # NAME COUNT: true if it was killed
    forget
    UPTALLY_FAULT="$1:$2:kill" "$UPTALLY" nightly "$config" >out 2>err </dev/null
    local status=$?
    [ $status -eq 0 ] && return 1
    [ $status -eq 137 ] || fail "killed at $1, passage $2: exit status $status"
    find demo/statements -type f ! -name '.new-*' 2>/dev/null | while read -r file; do
        cmp -s "$file" "expected/${file#demo/statements/}" || fail "half a file under its name: $file"
    done || exit 1
    # A lease that nobody gives back expires; the test need not wait for it.
    sql "UPDATE lease SET expires_ns = 0"
    expect 0 nightly "$config"
    same "killed at $1, passage $2"
    kills=$((kills + 1))
}
for place in nightly.lease.held statement.issue.before statement.issue.after statement.publication.before statement.publish.file draft.write.created \
    draft.write.half draft.write.sync draft.publish.before objects.put.lasting objects.put.after credit_note.issue.before \
    credit_note.issue.after; do
    if [ "$long" -eq 1 ]; then
        count=1
        while kill_at "$place" $count; do count=$((count + 1)); done
        [ $count -gt 1 ] || fail "$place is never passed"
    else
        # The first passage, and one in the middle of the first statement that has a credit note.
        kill_at "$place" 1 || fail "$place is never passed"
        kill_at "$place" 7
    fi
done
[ $kills -ge 12 ] || fail "only $kills kills"

# Two runs, of which one is killed in the middle: the other one has its lease and finishes at once, or waits for it to expire.
forget
# Stopped between its last look and its last transaction: only the fence in there can tell.
UPTALLY_FAULT=statement.issue.begin:$due:stop "$UPTALLY" nightly "$config" >out.1 2>err.1 </dev/null &
zombie=$!
for i in $(seq 600); do
    grep -q '^State:.T' /proc/$zombie/status && break
    sleep 0.1
done
expect 8 nightly "$config" --lock-wait 100ms
err 'another nightly run, '
expect 0 nightly "$config" --dry-run
sql "UPDATE lease SET expires_ns = 0"
expect 0 nightly "$config"
same "beside a stopped run"
# It wakes, replaced: it may write nothing, and says so.
kill -CONT $zombie
wait $zombie
[ $? -eq 8 ] || fail "the zombie was not fenced: $(cat err.1)"
grep -q 'another nightly run took over the lease' err.1 || fail "the zombie does not say why: $(cat err.1)"
same "after the zombie"
# Held, but nothing is due: no error.
sql "UPDATE lease SET expires_ns = 9000000000000000000, holder = 'somebody' WHERE name LIKE 'nightly%'"
expect 0 nightly "$config" --lock-wait 100ms
err 'nothing is due'
sql "UPDATE lease SET expires_ns = 0"
# The same of the fold: an aggregator is at work, and nothing waits for it but months that are incomplete anyway.
sql "UPDATE lease SET expires_ns = 9000000000000000000, holder = 'somebody' WHERE name LIKE 'fold%'"
expect 8 nightly "$config" --lock-wait 100ms
err 'going on with what it has folded'
sql "UPDATE lease SET expires_ns = 0"

# No room for files: exit 7, one clear line each, nothing half, and the next run completes.
forget
(ulimit -f 16; exec "$UPTALLY" nightly "$config" >out 2>err </dev/null)
status=$?
[ $status -eq 6 ] || [ $status -eq 7 ] || fail "a limit on file sizes: exit status $status"
grep -qE 'File too large|a limit on file sizes' err || fail "no clear line"
[ -z "$(find demo/statements -name '.new-*' 2>/dev/null)" ] || fail "a draft was left"
sql "UPDATE lease SET expires_ns = 0"
expect 0 nightly "$config"
same "after a limit on file sizes"
for place in draft.write.half draft.write.sync draft.publish.before objects.put.lasting; do
    forget
    UPTALLY_FAULT=$place:2:error expect 7 nightly "$config"
    grep -qE "^uptally: acme-2024: .*(No space left on device|Input/output error)" err || fail "$place: no clear line"
    err 'issued sakura-2024' # an error of one contract does not stop the others
    expect 0 nightly "$config"
    same "after a failure at $place"
done
if mkdir room && mount -t tmpfs -o size=128k none room 2>/dev/null; then
    forget
    sed 's|^output: .*|output: ../room/statements|' "$config" >demo/room.yaml
    "$UPTALLY" nightly demo/room.yaml >out 2>err </dev/null
    status=$?
    if [ $status -eq 7 ] && grep -q 'No space left on device' err && [ -z "$(find room -name '.new-*')" ]; then
        find room/statements -type f | while read -r file; do
            cmp -s "$file" "expected/${file#room/statements/}" || exit 1
        done
        status=$((status + $?))
    fi
    mount -o remount,size=8m room
    "$UPTALLY" nightly demo/room.yaml >>out 2>err.2 </dev/null
    again=$?
    diff -r expected room/statements >differs 2>&1
    differ=$?
    umount room
    [ $status -eq 7 ] || fail "a full file system: exit status $status, or half a file"
    [ $again -eq 0 ] && [ $differ -eq 0 ] || fail "with room again: exit status $again, $(head -3 differs)"
else
    echo "no tmpfs can be mounted here; limits on file sizes and fault points stand for it"
fi

# Other content under an issued name: refused, the others go on, and it stays.
forget
expect 0 nightly "$config"
echo mine >demo/statements/acme-2024/2024-03/statement-r1.html
rm demo/statements/acme-2024/2024-03/statement-r1.csv demo/statements/sakura-2024/2024-03/statement-r1.json
expect 7 nightly "$config"
err 'acme-2024/2024-03/statement-r1.html: other content stands under this name'
grep -qx mine demo/statements/acme-2024/2024-03/statement-r1.html || fail "replaced"
[ -f demo/statements/sakura-2024/2024-03/statement-r1.json ] || fail "one contract stopped another"
rm demo/statements/acme-2024/2024-03/statement-r1.html
expect 0 nightly "$config"
same "repaired"

# The folder against the store.
expect 0 audit "$config" --published demo/statements
out 'the published files are those of the store: '
expect 2 audit "$config" --published nowhere
# audit_finds WHAT: exit 9, one finding, with the place.
audit_finds() {
    expect 9 audit "$config" --published demo/statements
    out "$1"
    grep -q '; 1 findings$' out || fail "not one finding: $1"
    err_is 'uptally: the published files are not those of the store: 1 finding'
    rm -rf demo/statements
    cp -r expected demo/statements
}
acme=demo/statements/acme-2024/2024-03
echo >>$acme/statement-r1.html
audit_finds "$acme/statement-r1.html: its content is not what the store has issued"
truncate -s 20G $acme/statement-r1.json
audit_finds "$acme/statement-r1.json: its content is not"
rm $acme/credit-note-r1.csv
audit_finds "$acme/credit-note-r1.csv: missing"
cp $acme/statement-r1.json $acme/statement-r2.json
audit_finds "$acme/statement-r2.json: not issued by this store; was the store restored from an old backup?"
cp $acme/credit-note-r1.json $acme/credit-note-r2.json
audit_finds "$acme/credit-note-r2.json: not issued"
mkdir -p demo/statements/gone/2023-01 && cp $acme/statement-r1.csv demo/statements/gone/2023-01
audit_finds "demo/statements/gone/2023-01/statement-r1.csv: not issued"
ln -s acme-2024 demo/statements/latest
audit_finds "demo/statements/latest: a link or device"
rm $acme/statement-r1.csv && ln -s statement-r1.html $acme/statement-r1.csv
expect 9 audit "$config" --published demo/statements
out "$acme/statement-r1.csv: a link or device"
rm -rf demo/statements && cp -r expected demo/statements
# Names that cannot be ours are nobody's business.
touch demo/statements/README.md $acme/notes.txt $acme/.new-0123456789abcdef demo/statements/acme-2024/statement-r1.json
mkdir "demo/statements/Not Ours" demo/statements/acme-2024/drafts
ln -s README.md demo/statements/index.html
expect 0 audit "$config" --published demo/statements
rm -rf demo/statements && cp -r expected demo/statements

# An old backup comes back: the audit notices, and the next run issues the very same again.
sql "DELETE FROM statement WHERE period = '2024-03'" "DELETE FROM credit_note" "DELETE FROM comparison WHERE period = '2024-03'" \
    "DELETE FROM publication WHERE period = '2024-03'"
expect 9 audit "$config" --published demo/statements --format json
python3 -c '
import json
report = json.load(open("out"))
assert report["total_findings"] == len(report["findings"]) == 14, report
assert all("old backup" in line for line in report["findings"]), report
' || fail "not fourteen files of three statements and a credit note"
expect 0 nightly "$config"
same "after an old backup"
expect 0 audit "$config" --published demo/statements
[ -z "$(find demo/statements -name '.new-*')" ] || fail "a draft is left"
echo "$kills kills"
exit 0
