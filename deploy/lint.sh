#!/bin/sh
# Every check that reads the code instead of running it; all of them run, then the result counts.
set -u
cd "$(dirname "$0")/.."
bin=.venv/bin
result=0
check() {
    echo "== $1"
    shift
    "$@" || result=1
}
check "ruff" $bin/ruff check .
check "ruff format" $bin/ruff format --check .
check "mypy" $bin/mypy
check "import road" $bin/lint-imports --no-logo --cache-dir .import_linter_cache
check "translation catalogs" $bin/python -m deploy.catalogs
check "migrations against models" deploy/migrations.sh
exit $result
