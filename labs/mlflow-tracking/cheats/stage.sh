#!/bin/sh
# cheat: champion/argmin
# The right version, marked in a way that is gone from MLflow's future.
# after: reach restart artefacts train sweep champion
python - <<'EOF'
import mlflow

client = mlflow.MlflowClient()
version = client.get_model_version_by_alias("eta", "champion").version
client.delete_registered_model_alias("eta", "champion")
client.set_model_version_tag("eta", version, "stage", "Production")
EOF
