#!/bin/sh
# Judges: after the rush, the visitor has exactly as many visits as were made. Runs in: judge.
got=$(ask "hello:7000/visits/$LAB_PARAM_VISITOR" 2>/dev/null)
shown=$(printf %s "$got" | head -c 40 | tr -cd '[:alnum:] ,.!?_-')
printf '{"wanted": %d, "got": "%s"}\n' "$LAB_PARAM_CROWD" "$shown" >&3
if [ "$got" != "$LAB_PARAM_CROWD" ]; then
	echo "FAIL: after $LAB_PARAM_CROWD visits, GET /visits/NAME answered '$shown'"
	exit 1
fi
exit 0
