#!/bin/sh
# cheat: artefacts/eta
# The experiment eta is older than the right setting, and keeps the place it was born with.
# after: reach restart
curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"name": "eta"}' \
	http://mlflow:5000/api/2.0/mlflow/experiments/create || exit 1
sed -i 's|--default-artifact-root .*|--artifacts-destination /var/lib/mlflow/artifacts|' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
