#!/bin/sh
# Compiles the three source lists into fully pinned ones, valid for Python 3.11 to 3.13.
# tests/requirements.txt includes requirements.txt and lists only what testing adds; benchmarks/ likewise.
set -eu
cd "$(dirname "$0")/.."
compile() {
    .venv/bin/uv pip compile --quiet --universal --python-version 3.11 \
        --no-header --no-emit-index-url --no-emit-find-links "$@"
}
compile requirements.in --output-file requirements.txt
all=$(mktemp)
trap 'rm -f "$all"' EXIT
compile tests/requirements.in --no-annotate --output-file "$all" >/dev/null
{
    echo "-r ../requirements.txt"
    grep -vxFf requirements.txt "$all"
} >tests/requirements.txt
compile benchmarks/requirements.in --no-annotate --output-file "$all" >/dev/null
{
    echo "-r ../tests/requirements.txt"
    grep -vxFf requirements.txt "$all" | grep -vxFf tests/requirements.txt
} >benchmarks/requirements.txt
