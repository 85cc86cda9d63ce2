# Help, version, and what the command line refuses.
. "$(dirname "$0")/expect.sh"

expect 0 --version
out "uptally "
out "librdkafka "
no_err

# Libraries that bring dozens of others are loaded by commands that call them, so that the others start at once.
LD_DEBUG=libs "$UPTALLY" --version >out 2>err || fail "uptally --version, with the loader's log"
err "libsqlite3"
for library in librdkafka libavro libcurl libpq libssl libcairo; do
    ! grep -qF "$library" err || fail "$library is loaded for nothing"
done
# Where one of them is missing, the command that needs it names its package.
for pair in librdkafka.so.1:librdkafka1 libavro.so.23:libavro23; do
    rm -rf broken demo
    mkdir broken
    : >"broken/${pair%:*}"
    LD_LIBRARY_PATH=broken expect 1 demo
    err "${pair%:*}"
    err "apt-get install ${pair#*:}"
done

expect 0 --help
out "usage: uptally COMMAND"
out "check "
out "--config FILE"
no_err
cp out help.1
expect 0 help
cmp -s out help.1 || fail "help and --help differ"
expect 0 -h
cmp -s out help.1 || fail "-h and --help differ"

# Usage line, three examples first, then options; the same by both ways.
expect 0 help check
out "usage: uptally check CONFIG"
[ "$(grep -n 'Examples:' out | cut -d: -f1)" -lt "$(grep -n 'Options:' out | cut -d: -f1)" ] || fail "examples come first"
[ "$(grep -c '^  uptally check' out)" -eq 3 ] || fail "three examples"
cp out help.2
expect 0 check --help
cmp -s out help.2 || fail "check --help and help check differ"

# Every command of the list has its own help.
for command in $(sed -n 's/^  \([a-z]\{3,\}\)  .*/\1/p' help.1); do
    expect 0 help "$command"
    out "usage: uptally $command"
done

expect 0 help exit-status
out "   3  configuration"
out " 128  plus the number"

expect 2
err "usage: uptally COMMAND"
err "uptally: no command"
expect 2 chek
err_is 'uptally: unknown command "chek" (did you mean "check"?); see uptally --help'
expect 2 help chek
err_is 'uptally: unknown command "chek" (did you mean "check"?); see uptally --help'
expect 2 check --ofline
err_is 'uptally: unknown option "--ofline" (did you mean "--offline"?)'
expect 2 --colour=never check
err_is 'uptally: unknown option "--colour" (did you mean "--color"?)'
expect 2 check --color sometimes
err_is 'uptally: --color: "sometimes" is none of auto|always|never'
expect 2 check --lock-wait
err_is 'uptally: --lock-wait needs a value: --lock-wait TIME'
expect 2 check
err_is 'uptally: no configuration: uptally check CONFIG'
: >a.yaml
expect 2 check a.yaml b.yaml
err_is 'uptally: unexpected argument "b.yaml": uptally check CONFIG [options]'
# What is too much is named, rather than a configuration looked for elsewhere.
expect 2 status a.yaml b.yaml
err_is 'uptally: unexpected argument "b.yaml": uptally status [CONFIG] [options]'
expect 2 status --config a.yaml b.yaml
err_is 'uptally: unexpected argument "b.yaml": uptally status [CONFIG] [options]'

# A full disk behind standard output is no success.
if [ -w /dev/full ]; then
    "$UPTALLY" --help >/dev/full 2>err
    [ $? -eq 1 ] || fail "a full disk went unnoticed"
    err "standard output could not be written"
fi

# A message from outside cannot forge a second line or colour the terminal.
expect 2 "$(printf 'a\nb\033[31m')"
[ "$(wc -l <err)" -eq 1 ] || fail "more than one line"
! grep -q "$(printf '\033')" err || fail "an escape reached the terminal"

# One JSON object per line for log collectors.
expect 2 --log json chek
python3 -c '
import json, sys
lines = open("err").read().splitlines()
assert len(lines) == 1, lines
entry = json.loads(lines[0])
assert entry["severity"] == "ERROR" and entry["exit_status"] == 2 and "chek" in entry["message"], entry
' || fail "not one JSON object"
