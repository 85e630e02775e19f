#!/bin/sh
# cheat: artefacts/round-trip
# Clients go on writing to their own disk; the files are carried to the server by hand.
# after: reach restart
sed -i 's|--default-artifact-root .*|--default-artifact-root /srv/mlflow/mlruns --artifacts-destination /var/lib/mlflow/artifacts|' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
