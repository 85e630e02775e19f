#!/bin/sh
# Judges: a name that nobody could know before is greeted in this session's way. Runs in: judge.
name=guest-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ')
wanted="$LAB_PARAM_GREETING, $name!"
got=$(ask "hello:7000/greet/$name" 2>/dev/null)
status=$?
shown=$(printf %s "$got" | head -c 200 | tr -cd '[:alnum:] ,.!?_-')
printf '{"wanted": "%s", "got": "%s", "status": %d}\n' "$wanted" "$shown" "$status" >&3
if [ "$got" != "$wanted" ]; then
	echo "FAIL: GET /greet/$name answered '$shown', not '$wanted'"
	exit 1
fi
if [ "$status" -ne 0 ]; then
	echo "FAIL: the greeting is right, but the program did not exit with 0"
	exit 1
fi
exit 0
