#!/bin/sh
# Reference solution of the task sweep: runs in the workspace, may run twice.
cd /home/learner/eta || exit 1
cat >sweep.py <<'EOF'
#!/opt/venv/bin/python
"""Tries three depths with three rates; each try is a child of one run."""

import mlflow

from train import train

DEPTHS = (2, 4, 6)
RATES = (0.05, 0.1, 0.2)

mlflow.set_experiment("eta")
with mlflow.start_run(run_name="sweep"):
    for depth in DEPTHS:
        for rate in RATES:
            with mlflow.start_run(run_name=f"depth {depth}, rate {rate}", nested=True):
                print(depth, rate, train("/data/train.csv", depth, rate, seed=0))
EOF
chmod +x sweep.py
git add sweep.py
git diff --cached --quiet || git commit -qm "Sweep over depth and rate" || exit 1
./sweep.py
