# uptally status and export on a store without events: needs of the store, order of arguments, forms, a read-only folder.
. "$(dirname "$0")/expect.sh"

printf 'store: {sqlite: a.db}\n' >a.yaml

# Nothing is created by reading.
expect 6 status a.yaml
no_out
expect 6 export windows a.yaml
no_out
[ ! -e a.db ] || fail "a store was created"

expect 0 aggregate a.yaml
expect 0 status a.yaml
out "Nothing is complete yet"
expect 0 status a.yaml --format json
out '"complete_until": null'

# What is wrong with a contract is no reason to say nothing of the present; what is wrong elsewhere is.
printf 'store: {sqlite: a.db}\ncontracts: [{id: half}]\n' >broken.yaml
expect 0 status broken.yaml
out "Nothing is complete yet"
expect 3 report broken.yaml --month 2026-01
printf 'store: {sqlite: a.db}\ncontract: []\n' >broken.yaml
expect 3 status broken.yaml

# The word may stand before CONFIG or behind it, or alone.
header=service,minute,total,errors,slow
expect 0 export windows a.yaml
out "$header"
expect 0 export a.yaml windows
out "$header"
expect 0 export windows --config a.yaml
out "$header"
UPTALLY_CONFIG=a.yaml expect 0 export windows
out "$header"
for what in instances dead-letters redriven exclusions batches incidents; do
    expect 0 export $what a.yaml --format csv
    [ "$(wc -l <"$folder/out")" -eq 1 ] || fail "no header of $what"
    expect 0 export $what a.yaml --format ndjson
    no_out
done

# One clear line for what is not understood.
expect 2 export a.yaml
err_is 'uptally: export needs one of windows|instances|dead-letters|redriven|exclusions|batches|incidents'
expect 2 export window a.yaml
expect 2 export windows a.yaml --format xml
err '"xml" is none of csv|ndjson'
expect 2 export windows a.yaml --from yesterday
err '"yesterday" is not a time'
expect 2 export batches a.yaml --service shop
err '--service does not apply to batches'

# The books can be read by somebody who may not write them.
if [ "$(id -u)" -eq 0 ]; then
    # The program may lie where only root may look.
    cp "$UPTALLY" ./program
    chmod 755 . program
    chmod 644 a.yaml a.db*
    setpriv --reuid 65532 --regid 65532 --clear-groups ./program status a.yaml >out 2>err ||
        fail "status as uid 65532"
    out "Nothing is complete yet"
    setpriv --reuid 65532 --regid 65532 --clear-groups ./program export batches a.yaml >out 2>err ||
        fail "export as uid 65532"
    out topic,partition,from,to
fi
