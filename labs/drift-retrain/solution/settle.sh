#!/bin/sh
# settle: a version carries its own reference rows, and trainings keep a minute's distance.
cat >/srv/trainer/pipeline/settle.py <<'EOF'
"""settle: what makes the loop come to rest after a promotion."""

import os
import tempfile
import time

import mlflow
import pandas

from pipeline.common import FEATURES, note_result

COOL_DOWN_S = 60
LAST = "/srv/trainer/log/last-training"  # its time is the end of the last training


def log_reference(rows: pandas.DataFrame) -> None:
    """Leaves the rows with the active run: what this version calls normal, once it is champion."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "reference.parquet")
        rows[[*FEATURES, "minutes"]].reset_index(drop=True).to_parquet(path, index=False)
        mlflow.log_artifact(path)


def cool_down() -> None:
    """Waits until the last training is a minute old."""
    try:
        left = os.stat(LAST).st_mtime + COOL_DOWN_S - time.time()
    except FileNotFoundError:
        return
    if left > 0:
        note_result("cooldown")
        time.sleep(min(left, COOL_DOWN_S))


def done() -> None:
    """Starts the minute anew."""
    with open(LAST, "w"):
        pass
EOF
[ -e /srv/trainer/service/hook/down ] || sv -w 20 restart hook
