#!/bin/sh
# cheat: work/survives
# Ends the program that its container lives of.
cat >/srv/work/double <<'END'
#!/bin/bash
for p in /proc/[0-9]*; do
	[ "$(cat "$p/comm")" != sleep ] || kill -9 "${p#/proc/}"
done 2>/dev/null
sleep 98765
END
