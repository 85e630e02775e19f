#!/bin/sh
# Judges: WRITE: what has to be true. Runs in: judge.
status=$(curl -sS -m 3 -o /dev/null -w '%{http_code}' "http://web:8080/yours" 2>/dev/null)
[ "$status" = 200 ] || { echo "FAIL: GET /yours answered with the status $status"; exit 1; }
# WRITE: look at the answer, and end with 0 (pass) or with FAIL: and 1 (fail). Until then nobody can judge:
exit 2
