#!/bin/sh
# run.sh PYTHON SCRIPT ARGUMENTS: says what is missing instead of failing in the dark.
if [ ! -x "$1" ]; then
    echo "oracle: no Python with fastavro at $1; configure with -DUPTALLY_VENV=FOLDER of a venv that has" \
        "tests/oracle/requirements.txt installed (tests/run does)" >&2
    exit 1
fi
exec "$@"
