#!/bin/sh
# Judges: the learner's program, beside which it runs.
[ "$("$LAB_ROOT/srv/work/double" 2)" = 4 ]
