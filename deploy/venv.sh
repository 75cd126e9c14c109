#!/bin/sh
# Makes .venv and installs what running ("run"), testing ("test") or measuring ("bench") needs.
# A stamp file holds the checksum of the lists, so a second call returns at once.
set -eu
cd "$(dirname "$0")/.."

case "${1:-}" in
run) list=requirements.txt ;;
test) list=tests/requirements.txt ;;
bench) list=benchmarks/requirements.txt ;;
*) echo "usage: deploy/venv.sh run|test|bench" >&2 && exit 2 ;;
esac

fail() {
    printf '\n%s\n' "$*" >&2
    exit 1
}

find_python() {
    for name in ${PYTHON:-python3} python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
            echo "$name"
            return
        fi
    done
    fail "Python 3.11 or newer is needed and was not found. Install it, or name it: make PYTHON=/path/to/python3 $1"
}

stamp=.venv/$1.stamp
sum=$(cat requirements.txt "$list" | cksum)
if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$sum" ]; then
    exit 0
fi

if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    python=$(find_python "$1")
    # Debian splits venv: the module is there, but stops half way without ensurepip.
    "$python" -c 'import venv, ensurepip' 2>/dev/null ||
        fail "This Python cannot make a virtual environment (module venv or ensurepip is missing). On Debian or Ubuntu run: sudo apt install python3-venv"
    echo "Making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv || fail "Making .venv failed; the lines above say why."
fi

echo "Installing packages of $list (one or two minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check --prefer-binary --use-pep517 -r "$list" ||
    fail "Installing packages failed. Is the package index reachable? Run the same command again to continue."
echo "$sum" >"$stamp"
# The lists of testing hold those of running.
if [ "$1" = test ]; then cat requirements.txt requirements.txt | cksum >.venv/run.stamp; fi
