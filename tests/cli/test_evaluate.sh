# uptally evaluate: any CSV that is one, in any order; every other with file, line and column, and nothing printed.
. "$(dirname "$0")/expect.sh"

# Only the contracts are looked at: the secret of the cluster is not here, and nothing of the rest makes sense.
cat >c.yaml <<'END'
store: {sqlite: /nowhere/x.db}
cluster: {bootstrap_servers: "localhost:1", properties: {sasl.password: "${file:/nowhere/secret}"}}
topics: [{name: t, framing: no such framing}]
contracts:
  - id: ratio
    customer: ACME
    services: [api, portal]
    time_zone: Europe/Berlin
    currency: EUR
    fee: 1000.00
    availability: &nothing
      target: 99.5
END
sed -i 's/ &nothing//' c.yaml
cat >>c.yaml <<'END'
      method: request_ratio
      pool: per_service
      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}
    credits:
      tiers: [{below: 99.5, percent: 10}]
      rounding: half_even
  - id: states
    customer: ACME
    services: [api]
    time_zone: Europe/Berlin
    valid_until: 2026-11-16
    availability:
      target: 99.5
      method: state_time
      weights: {degraded: 0.25, partial: 0.5, major: 1}
      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}
    maintenance: {notice: 5d, excluded: remove}
  - id: states
    customer: ACME
    services: [api]
    time_zone: Europe/Berlin
    valid_from: 2026-11-16
    availability:
      target: 99.5
      method: state_time
      weights: {degraded: 0.25, partial: 0.5, major: 1}
      unknown: {no_traffic: up, probe_down: exclude, pipeline_gap: down, not_provisioned: exclude}
END
ratio=(evaluate c.yaml --contract ratio --month 2026-10)
states=(evaluate c.yaml --contract states --month 2026-10)

# 2 of 400 requests of api failed: 99.5 % exactly, which is met. 1 of 100 of portal: missed, and the worst.
cat >w.csv <<'END'
service,minute,total,errors,slow
api,2026-10-01T00:00:00Z,300,2,0
api,2026-10-01T00:01:00Z,100,0,9
portal,2026-10-01T00:00:00Z,100,1,0
END
expect 0 "${ratio[@]}" --windows w.csv
out 'Contract      ratio, ACME'
out 'Period        2026-10-01T00:00:00+02:00 to 2026-11-01T00:00:00+01:00, 31 d 1 h'
out 'Uptime        99.000 %, target 99.5 %: missed'
out 'Credit        100.00 EUR'
out 'api      99.500 %     met  2 requests'
out 'portal   99.000 %  missed  1 requests'
no_err
expect 10 "${ratio[@]}" --windows w.csv --exit-code
expect 0 evaluate c.yaml --contract ratio --from 2026-10-01T00:00:00Z --to 2026-10-01T00:02:00Z --windows w.csv --format json
python3 - "$folder/out" <<'END' || fail "another answer"
import json, sys
from fractions import Fraction
a = json.load(open(sys.argv[1]))
assert a["format"] == "uptally.answer/1" and a["contract"] == "ratio" and a["worst_service"] == "portal", a
assert a["period"] == {"from": "2026-10-01T02:00:00+02:00", "to": "2026-10-01T02:02:00+02:00", "seconds": 120}, a
assert Fraction(a["uptime"]["numerator"], a["uptime"]["denominator"]) == Fraction(99, 100), a
assert a["uptime"]["percent"] == "99.000" and a["met"] is False, a
assert a["tier"] == {"below": "99.5", "percent": "10"}, a
assert (a["credit"]["amount_minor"], a["credit"]["amount"], a["credit"]["currency"]) == (10000, "100.00", "EUR"), a
assert a["seconds"]["up"] == 60 and a["seconds"]["no_traffic"] == 60 and sum(a["seconds"].values()) == 120, a
api = a["services"][0]
assert api["service"] == "api" and api["met"] is True and api["tier"] is None and api["credit"]["amount_minor"] == 0, a
END

# The same rows in any order and form: byte order mark, CRLF, quotes, other columns first, no last line end, offsets, a pipe.
expect 0 "${ratio[@]}" --windows w.csv --format json
cp out wanted.json
same() { cmp -s wanted.json "$folder/out" || fail "another answer: $1"; }
(head -1 w.csv; tail -n +2 w.csv | tac) >tac.csv
expect 0 "${ratio[@]}" --windows tac.csv --format json
same tac
printf '\357\273\277"slow",errors,total,minute,service\r\n0,1,100,2026-10-01T02:00:00+02:00,"portal"\r\n"9",0,100,2026-10-01T00:01:00Z,api\r\n0,2,300,2026-09-30T19:00:00-05:00,api' >form.csv
expect 0 "${ratio[@]}" --windows form.csv --format json
same form
for file in w.csv tac.csv form.csv; do
    cat $file | "$UPTALLY" "${ratio[@]}" --windows - --format json >out || fail "from a pipe: $file"
    same "$file from a pipe"
    "$UPTALLY" "${ratio[@]}" --windows - --format json <$file >out || fail "from standard input: $file"
    same "$file as standard input"
done

# Three hundred thousand rows, sorted, by minute, and shuffled: more than are sorted in memory. A small TMPDIR file size is a full disk.
python3 - <<'END'
import random
from datetime import datetime, timedelta
random.seed(4)
start = datetime(2026, 9, 30, 22)
stamps = [(start + timedelta(minutes=i)).strftime("%Y-%m-%dT%H:%M:00Z") for i in range(150000)]
rows = [(s, m, random.randrange(1, 50)) for s in ("portal", "api") for m in stamps]
def write(name, rows):
    with open(name, "w") as file:
        file.write("service,minute,total,errors,slow\n")
        file.write("".join(f"{s},{m},{n},{n // 49},0\n" for s, m, n in rows))
write("sorted.csv", rows)
write("minutes.csv", sorted(rows, key=lambda row: row[1]))
random.shuffle(rows)
write("shuffled.csv", rows)
END
expect 0 "${ratio[@]}" --windows sorted.csv --format json
cp out wanted.json
for file in minutes.csv shuffled.csv; do
    expect 0 "${ratio[@]}" --windows $file --format json
    same $file
done
cat sorted.csv | "$UPTALLY" "${ratio[@]}" --windows - --format json >out || fail "a long pipe"
same "a long pipe"
mkdir temporary
TMPDIR=$folder/temporary expect 0 "${ratio[@]}" --windows shuffled.csv
[ -z "$(ls temporary)" ] || fail "a temporary file is left"
(
    ulimit -f 100
    "$UPTALLY" "${ratio[@]}" --windows shuffled.csv >out 2>err
    echo $? >status
)
[ "$(cat status)" = 1 ] || fail "a full disk: exit status $(cat status)"
no_out
err 'File too large'
TMPDIR=/nowhere expect 0 "${ratio[@]}" --windows sorted.csv
TMPDIR=/nowhere expect 1 "${ratio[@]}" --windows shuffled.csv
err_is 'uptally: rows that are not sorted by service and minute need a temporary file in /nowhere (TMPDIR names another folder): No such file or directory'
no_out

# States, and maintenance that was announced for half of it.
cat >s.csv <<'END'
service,from,to,state
api,2026-10-20T01:00:00Z,2026-11-20T01:00:00Z,operational
api,2026-09-30T22:00:00Z,2026-10-20T00:00:00Z,operational
api,2026-10-20T00:00:00Z,2026-10-20T01:00:00Z,maintenance
END
cat >a.csv <<'END'
service,announced_at,from,to,status,reason
api,2026-10-10T00:00:00Z,2026-10-20T00:00:00Z,2026-10-20T00:30:00Z,,"disks,
new ones"
api,2026-10-11T00:00:00Z,2026-10-20T00:30:00Z,2026-10-20T01:00:00Z,planned,
*,2026-10-20T00:00:01Z,2026-10-20T00:00:00Z,2026-10-20T01:00:00Z,,
api,2026-10-12T00:00:00Z,2026-10-20T00:30:00Z,2026-10-20T01:00:00Z,cancelled,
END
expect 0 "${states[@]}" --states s.csv --announcements a.csv
out 'line 2, api, 2026-10-20T02:00:00+02:00 to 2026-10-20T02:30:00+02:00: announced in time: excluded (30 min excused), for: disks,?new ones'
out 'line 4, api, 2026-10-20T02:30:00+02:00 to 2026-10-20T03:00:00+02:00: cancelled: not excluded'
out 'line 5, api, 2026-10-20T02:00:00+02:00 to 2026-10-20T03:00:00+02:00: entered after its start: not excluded'
out 'Major outage      1,800  30 min'
out 'Maintenance       1,800  30 min'
"$UPTALLY" "${states[@]}" --states - --announcements a.csv <s.csv >again || fail "states from standard input"
cmp -s again "$folder/out" || fail "another answer from standard input"

# What stands in a reason cannot move the cursor of a terminal, and is whole in JSON.
printf 'service,announced_at,from,to,status,reason\napi,2026-10-10T00:00:00Z,2026-10-20T00:00:00Z,2026-10-20T00:30:00Z,,"\033[2J"\n' >escape.csv
expect 0 "${states[@]}" --states s.csv --announcements escape.csv
out ', for: ?[2J'
if grep -q "$(printf '\033')" "$folder/out"; then fail "a control character is printed"; fi
expect 0 "${states[@]}" --states s.csv --announcements escape.csv --format json
out '"reason": "\u001b[2J"'

# Faults of files: exit status 4, FILE:LINE: COLUMN, nothing on standard output. More rows of this kind: tests/unit/evaluate.
bad() { # FILE MESSAGE
    expect 4 "${ratio[@]}" --windows "$1" --format json
    err_is "uptally: $2"
    no_out
}
header=service,minute,total,errors,slow
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,1,0,0' 'api,2026-10-01T00:01:00Z,1,-1,0' >bad.csv
bad bad.csv 'bad.csv:3: errors: -1 is negative'
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,1,0,0' 'nobody,2026-10-01T00:00:00Z,1,2,0' >bad.csv
bad bad.csv 'bad.csv:3: errors: 2 errors of 1 requests'
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,1,0,0' 'portal,2026-10-01T00:00:00Z,1,0,0' 'api,2026-10-01T02:00:00+02:00,1,0,0' >bad.csv
bad bad.csv 'bad.csv:4: minute: 2026-10-01T00:00:00Z of service "api" stands in line 2 already'
printf '%s\n' $header 'api,2026-10-01T00:00:30Z,1,0,0' >bad.csv
bad bad.csv 'bad.csv:2: minute: 2026-10-01T00:00:30Z does not lie on the minute'
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,1,0' >bad.csv
bad bad.csv 'bad.csv:2: 4 fields, but the header has 5'
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,99999999999999999999,0,0' >bad.csv
bad bad.csv 'bad.csv:2: total: 99999999999999999999 is too large'
printf '%s\n' $header 'api,2026-10-01T00:00:00Z,4611686018427387903,0,0' 'portal,2026-10-01T00:00:00Z,1,0,0' >bad.csv
bad bad.csv 'bad.csv:3: total: the sum of all requests is above 4611686018427387903'
printf '%s\n' $header 'a\377i,2026-10-01T00:00:00Z,1,0,0' | sed 's/\\377/\xff/' >bad.csv
bad bad.csv 'bad.csv:2: not UTF-8'
printf 'service,minute,total,error,slow\n' >bad.csv
bad bad.csv 'bad.csv:1: unknown column "error" (did you mean "errors"?); the header is service,minute,total,errors,slow[,first_ok,last_ok,first_error,last_error]'
: >bad.csv
bad bad.csv 'bad.csv:1: empty; the header is service,minute,total,errors,slow[,first_ok,last_ok,first_error,last_error]'
bad nowhere.csv 'nowhere.csv: No such file or directory'
printf '%s\n' service,from,to,state 'api,2026-10-02T00:00:00Z,2026-10-03T00:00:00Z,major' 'api,2026-10-01T00:00:00Z,2026-10-02T00:00:01Z,major' >bad.csv
expect 4 "${states[@]}" --states bad.csv
err_is 'uptally: bad.csv:3: from: overlaps the state of service "api" in line 2'
no_out
printf '%s\n' service,announced_at,from,to 'api,2026-10-02T00:00:00Z,2026-10-03T00:00:00Z,2026-10-03T00:00:00Z' >bad.csv
expect 4 "${states[@]}" --states s.csv --announcements bad.csv
err_is 'uptally: bad.csv:2: to: 2026-10-03T00:00:00Z is not after from, 2026-10-03T00:00:00Z'
no_out
# A row is bad wherever it stands: the service before it was computed already.
(cat sorted.csv; echo 'api,2026-10-01,1,0,0') >bad.csv
bad bad.csv 'bad.csv:300002: minute: "2026-10-01" is no time like 2026-10-01T00:00:00Z (RFC 3339), of the years 1685 to 2255'

# Terms and configuration.
expect 3 evaluate c.yaml --contract states --month 2026-11 --states s.csv
err 'c.yaml:30: contract "states"'
err '2026-11-16'
no_out
expect 0 evaluate c.yaml --contract states --from 2026-11-15T23:00:00Z --to 2026-11-16T23:00:00Z --states s.csv
expect 3 evaluate c.yaml --contract states --from 2026-11-15T22:59:59Z --to 2026-11-16T23:00:00Z --states s.csv
sed 's/target: 99.5/targt: 99.5/' c.yaml >bad.yaml
expect 3 evaluate bad.yaml --contract ratio --month 2026-10 --windows w.csv
err 'bad.yaml:12:7: unknown key "targt" (did you mean "target"?)'
no_out
printf 'store: {sqlite: a.db}\n' >bad.yaml
expect 3 evaluate bad.yaml --contract ratio --month 2026-10 --windows w.csv
err_is 'uptally: bad.yaml: there are no contracts'

# The command line.
expect 2 evaluate c.yaml --contract ratoi --month 2026-10 --windows w.csv
err_is 'uptally: --contract: there is no contract "ratoi" (did you mean "ratio"?)'
expect 2 evaluate c.yaml --month 2026-10 --windows w.csv
err_is 'uptally: --contract is missing'
expect 2 evaluate c.yaml --contract ratio --windows w.csv
err_is 'uptally: either --month, or --from and --to'
expect 2 evaluate c.yaml --contract ratio --month 2026-10 --from 2026-10-01T00:00:00Z --windows w.csv
expect 2 evaluate c.yaml --contract ratio --from 2026-10-01T00:00:00Z --windows w.csv
err_is 'uptally: --to is missing'
expect 2 evaluate c.yaml --contract ratio --from 2026-10-01T00:00:00.5Z --to 2026-10-02T00:00:00Z --windows w.csv
err_is 'uptally: --from: a fraction of a second'
expect 2 evaluate c.yaml --contract ratio --from 2026-10-02T00:00:00Z --to 2026-10-02T00:00:00Z --windows w.csv
err_is 'uptally: --to is not after --from'
expect 2 evaluate c.yaml --contract ratio --month 2026-13 --windows w.csv
expect 2 evaluate c.yaml --contract ratio --month 1969-12 --windows w.csv
expect 2 "${ratio[@]}" --windows - --states -
err_is 'uptally: only one file can be standard input'
expect 2 "${states[@]}" --windows w.csv
err_is 'uptally: --states is missing: method state_time of contract "states" goes by the states of its services'
expect 2 "${ratio[@]}"
err_is 'uptally: --windows is missing: method request_ratio of contract "ratio" goes by the requests of each minute'
expect 0 "${ratio[@]}" --states s.csv
err 'no --windows'

# Nothing measured: no uptime, no credit, and no target missed.
printf 'service,minute,total,errors,slow\n' >none.csv
expect 0 "${ratio[@]}" --windows none.csv --exit-code
out 'Uptime        not measured, target 99.5 %: nothing was measured'
expect 0 "${ratio[@]}" --windows none.csv --format json
out '"uptime": null'
out '"met": null'
out '"not_provisioned": 2682000'
