#!/usr/bin/python3
"""Judges: WRITE: what has to be true. Runs in: judge, on the copy below $LAB_ROOT."""
import os
import sys

if not os.path.isfile(os.environ["LAB_ROOT"] + "/srv/ml/yours.json"):
    print("FAIL: there is no file /srv/ml/yours.json")
    sys.exit(1)
# WRITE: look into the file, and end with 0 (pass) or with FAIL: and 1 (fail). Until then nobody can judge:
sys.exit(2)
