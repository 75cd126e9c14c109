#!/bin/sh
# Makes the test environment and runs every test; exit 0 only if all passed and enough is covered.
# tests/engines.py finds PostgreSQL, tests/browser Chromium, tests/kannel Kannel; pytest's summary says
# what really ran.
set -eu
cd "$(dirname "$0")/.."
deploy/venv.sh test
deploy/packages.sh pdf font browser kannel

result=0
# Tests wait as long as they compute: four share two cores. Those of one file share what they start
# from.
.venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder --cov --cov-report= || result=1

# covered NAME LEAST [coverage options]: one line, and a failure below LEAST per cent of branches.
covered() {
    name=$1 least=$2
    shift 2
    if ! lines=$(.venv/bin/python -m coverage report --skip-covered --fail-under="$least" "$@"); then
        echo "$lines"
        echo "Coverage of $name is below $least %."
        result=1
    else
        echo "Coverage of $name: $(echo "$lines" | awk '/^TOTAL/ {print $NF}') (at least $least %)"
    fi
}
covered "the whole project" 92
covered "analysis and survey/messages" 100 --include='analysis/*,survey/messages/*'
exit $result
