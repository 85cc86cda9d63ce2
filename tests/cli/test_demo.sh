# The demo: the same seed gives the same statements whatever the number of consumers and the size of batches, another seed
# others; the audit finds nothing, and finds each damage that is done to the books by hand.
. "$(dirname "$0")/expect.sh"

# start NAME ARGUMENTS...: a demo in the background, for most machines have two cores; ended NAME waits for it.
start() {
    local name=$1
    shift
    "$UPTALLY" demo --out "$name" "$@" >"$name.out" 2>"$name.err" </dev/null &
    eval "job_$name=$!"
}
ended() {
    eval "wait \$job_$1" || {
        cp "$1.out" out
        cp "$1.err" err
        fail "demo $1"
    }
}

start A --seed 7
start B --seed 7 --consumers 3 --batch 5000
ended A
ended B
start C --seed 8

for kind in json html csv pdf; do
    [ "$(find A/statements -name "statement*.$kind" | wc -l)" -eq 3 ] || fail "not three statements as $kind"
done
diff -r A/statements B/statements || fail "consumers or batches show in a statement"
[ "$(grep -c '^A/statements/.*html$' A.out)" -eq 3 ] || fail "the statements are not named: $(cat A.out)"
while read -r place; do
    [ -f "$place" ] || fail "$place is named and not there"
done <<EOF
$(grep '^A/statements/' A.out)
EOF
[ "$(grep -c '^A/statements/' A.out)" -eq "$(find A/statements -type f | wc -l)" ] || fail "not every file is named: $(cat A.out)"
# Every file is complete, owned by one contract, and named once.
[ "$(find A/statements -type f | wc -l)" -eq "$(find A/statements -type f | sort -u | wc -l)" ] || fail "names"

expect 0 audit A/uptally.yaml
expect 0 audit B/uptally.yaml
expect 0 status A/uptally.yaml
out device-api
# It ends while its company is at work: one service is degraded, the others are well, and no minute of the last hour is unknown.
[ "$(grep -c ' d Degraded performance ' out)" -eq 1 ] || fail "not one degraded service"
[ "$(grep -c ' \. Operational ' out)" -eq 7 ] || fail "not seven operational services"
[ "$(sed -n '/^Service/,/^$/p' out | grep -c '[-?!][-?!.d]* *$')" -eq 0 ] || fail "unknown time in the last hour"
out "P3"
expect 0 credits A/uptally.yaml --month 2026-10
out acme-2026
[ "$(grep -c -e northwind -e sakura out)" -eq 0 ] || fail "a contract that met its target has a credit"

# damage NAME PATTERN SQL: one row is changed, and the audit must exit 9 and name the place.
damage() {
    rm -rf D
    cp -r A D
    python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
changed = db.execute(sys.argv[2]).rowcount
db.commit()
sys.exit(changed != 1)' D/uptally.db "$3" || fail "$1: the damage was not done"
    expect 9 audit D/uptally.yaml
    cat out err >both
    grep -Eq "$2" both || fail "$1: the place ($2) is not named"
}

# A range in the middle of partition 2 of the requests.
range="rowid = (SELECT r.rowid FROM batch_range r JOIN stream s USING (stream_id) WHERE s.topic = 'requests' AND
       r.partition_id = 2 ORDER BY r.from_offset LIMIT 1 OFFSET 10)"
place='requests.*partition 2'
damage "a range deleted" "$place" "DELETE FROM batch_range WHERE $range"
damage "a range widened" "$place" "UPDATE batch_range SET to_offset = to_offset + 1 WHERE $range"
damage "a range shifted" "$place" \
    "UPDATE batch_range SET from_offset = from_offset + 1, to_offset = to_offset + 1 WHERE $range"
damage "a count changed" "$place" "UPDATE batch_range SET tallied = tallied + 1, excluded = excluded - 1 WHERE $range"
damage "a window changed" "device-api" "UPDATE window_hour SET tally = CAST(tally || x'00' AS BLOB) WHERE
    kind = 'window' AND a = 'device-api' AND
    hour = (SELECT hour FROM window_hour WHERE kind = 'window' AND a = 'device-api' ORDER BY hour LIMIT 1 OFFSET 100)"
damage "a dead letter deleted" "dead" "DELETE FROM dead_letter WHERE rowid = (SELECT min(rowid) FROM dead_letter)"
damage "a statement changed" "acme-2026" \
    "UPDATE statement SET document = replace(document, 'ACME', 'Acme') WHERE contract = 'acme-2026'"

ended C
diff -rq A/statements C/statements >/dev/null && fail "seed 8 gives the statements of seed 7"

# Folders: an earlier demo's is replaced, another one is not.
mkdir taken
touch taken/mine
expect 2 demo --out taken
err_is "uptally: taken: is not empty and no earlier demo's; name another folder with --out"
[ -e taken/mine ] || fail "somebody else's file is gone"
expect 2 demo --month 2026-13
err '--month "2026-13"'
expect 2 demo A
exit 0
