#!/bin/sh
# Backs up the database into FOLDER, proves the copy, and then drops copies older than 30 days.
set -eu
folder=${1:?usage: deploy/backup.sh FOLDER}
cd "$(dirname "$0")/.."
copy=$folder/langnghe-$(date -u +%Y%m%dT%H%M%SZ).backup
.venv/bin/flask --app survey storage backup "$copy"
.venv/bin/flask --app survey storage check "$copy"
find "$folder" -name 'langnghe-*.backup*' -mtime +30 -delete
