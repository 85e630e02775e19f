#!/bin/sh
# Judges: the file badge holds the session's secret and nothing else. Runs in: judge, on the copy below $LAB_ROOT.
file=$LAB_ROOT/srv/hello/badge
[ -n "$BADGE" ] || exit 2
[ -f "$file" ] || { echo "FAIL: there is no file /srv/hello/badge"; exit 1; }
printf '{"bytes": %d}\n' "$(wc -c <"$file")" >&3
if [ "$(head -c 200 "$file")" = "$BADGE" ]; then
	exit 0
fi
echo "FAIL: /srv/hello/badge holds something else than the badge in \$BADGE"
exit 1
