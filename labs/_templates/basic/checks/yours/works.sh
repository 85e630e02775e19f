#!/bin/sh
# Judges: WRITE: what has to be true. Runs in: judge, on the copy below $LAB_ROOT.
file=$LAB_ROOT/srv/work/yours
[ -f "$file" ] || { echo "FAIL: there is no file /srv/work/yours"; exit 1; }
# WRITE: look into the file, and end with 0 (pass) or with FAIL: and 1 (fail). Until then nobody can judge:
exit 2
