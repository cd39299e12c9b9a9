#!/bin/sh
# A run's logs in the programs they are for. $1: the program logged_run, $2: the source folder. CT_TEST_PYTHON names a Python, for the
# event files one with tensorboard.
set -u
python=${CT_TEST_PYTHON:-python3}
if ! command -v "$python" > /dev/null; then
    echo "1..0 # SKIP no Python"
    exit 0
fi
exec "$python" "$2/tests/test_read_logs.py" "$1"
