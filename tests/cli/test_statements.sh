# uptally report, credits and announce on a store without events: usage, exit statuses, one clear line each.
. "$(dirname "$0")/expect.sh"

cat >a.yaml <<'END'
store: {sqlite: a.db}
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
END
printf 'store: {sqlite: a.db}\noutput: published\n' >none.yaml

# Nothing has been folded: no statement, and no error.
expect 0 report a.yaml --month 2026-01
no_out
err 'no event of this period has been folded'
expect 0 credits a.yaml --month 2026-01
no_out
expect 0 credits a.yaml --month 2026-01 --format json
out '"credit_notes": []'

# By force a month that is over is issued, and then again the same.
expect 0 report a.yaml --month 2026-01 --force
out 'published/acme/2026-01/statement-r1.html'
cp published/acme/2026-01/statement-r1.json first.json
expect 0 report a.yaml --month 2026-01 --exit-code
cmp -s first.json published/acme/2026-01/statement-r1.json || fail "issued twice, with different bytes"
expect 0 report a.yaml --month 2026-01 --stdout
cmp -s first.json "$folder/out" || fail "--stdout prints another document"
expect 0 report a.yaml --month 2026-01 --stdout --format csv
out 'statement,,contract.customer,ACME'
expect 0 report a.yaml --month 2026-01 --stdout --format pdf
cmp -s published/acme/2026-01/statement-r1.pdf "$folder/out" || fail "--stdout prints another PDF than the one that was published"
expect 0 report a.yaml --month 2026-01 --format pdf
out 'published/acme/2026-01/statement-r1.pdf'
rm published/acme/2026-01/statement-r1.pdf
# Several formats at once, and one only where there is but one place.
expect 0 report a.yaml --month 2026-01 --format json,csv
out 'published/acme/2026-01/statement-r1.csv'
[ "$(wc -l <"$folder/out")" -eq 2 ] || fail "two formats are two files"
expect 2 report a.yaml --month 2026-01 --format json,xml
err 'is none of json|html|pdf|csv|all'
expect 2 report a.yaml --month 2026-01 --format json,csv --stdout
err '--stdout prints one format'

expect 0 check a.yaml
out 'ok   pdf       Pango '

# What stands under the name of a statement is never overwritten.
echo mine >published/acme/2026-01/statement-r1.csv
expect 7 report a.yaml --month 2026-01
grep -qx mine published/acme/2026-01/statement-r1.csv || fail "overwritten"

# One contract's trouble does not stop the others: each has its line, the first decides the exit status.
python3 - <<'END'
text = open("a.yaml").read()
head, contract = text.split("  - id: acme\n")
parts = [f"  - id: {name}\n" + contract.replace("customer: ACME", f"customer: {name.upper()}") for name in ("alpha", "beta", "gamma", "delta")]
open("many.yaml", "w").write(head.replace("a.db", "many.db").replace("published", "shelf") + "".join(parts))
END
mkdir shelf
echo mine >shelf/alpha
echo mine >shelf/gamma
expect 7 report many.yaml --month 2026-01 --force
[ "$(grep -c '^uptally: alpha' err)" -eq 1 ] || fail "alpha's error is not on a line of its own"
[ "$(grep -c '^uptally: gamma' err)" -eq 1 ] || fail "gamma's error is not on a line of its own"
[ "$(grep -c '^uptally: ' err)" -eq 2 ] || fail "an error more"
for name in beta delta; do
    out "shelf/$name/2026-01/statement-r1.json"
    [ -s shelf/$name/2026-01/statement-r1.html ] || fail "$name has no statement"
done
expect 7 report many.yaml --month 2026-01 --contract alpha
expect 0 report many.yaml --month 2026-01 --contract delta
# An error speaks before a missed target.
expect 7 report many.yaml --month 2026-01 --exit-code
rm shelf/alpha shelf/gamma
expect 0 report many.yaml --month 2026-01
out 'shelf/alpha/2026-01/statement-r1.json'

expect 2 report a.yaml --month 2026-13
err_is 'uptally: --month: "2026-13" is not a month like 2026-10'
expect 2 report a.yaml --contract acmee
err_is 'uptally: --contract: there is no contract "acmee"'
expect 3 report none.yaml
err_is 'uptally: none.yaml: there are no contracts'
expect 2 credits a.yaml --month October

# Announcements: numbers on standard output, doubts on standard error.
expect 0 announce a.yaml --service api --from 2100-01-01T00:00:00Z --to 2100-01-01T01:00:00Z --reason upgrade --author eve
out 1
expect 0 announce a.yaml --service '*' --from 2020-01-01T00:00:00Z --to 2020-01-01T01:00:00Z --reason late
err 'excuses nothing'
expect 0 announce a.yaml --service apii --from 2100-01-01T00:00:00Z --to 2100-01-01T01:00:00Z --reason slip
err 'no contract names a service "apii"'
expect 0 announce a.yaml --list
out 'upgrade (eve)'
expect 0 announce a.yaml --cancel 1
expect 0 announce a.yaml --list
out 'CANCELLED'
expect 2 announce a.yaml --cancel 1
err_is 'uptally: announcement 1 is cancelled already, by 4'
expect 2 announce a.yaml --service api --from 2100-01-01T00:00:00Z --to 2100-01-01T01:00:00Z
err_is 'uptally: --reason is missing'
expect 2 announce a.yaml --service api --from 2100-01-02T00:00:00Z --to 2100-01-01T01:00:00Z --reason upgrade
err_is 'uptally: the maintenance must end after its start'
expect 0 audit a.yaml
