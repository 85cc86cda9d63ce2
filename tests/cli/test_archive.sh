# What uptally archive refuses, and what check says of its folder. Real topics: tests/broker/archive.py.
. "$(dirname "$0")/expect.sh"

cat >a.yaml <<'YAML'
store: {sqlite: a.db}
cluster: {bootstrap_servers: "127.0.0.1:1"}
topics:
  - {name: requests, kind: requests, framing: avro, schema_file: a.avsc, services: discover, map: {service: s, time: t, outcome: o}}
YAML
cat >a.avsc <<'JSON'
{"type": "record", "name": "R", "fields": [{"name": "s", "type": "string"},
 {"name": "t", "type": {"type": "long", "logicalType": "timestamp-millis"}}, {"name": "o", "type": "int"}]}
JSON
expect 3 archive a.yaml
err "archive needs a section archive, with a folder"
printf 'archive: {folder: kept}\n' >>a.yaml
expect 2 archive a.yaml --dry-run
err_is 'uptally: --dry-run goes with --expire'
expect 2 archive a.yaml --verify --expire
err_is 'uptally: --verify and --expire are two runs'
expect 2 archive a.yaml --follow --verify
expect 2 archive a.yaml --shard 4/4
expect 3 archive a.yaml --expire
err "archive.retention"

# Nothing was archived: there is nothing to prove, and that is no mismatch.
rm -rf kept
expect 0 archive a.yaml --verify
out "the archive is what the store says: 0 records in 0 files"
[ ! -e kept ] || fail "a verification made the folder"
expect 0 archive a.yaml --verify --format json
python3 -c 'import json; d = json.load(open("out")); assert d["verified"]["findings"] == 0, d' || fail "the JSON summary"

# No broker there: status 5, and nothing in the folder.
expect 5 archive a.yaml
[ -z "$(ls -A kept)" ] || fail "something was written without a broker"

sed 's/folder: kept/folder: kept, codec: lz4/' a.yaml >b.yaml
expect 3 archive b.yaml
err "codec"
sed 's/folder: kept/folder: kept, codec: deflate, level: 13/' a.yaml >b.yaml
expect 3 archive b.yaml
err "level: deflate has 1 to 12"
sed 's/folder: kept/folder: kept, codec: zstandard, level: 19/' a.yaml >b.yaml
expect 5 check b.yaml --timeout 1s
out "ok   archive"
printf x >file
sed 's/folder: kept/folder: file/' a.yaml >b.yaml
expect 5 check b.yaml --timeout 1s
out "FAIL archive"
out "not a folder"
