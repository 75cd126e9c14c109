#!/bin/sh
# One command of the product on a server, with the server's settings: sudo -u langnghe deploy/flask.sh check-config
set -eu
cd "$(dirname "$0")/.."
set -a
. /etc/langnghe.env
set +a
exec .venv/bin/flask --app survey "$@"
