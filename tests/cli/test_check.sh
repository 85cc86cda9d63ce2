# uptally check: the file, the systems, secrets.
. "$(dirname "$0")/expect.sh"

cat >good.yaml <<'END'
store: {sqlite: a.db}
output: statements
END

# Where the configuration comes from.
expect 0 check good.yaml --offline
out "ok   config    good.yaml: topics 0, services 0, contracts 0"
expect 0 check --config good.yaml --offline
out good.yaml
UPTALLY_CONFIG=good.yaml expect 0 check --offline
out good.yaml
cp good.yaml uptally.yaml
expect 0 check --offline
out uptally.yaml
rm uptally.yaml

# A line for each system; nothing is created.
expect 0 check good.yaml
out "ok   store     a.db, will be created"
out "ok   output    statements, will be created"
no_err
[ "$(ls -A | grep -vE '^(good.yaml|out|err)$' | wc -l)" -eq 0 ] || fail "check left files behind: $(ls -A)"

# Errors name file, line, column and the nearest known key.
printf 'store:\n  sqlit: a.db\n' >bad.yaml
expect 3 check bad.yaml
err_is 'uptally: bad.yaml:2:3: unknown key "sqlit" (did you mean "sqlite"?)'
no_out
printf 'contracts:\n- id: a\n  services: [s]\n  time_zone: Europe/Berlim\n' >bad.yaml
expect 3 check bad.yaml
err_is 'uptally: bad.yaml:4:14: time_zone: "Europe/Berlim" is not a time zone such as Europe/Berlin'
expect 3 check none.yaml
err_is 'uptally: none.yaml: No such file or directory'
expect 3 check .
err_is 'uptally: .: not a file'
head -c 2000000 /dev/zero | tr '\0' '#' >large.yaml
expect 3 check large.yaml
err_is 'uptally: large.yaml: larger than 1048576 bytes'

# All systems are tried; the status is that of the first that failed.
printf 'store: {sqlite: none/a.db}\noutput: none/out\n' >bad.yaml
expect 6 check bad.yaml
out "FAIL store"
out "FAIL output"
printf 'store: {sqlite: a.db}\noutput: none/out\n' >bad.yaml
expect 7 check bad.yaml
out "ok   store"
out "FAIL output"
printf 'output: good.yaml\n' >bad.yaml
expect 7 check bad.yaml
out "FAIL output    good.yaml: not a folder"
printf 'store: {sqlite: bad.yaml}\n' >bad.yaml
expect 6 check bad.yaml
printf 'registry: {url: "http://127.0.0.1:1"}\noutput: none/out\n' >bad.yaml
expect 5 check --timeout 1s bad.yaml
out "FAIL registry"
out "FAIL output"
printf 'cluster: {bootstrap_servers: "127.0.0.1:1"}\n' >bad.yaml
expect 5 check --timeout 1s bad.yaml
out "FAIL broker"
out "127.0.0.1:1"

# Secrets: references only, resolved, and in no output whatever happens.
printf 'canary-31\n' >secret
cat >secret.yaml <<'END'
store: {sqlite: a.db}
cluster:
  bootstrap_servers: 127.0.0.1:1
  properties:
    security.protocol: SASL_PLAINTEXT
    sasl.mechanism: PLAIN
    sasl.username: u
    sasl.password: ${file:secret}
registry:
  url: http://127.0.0.1:1
  username: u
  password: ${env:CANARY}
END
expect 3 check secret.yaml
err_is 'uptally: secret.yaml:12:13: environment variable CANARY is not set'
export CANARY=canary-32
expect 0 check secret.yaml --offline
expect 0 check secret.yaml --show
out '"sasl.password": "${file:secret}"'
out 'password: "${env:CANARY}"'
! grep -q canary out err || fail "a secret was printed"
cp out shown.yaml
expect 0 check shown.yaml --show
cmp -s out shown.yaml || fail "what --show prints does not show itself"
expect 5 check --timeout 1s secret.yaml
! grep -q canary out err || fail "a secret was printed"
sed 's/${env:CANARY}/canary-33/' secret.yaml >literal.yaml
expect 3 check literal.yaml
err 'password is a secret'
! grep -q canary out err || fail "a secret was printed"

# Generated pieces.
expect 0 check --json-schema
cmp -s out "$SOURCE_DIR/schemas/uptally.schema.json" || fail "schemas/uptally.schema.json is not what the tables give"
expect 0 check --reference
out '| `store.sqlite` |'

# Services whose outage would look like no traffic.
cat >silent.yaml <<'END'
registry: {url: "http://127.0.0.1:1"}
topics:
- {name: t, kind: requests, map: {service: s, time: t, outcome: o}}
contracts:
- id: a
  services: [portal]
  time_zone: UTC
  availability:
    target: 99
    method: request_ratio
    unknown: {no_traffic: up, probe_down: up, pipeline_gap: up, not_provisioned: up}
END
expect 0 check silent.yaml --offline
err 'contract a: service portal has no topic of health checks'

# Contracts that need more of the store than counts, and limits that nothing can break. availability FIELDS TOPIC: a contract by that method.
requests='{name: t, kind: requests, map: {service: s, time: t, outcome: o}}'
checks='{name: c, kind: checks, map: {service: s, instance: i, time: t, outcome: {path: o, pass: [p], fail: [f]}}}'
contract() {
    printf 'registry: {url: "http://127.0.0.1:1"}\ntopics: [%s]\ncontracts:\n- id: a\n  services: [portal]\n  time_zone: UTC\n' "$2"
    printf '  availability: {target: 99, %s, unknown: {no_traffic: down, probe_down: up, pipeline_gap: up, not_provisioned: up}}\n' "$1"
}
contract 'method: total_failure_runs, min_run: 1m' "$requests" >c.yaml
expect 0 check c.yaml --offline
err_is 'contract a needs the first and last success and failure of each minute, which the store keeps of what is read under this configuration: start consumers again before its valid_from'
contract 'method: total_failure_runs, min_run: 1m' '' >c.yaml
expect 0 check c.yaml --offline
no_err
contract 'method: time_slices, slice: 5m, latency: {percentile: 95, below: 1s}' "$requests" >c.yaml
expect 0 check c.yaml --offline
err 'uptally: warning: contract a has a percentile of latency, but topic t maps no latency'
err 'contract a needs the requests above its limit of latency of each minute, which the store keeps'
contract 'method: time_slices, slice: 5m, latency: {percentile: 95, below: 1s}' '{name: t, kind: requests, map: {service: s, time: t, outcome: o, latency: {path: l, unit: us}}}' >c.yaml
expect 0 check c.yaml --offline
! grep -q 'maps no latency' err || fail "a mapped latency is missed"
contract 'method: time_slices, slice: 5m, max_slow_ratio: 0.1' "$requests" >c.yaml
expect 0 check c.yaml --offline
err_is 'uptally: warning: contract a counts slow requests, but service portal has no latency_threshold: none of its requests is slow'
printf 'service_defaults: {latency_threshold: 1s}\n' >>c.yaml
expect 0 check c.yaml --offline
no_err
contract 'method: proportional' "$checks" >c.yaml
expect 0 check c.yaml --offline
err_is 'uptally: warning: contract a counts requests, but there is no topic of requests'
contract 'method: proportional' "$checks, $requests" >c.yaml
expect 0 check c.yaml --offline
no_err
