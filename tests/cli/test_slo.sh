# uptally slo on the demo's store, in both forms and at 80 columns; uptally import openslo, and what it refuses.
. "$(dirname "$0")/expect.sh"
unset LC_ALL LC_CTYPE
export LANG=C

"$UPTALLY" demo --out d --seed 7 >demo.out 2>demo.err </dev/null || fail "demo"
cfg=d/uptally.yaml

# --- the table ---

expect 0 slo $cfg
out "budgets used up: "
for id in portal-requests api-minutes reports-speed; do
    out "$id"
done
out "portal-requests  99.5 % of requests, rolling 28d"
out "page above 13.44"
out "Days: _ nothing lost"
! LC_ALL=C grep -q '[^ -~]' out || fail "more than ASCII where nothing says UTF-8"
[ "$(awk 'length > 80' out | wc -l)" -eq 0 ] || fail "wider than 80 columns"
cp out plain
expect 0 slo $cfg
cmp -s out plain || fail "the same moment looks different"
LANG=en_US.UTF-8 expect 0 slo $cfg
out "█"
python3 -c '
import sys
for line in open("out", encoding="utf-8"):
    assert len(line.rstrip("\n")) <= 80, line' || fail "wider than 80 columns"
NO_COLOR=1 expect 0 slo $cfg
! grep -q "$(printf '\033')" out || fail "colour"
expect 0 slo $cfg --color always
grep -q "$(printf '\033\[')" out || fail "no colour"

# October, when it was over: 745 hours in Berlin.
expect 0 slo $cfg --id api-minutes --at 2026-11-01T00:00:00+01:00
out "page above 14.90"
out "days    2026-10-01 "
[ "$(grep -c '^[a-z]' out)" -eq 1 ] || fail "not one objective"
[ "$(sed -n 's/^  days    2026-10-01 //p' out | tr -d '\n' | wc -c)" -eq 31 ] || fail "not 31 days"

# --- for programs ---

expect 0 slo $cfg --format json
cp out slo.json
python3 - <<'END' || fail "the document"
import json, os, sys
sys.path.insert(0, os.environ["SOURCE_DIR"] + "/tests/oracle")
sys.dont_write_bytecode = True
from statement_schema import findings
schema = json.load(open(os.environ["SOURCE_DIR"] + "/schemas/slo.schema.json"))
assert not findings(json.load(open("slo.json")), schema, schema)
from fractions import Fraction
document = json.load(open("slo.json"))
assert document["version"] == 1
assert document["at"] == document["complete_until"]
assert [s["id"] for s in document["slos"]] == ["portal-requests", "api-minutes", "reports-speed"]
for slo in document["slos"]:
    part = lambda f: Fraction(int(f["numerator"]), int(f["denominator"]))
    good = part(slo["good"])
    assert good == 1 - Fraction(slo["burn"]["bad"]) / slo["burn"]["valid"]
    budget = 1 - Fraction(slo["target_percent"]) / 100
    assert part(slo["burn"]["rate"]) == (1 - good) / budget
    assert part(slo["budget"]["consumed"]) + part(slo["budget"]["left"]) == 1
rolling = document["slos"][0]
assert sum(day["valid"] for day in rolling["days"]) == rolling["burn"]["valid"]
END
expect 0 export windows $cfg --format csv
cp out windows.csv
python3 - <<'END' || fail "not what the windows say"
import csv, json
from datetime import datetime
slo = json.load(open("slo.json"))["slos"][0]
when = lambda text: datetime.fromisoformat(text.replace("Z", "+00:00"))
begin, end = when(slo["period"]["from"]), when(slo["period"]["to"])
assert (end - begin).days == 28
rows = [r for r in csv.DictReader(open("windows.csv", newline=""))
        if r["service"] == "portal" and begin <= when(r["minute"]) < end]
assert sum(int(r["total"]) for r in rows) == slo["burn"]["valid"] > 100000
assert sum(int(r["errors"]) for r in rows) == int(slo["burn"]["bad"]) > 100
END

# --- status ---

expect 0 slo $cfg --exit-code
expect 10 slo $cfg --id api-minutes --at 2026-10-31T12:00:00Z --exit-code
out "% left: used up"
no_err
expect 2 slo $cfg --id api-minute
err_is 'uptally: --id: there is no objective "api-minute" (did you mean "api-minutes"?)'
expect 2 slo $cfg --at 2027-01-01T00:00:00Z
err 'uptally: --at 2027-01-01T00:00:00Z: events are complete until 2026-11-01T07:55:00Z only'
no_out
expect 2 slo $cfg --at yesterday
printf 'store: {sqlite: e.db}\n' >none.yaml
expect 0 aggregate none.yaml
expect 3 slo none.yaml
err_is 'uptally: none.yaml: there are no objectives; add a section "slos"'
printf 'slos: [{id: a, service: s, target: 99, method: request_ratio, window: {rolling: 30d}}]\n' >>none.yaml
expect 0 slo none.yaml --exit-code
out "Nothing is complete yet"
expect 0 slo none.yaml --format json
out '"complete_until": null'

# A store without any event of the service, and a wide name.
sed 's/id: portal-requests, service: portal/id: "ポータル的错误预算ポータル的错误预算ポータル的错误预算", service: nobody/' $cfg >d/wide.yaml
sed -i 's/services: declared/services: discover/' d/wide.yaml
LC_ALL=C.UTF-8 expect 0 slo d/wide.yaml
out "100.0 % left, nothing measured yet"
out "nobody knows: nothing was measured in the last 1d"
python3 -c '
import unicodedata
lines = open("out", encoding="utf-8").read().split("\n")
width = lambda text: sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
titles = [line for line in lines if " % of " in line]
assert max(map(width, lines)) <= 80, lines
assert len({width(line[:line.index(" 9")]) for line in titles}) == 1, titles' || fail "the names do not line up"

# --- OpenSLO ---

cat >openslo.yaml <<'END'
apiVersion: openslo/v1
kind: Service
metadata: {name: portal, displayName: "The portal"}
spec: {description: "What customers see"}
---
apiVersion: openslo/v1
kind: SLI
metadata:
  name: portal-errors
  annotations: {uptally/services: portal, example.com/board: 7}
spec:
  ratioMetric:
    counter: true
    good: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(http_requests{code!~"5.."}[5m]))'}}}
    total: {metricSource: {type: Prometheus, spec: {query: 'sum(rate(http_requests[5m]))'}}}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: portal-availability, labels: {team: [web]}}
spec:
  service: portal
  indicatorRef: portal-errors
  timeWindow: [{duration: 4w, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.995}]
END
cat >more.yaml <<'END'
apiVersion: openslo/v1
kind: SLO
metadata: {name: portal-slices, annotations: {uptally/forecast: 6h, uptally/max_slow_ratio: "0.2", uptally/services: "portal, device-api"}}
spec:
  service: portal
  indicator:
    metadata: {name: inline}
    spec: {ratioMetric: {bad: {metricSource: {}}, total: {metricSource: {}}}}
  timeWindow: [{duration: 1Q, calendar: {startTime: 2026-04-01 00:00:00, timeZone: Europe/Berlin}}]
  budgetingMethod: Timeslices
  objectives:
  - {displayName: Gold, targetPercent: 99.95, timeSliceTarget: 0.97, timeSliceWindow: 5}
  - {displayName: Silver, target: 0.99, timeSliceTarget: 0.9, timeSliceWindow: 1h}
  alertPolicies: []
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: portal-mean, annotations: {uptally/digits: "5"}}
spec:
  service: portal
  indicatorRef: portal-errors
  timeWindow: [{duration: 1M, calendar: {startTime: 2026-05-01 00:00:00, timeZone: UTC}}]
  budgetingMethod: RatioTimeslices
  objectives: [{targetPercent: 99.9, timeSliceWindow: 10m}]
END
expect 0 import openslo openslo.yaml more.yaml
no_err
cat >wanted <<'END'
# From OpenSLO v1, by uptally import openslo.
services:
  - {name: portal}
slos:
  - id: portal-availability
    services: [portal]
    target: 99.5
    method: request_ratio
    window: {rolling: 28d}
  - id: portal-slices-1
    services: [portal, device-api]
    target: 99.95
    method: time_slices
    window: quarter
    time_zone: Europe/Berlin
    slice: 5m
    max_error_ratio: 0.03
    max_slow_ratio: 0.2
    forecast: 6h
  - id: portal-slices-2
    services: [portal, device-api]
    target: 99
    method: time_slices
    window: quarter
    time_zone: Europe/Berlin
    slice: 1h
    max_error_ratio: 0.1
    max_slow_ratio: 0.2
    forecast: 6h
  - id: portal-mean
    services: [portal]
    target: 99.9
    method: ratio_time_slices
    window: month
    time_zone: UTC
    slice: 10m
    digits: 5
END
cmp out wanted || fail "not what these documents mean"
cp out imported.yaml
expect 0 check imported.yaml --offline
expect 0 import openslo openslo.yaml more.yaml
cmp -s out imported.yaml || fail "not the same twice"
cat openslo.yaml >both.yaml
echo --- >>both.yaml
cat more.yaml >>both.yaml
"$UPTALLY" import openslo - <both.yaml >out 2>err || fail "standard input"
cmp -s out imported.yaml || fail "standard input gives something else"

# The imported objective over the demo's books is the one of its own configuration.
expect 0 import openslo openslo.yaml
{ sed '/^slos:/,$d' $cfg; sed -n '/^slos:/,$p' out; } >d/imported.yaml
expect 0 slo d/imported.yaml --format json
python3 - <<'END' || fail "the imported objective is another one"
import json
mine, theirs = json.load(open("slo.json"))["slos"][0], json.load(open("out"))["slos"][0]
assert theirs.pop("id") == "portal-availability" and mine.pop("id") == "portal-requests"
assert mine == theirs
END

# refused MESSAGE SED-EXPRESSION: openslo.yaml, changed so.
refused() {
    sed "$2" openslo.yaml >bad.yaml
    cmp -s bad.yaml openslo.yaml && fail "nothing was changed by $2"
    expect 3 import openslo bad.yaml
    err_is "uptally: bad.yaml:$1"
    no_out
}
refused '1:13: apiVersion: "openslo/v2" is not one of openslo/v1 (did you mean "openslo/v1"?)' '1s/v1/v2/'
refused '2:7: kind: "Servise" is not one of Service, SLI, SLO (did you mean "Service"?)' 's/kind: Service/kind: Servise/'
refused '2:7: kind "DataSource" cannot be honoured: only Service, SLI and SLO are' 's/kind: Service/kind: DataSource/'
refused '3:18: name: "Portal" is not a name of lower-case letters, digits and inner hyphens (RFC 1123)' 's/name: portal,/name: Portal,/'
refused '10:17: unknown annotation "uptally/service" (did you mean "services"?)' 's/uptally\/services/uptally\/service/'
refused '13:5: "metricSource" cannot be honoured: uptally asks no other system, it counts requests itself; say of which services by the annotation "uptally/services" of the SLI or the SLO' 's/uptally\/services: portal, //'
refused '12:3: "thresholdMetric" cannot be honoured: uptally measures ratios of requests; what is too slow is said by services[].latency_threshold and the annotation uptally/degraded_weight or uptally/max_slow_ratio' 's/ratioMetric/thresholdMetric/'
refused '14:5: "raw" cannot be honoured: uptally counts requests, it does not read ratios; give "good" or "bad", and "total"' 's/    good:/    raw:/'
refused '13:5: ratioMetric: one of "good" and "bad" is wanted, and "total"' '/ total:/d'
refused '21:12: service: there is no Service "portl" among the files (did you mean "portal"?)' 's/service: portal$/service: portl/'
refused '22:17: indicatorRef: there is no SLI "portal-error" among the files (did you mean "portal-errors"?)' 's/Ref: portal-errors/Ref: portal-error/'
refused '23:27: "duration" cannot be honoured: months have no fixed length to roll by; write days, or a calendar' 's/4w/1M/'
refused '23:16: timeWindow: one of "isRolling: true" and "calendar" is wanted' 's/, isRolling: true//'
refused '23:78: "startTime" cannot be honoured: "2026-02-01 00:00:00" is not the first midnight of a quarter, such as 2026-01-01 00:00:00' \
    's/{duration: 4w, isRolling: true}/{duration: 1Q, calendar: {timeZone: Europe\/Berlin, startTime: 2026-02-01 00:00:00}}/'
refused '24:20: budgetingMethod: "occurrences" is not one of Occurrences, Timeslices, RatioTimeslices (did you mean "Occurrences"?)' 's/: Occurr/: occurr/'
refused '25:25: "target" cannot be honoured: it leaves no error budget' 's/0.995/1.0/'
refused '25:25: target: "9.95e-1" is not a decimal such as 99.95' 's/0.995/9.95e-1/'
refused '25:16: objectives: one of "target" and "targetPercent" is wanted' 's/{target: 0.995}/{target: 0.995, targetPercent: 99.5}/'
refused '25:16: objectives: "timeSliceWindow" is for Timeslices and RatioTimeslices only' 's/{target: 0.995}/{target: 0.995, timeSliceWindow: 5}/'
refused '25:32: "op" cannot be honoured: it compares a thresholdMetric, and uptally measures ratios of requests' 's/{target: 0.995}/{target: 0.995, op: lte, value: 1}/'
refused '26:3: "alertPolicies" cannot be honoured: alerts of uptally look at two windows; leave them out for the standard ones, or write slos[].alerts' '$a\  alertPolicies: [{alertPolicyRef: p}]'
refused '17:1: SLO "portal-availability" cannot be honoured: service "portal" occurs twice' 's/services: portal,/services: "portal,portal",/'
sed 's/name: portal-availability/name: portal-slices-1/' openslo.yaml >bad.yaml
expect 3 import openslo bad.yaml more.yaml
err 'slo "portal-slices-1" occurs twice'
expect 3 import openslo openslo.yaml openslo.yaml
err_is 'uptally: openslo.yaml:3:18: Service "portal" occurs twice (first in openslo.yaml:1)'

# Hostile: what the configuration's reader does not take, this does not either.
printf 'a: &x [*x]\n' >bad.yaml
expect 3 import openslo bad.yaml
err 'bad.yaml:1:4: anchors (&name) are not allowed'
head -c 2000000 /dev/zero | tr '\0' '#' >bad.yaml
expect 3 import openslo bad.yaml
err 'larger than 1048576 bytes'
python3 -c 'print("[" * 100000)' >bad.yaml
expect 3 import openslo bad.yaml
err 'nested too deeply'
: >bad.yaml
expect 3 import openslo bad.yaml
err_is 'uptally: there is no document of OpenSLO'
expect 3 import openslo missing.yaml
expect 2 import openslo
err 'too few arguments: uptally import openslo FILE...'
expect 2 import openslow bad.yaml
err 'is not openslo'
exit 0
