#!/bin/sh
# Runs a command as if on another day: deploy/clock.sh NAME COMMAND ... Everything it starts lives on that
# day too, as libfaketime moves the machine's clock for them; how fast time passes stays as it is.
set -eu

case "${1:-}" in
weekend-night) instant="2027-03-07T02:30:00+07:00" ;; # a Sunday
tet) instant="2027-02-06T09:00:00+07:00" ;;           # its first day
leap-day) instant="2028-02-29T08:00:00+07:00" ;;
last-evening) instant="2027-12-31T23:50:00+07:00" ;; # the year ends meanwhile
first-morning) instant="2027-06-01T06:30:00+07:00" ;; # by UTC it is still May
*) echo "usage: deploy/clock.sh weekend-night|tet|leap-day|last-evening|first-morning COMMAND ..." >&2 && exit 2 ;;
esac
shift

# Not by the command faketime: its shared memory is closed to servers that run as another user.
LD_PRELOAD='/usr/$LIB/faketime/libfaketimeMT.so.1'
FAKETIME=$(printf '%+ds' $(($(date -d "$instant" +%s) - $(date +%s))))
FAKETIME_DONT_FAKE_MONOTONIC=1
NO_FAKE_STAT=1
export LD_PRELOAD FAKETIME FAKETIME_DONT_FAKE_MONOTONIC NO_FAKE_STAT
if [ "$(date -u +%FT%H)" != "$(date -u -d "$instant" +%FT%H)" ]; then
    unset LD_PRELOAD
    echo "The clock does not move. To have it move, run: sudo apt install faketime" >&2
    exit 1
fi
echo "As if from $instant on:" >&2
exec "$@"
