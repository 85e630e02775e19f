#!/bin/sh
# cheat: sweep/children
# Nine children that differ in nothing but the depth.
# after: reach restart artefacts train
cd /home/learner/eta || exit 1
cat >sweep.py <<'EOF'
import mlflow

from train import train

mlflow.set_experiment("eta")
with mlflow.start_run(run_name="sweep"):
    for depth in range(2, 11):
        with mlflow.start_run(nested=True):
            train("/data/train.csv", depth, 0.1, 0)
EOF
git add sweep.py && git commit -qm "Sweep" && python sweep.py
