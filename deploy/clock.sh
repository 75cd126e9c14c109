#!/bin/sh
# Runs a command as if on another day: deploy/clock.sh NAME COMMAND ... Every Python it starts lives on that
# day; how fast time passes stays as it is. (Debian's faketime breaks the sleep or the locks of Python.)
set -eu

case "${1:-}" in
weekend-night) instant="2027-03-07T02:30:00+07:00" ;; # a Sunday
tet) instant="2027-02-06T09:00:00+07:00" ;;           # its first day
leap-day) instant="2028-02-29T08:00:00+07:00" ;;
last-evening) instant="2027-12-31T23:50:00+07:00" ;;  # the year ends meanwhile
first-morning) instant="2027-06-01T06:30:00+07:00" ;; # by UTC it is still May
*) echo "usage: deploy/clock.sh weekend-night|tet|leap-day|last-evening|first-morning COMMAND ..." >&2 && exit 2 ;;
esac
shift

CLOCK_AHEAD=$(($(date -d "$instant" +%s) - $(date +%s)))
PYTHONPATH="$(cd "$(dirname "$0")" && pwd)/another_day"
export CLOCK_AHEAD PYTHONPATH
echo "As if from $instant on" >&2
exec "$@"
