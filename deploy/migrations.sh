#!/bin/sh
# Builds an empty SQLite database with all migrations and asks Alembic whether the models want more.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
key() { .venv/bin/python -c 'import secrets; print(secrets.token_urlsafe(32))'; }
SECRET_KEY=$(key) DATA_KEY=$(key)
export SECRET_KEY DATA_KEY DEMO=1 DATABASE_URL="sqlite:///$folder/lint.db" LOG_LEVEL=WARNING
.venv/bin/flask --app survey db upgrade >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
.venv/bin/flask --app survey db check
