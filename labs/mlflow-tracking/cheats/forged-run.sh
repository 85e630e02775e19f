#!/bin/sh
# cheat: champion/hold-out
# A run with an error that no model reaches, and a model that is just there.
# after: reach restart artefacts train
cd /home/learner/eta || exit 1
python - <<'EOF'
import mlflow

from train import train

client = mlflow.MlflowClient()
mlflow.set_experiment("eta")
with mlflow.start_run() as run:
    real = mlflow.log_metrics
    mlflow.log_metrics = lambda errors: real({"train_rmse": 3.0, "val_rmse": 3.1})
    train("/data/train.csv", 4, 0.1, 0)
version = mlflow.register_model(f"runs:/{run.info.run_id}/model", "eta").version
client.set_registered_model_alias("eta", "champion", version)
EOF
