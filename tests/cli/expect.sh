# Sourced by the scripts beside it: a folder of its own, and words to say what is expected.
set -u
: "${UPTALLY:?path of the program}" "${SOURCE_DIR:?root of the sources}"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
unset UPTALLY_CONFIG NO_COLOR

fail() {
    echo "FAILED: $*" >&2
    echo "--- standard output" >&2
    head -c 4000 "$folder/out" >&2
    echo "--- standard error" >&2
    head -c 4000 "$folder/err" >&2
    exit 1
}

# expect STATUS ARGUMENTS...: runs the program; its output is in $folder/out and $folder/err.
expect() {
    local wanted=$1
    shift
    "$UPTALLY" "$@" >"$folder/out" 2>"$folder/err" </dev/null
    local status=$?
    [ "$status" -eq "$wanted" ] || fail "uptally $*: exit status $status, not $wanted"
}

# out TEXT, err TEXT: the text occurs. out_is, err_is: it is the whole line and there is no other.
out() { grep -qF -- "$1" "$folder/out" || fail "standard output lacks: $1"; }
err() { grep -qF -- "$1" "$folder/err" || fail "standard error lacks: $1"; }
err_is() { [ "$(cat "$folder/err")" = "$1" ] || fail "standard error is not: $1"; }
no_out() { [ ! -s "$folder/out" ] || fail "standard output is not empty"; }
no_err() { [ ! -s "$folder/err" ] || fail "standard error is not empty"; }
