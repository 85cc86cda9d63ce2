# A reader that leaves early, and a disk that is full: standard output is not always there until the end.
. "$(dirname "$0")/expect.sh"

# into DESCRIPTOR STATUS ARGUMENTS...
into() {
    local output=$1 wanted=$2
    shift 2
    "$UPTALLY" "$@" >&"$output" 2>"$folder/err" </dev/null
    local status=$?
    [ "$status" -eq "$wanted" ] || fail "uptally $* into $output: exit status $status, not $wanted"
}

# A pipe whose reader has gone: it is opened for both, then only for writing.
mkfifo pipe
exec 4<>pipe 3>pipe 4<&-

printf 'store: {sqlite: a.db}\n' >a.yaml
expect 0 aggregate a.yaml

# Quiet, with the status of a program that SIGPIPE ended: git, cat and grep do the same.
for arguments in --help "help exit-status" "check --reference" "status a.yaml" "export windows a.yaml" "audit a.yaml"; do
    # shellcheck disable=SC2086
    into 3 141 $arguments
    no_err
done
# Another trouble than the reader keeps its status and its words.
into 3 2 export window a.yaml
err "window"

# A full disk is trouble, and so is no standard output at all.
if [ -c /dev/full ]; then
    exec 5>/dev/full
    into 5 1 --help
    err_is "uptally: standard output could not be written"
    into 5 1 export windows a.yaml
    err "standard output"
fi
"$UPTALLY" --help >&- 2>err
[ $? -eq 1 ] || fail "status without standard output"
err_is "uptally: standard output could not be written"
exit 0
