#!/bin/sh
# Reference solution of the task champion: runs in the workspace, may run twice.
cd /home/learner/eta || exit 1
cat >promote.py <<'EOF'
#!/opt/venv/bin/python
"""Makes the best run that may be compared the champion of eta."""

import mlflow

best = mlflow.search_runs(
    experiment_names=["eta", "eta-old"],
    filter_string="attributes.status = 'FINISHED' and tags.eval_split = 'val'",
    order_by=["metrics.val_rmse ASC"],
    max_results=1,
    output_format="list",
)[0]
version = mlflow.register_model(f"runs:/{best.info.run_id}/model", "eta").version
mlflow.MlflowClient().set_registered_model_alias("eta", "champion", version)
print(f"version {version} of run {best.info.run_id}: {best.data.metrics['val_rmse']:.3f}")
EOF
chmod +x promote.py
git add promote.py
git diff --cached --quiet || git commit -qm "Promote by rule" || exit 1
./promote.py
