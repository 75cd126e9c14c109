#!/bin/sh
# Runs every test as if on five days that are often forgotten; arguments go to pytest, so that a part can
# be run. Exit 0 only if all passed on each.
set -eu
cd "$(dirname "$0")/.."
deploy/venv.sh test
deploy/packages.sh pdf font browser kannel

result=0
for name in weekend-night tet leap-day last-evening first-morning; do
    deploy/clock.sh "$name" .venv/bin/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder "$@" || result=1
done
exit $result
