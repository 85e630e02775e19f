#!/bin/sh
# Phase rush: $LAB_PARAM_CROWD visits of one visitor and three of another, all at the same time. Runs in: judge.
# Exit 0 means that the visits were made, whatever hello answered; the check `counts` asks what it made of them.
i=0
while [ "$i" -lt "$LAB_PARAM_CROWD" ]; do
	ask "hello:7000/greet/$LAB_PARAM_VISITOR" >/dev/null 2>&1 &
	[ "$i" -lt 3 ] && ask "hello:7000/greet/x$LAB_PARAM_VISITOR" >/dev/null 2>&1 &
	i=$((i + 1))
done
wait
exit 0
