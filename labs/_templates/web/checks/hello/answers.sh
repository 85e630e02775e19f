#!/bin/sh
# Judges: /hello.txt answers with this session's name. Runs in: judge.
# Exit 0 = pass, 1 = fail, 2 = cannot judge (which never costs the learner). The first line FAIL: says what was seen.
[ -n "$LAB_PARAM_NAME" ] || exit 2
got=$(curl -sS -m 3 --max-filesize 1000 "http://web:8080/hello.txt" 2>&1)
shown=$(printf %s "$got" | head -c 100 | tr -cd '[:alnum:] .,:!?_-') # what a stranger sent is cut and cleaned
printf '{"wanted": "%s", "got": "%s"}\n' "$LAB_PARAM_NAME" "$shown" >&3 # evidence: one JSON object, kept with the result
[ "$got" = "$LAB_PARAM_NAME" ] || { echo "FAIL: GET /hello.txt answered '$shown'"; exit 1; }
