#!/bin/sh
# cheat: champion/argmin
# Takes the smallest error of a finished run, whatever it was measured on.
# after: reach restart artefacts train sweep
python - <<'EOF'
import mlflow

client = mlflow.MlflowClient()
best = mlflow.search_runs(
    experiment_names=["eta", "eta-old"],
    filter_string="attributes.status = 'FINISHED'",
    order_by=["metrics.val_rmse ASC"],
    output_format="list",
)[0]
client.create_registered_model("eta")
version = client.create_model_version("eta", "s3://eta/model", run_id=best.info.run_id).version
client.set_registered_model_alias("eta", "champion", version)
EOF
