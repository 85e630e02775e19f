#!/bin/sh
# Runs the learner's program, and gives what it prints.
exec "$LAB_ROOT/srv/work/double" "$(cat "$LAB_TAKES/number")" >"$LAB_GIVES/answer"
