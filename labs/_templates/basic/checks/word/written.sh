#!/bin/sh
# Judges: the file `word` holds the session's word and nothing else. Runs in: judge, on the copy below $LAB_ROOT.
# Exit 0 = pass, 1 = fail, 2 = cannot judge (which never costs the learner). The first line FAIL: says what was seen.
file=$LAB_ROOT/srv/work/word
[ -n "$LAB_PARAM_WORD" ] || exit 2
[ -f "$file" ] || { echo "FAIL: there is no file /srv/work/word"; exit 1; }
printf '{"bytes": %d}\n' "$(wc -c <"$file")" >&3 # evidence: one JSON object, kept with the result
[ "$(head -c 100 "$file")" = "$LAB_PARAM_WORD" ] || { echo "FAIL: /srv/work/word holds something else than the word in \$WORD"; exit 1; }
