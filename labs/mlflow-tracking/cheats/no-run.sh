#!/bin/sh
# cheat: champion/argmin
# A version that belongs to no run: nobody can tell how good it is.
# after: reach restart artefacts train sweep
python - <<'EOF'
import mlflow

client = mlflow.MlflowClient()
client.create_registered_model("eta")
version = client.create_model_version("eta", "s3://eta/model").version
client.set_registered_model_alias("eta", "champion", version)
EOF
