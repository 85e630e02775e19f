#!/bin/sh
# Reference solution of the task yours: runs in trainer after that of fit, may run twice.
# WRITE: what a learner would do. Until then:
echo "solution/yours.sh is not written yet" >&2
exit 1
