#!/bin/sh
# Judges: what the learner's program printed, of which nothing is believed.
[ -n "$BADGE" ] && [ ! -e "$LAB_GIVES/number" ] || exit 2
grep -q '"timed_out":true' "$LAB_TAKES/steps.json" && { echo "FAIL: It did not end."; exit 1; }
[ -s "$LAB_TAKES/answer" ] || { echo "FAIL: No answer: $(cat "$LAB_TAKES/steps.json")"; exit 1; }
read -r number <"$LAB_TAKES/number"
[ "$(head -c 20 "$LAB_TAKES/answer")" = $((number * 2)) ] && exit 0
echo "FAIL: Twice $number is not: $(head -c 900 "$LAB_TAKES/answer" | tr -d '\0' | tr '\n' ' ')"
cat "$LAB_TAKES/steps.json"
exit 1
