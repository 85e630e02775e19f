#!/bin/sh
# Phase visitors: $LAB_PARAM_VISITS visitors, all at the same time. Runs in: judge.
# Exit 0 means that the visits were made, whatever came back: what it was is for the checks to say.
i=0
while [ "$i" -lt "$LAB_PARAM_VISITS" ]; do
	curl -s -m 5 -o /dev/null "http://web:8080/hello.txt" &
	i=$((i + 1))
done
wait
exit 0
