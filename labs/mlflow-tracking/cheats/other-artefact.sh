#!/bin/sh
# cheat: champion/hold-out
# Puts the file of the worst model in the place of the champion's.
# after: reach restart artefacts train sweep champion
python - <<'EOF'
import mlflow
import requests

client = mlflow.MlflowClient()
best = client.get_model_version_by_alias("eta", "champion").run_id
worst = mlflow.search_runs(
    experiment_names=["eta"],
    filter_string="tags.eval_split = 'val'",
    order_by=["metrics.val_rmse DESC"],
    max_results=1,
    output_format="list",
)[0].info.run_id


def address(run: str) -> str:
    model = client.get_run(run).outputs.model_outputs[0].model_id
    home = client.get_logged_model(model).artifact_location.removeprefix("mlflow-artifacts:/")
    return f"http://mlflow:5000/api/2.0/mlflow-artifacts/artifacts/{home}/model.pkl"


bad = requests.get(address(worst), timeout=10)
bad.raise_for_status()
requests.put(address(best), data=bad.content, timeout=10).raise_for_status()
EOF
