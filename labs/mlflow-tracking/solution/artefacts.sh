#!/bin/sh
# Reference solution of the task artefacts: runs in the workspace, may run twice.
cd /srv/mlflow || exit 1
sed -i 's|--default-artifact-root .*|--artifacts-destination /var/lib/mlflow/artifacts|' run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health || exit 1
curl -fsS -m 10 'http://mlflow:5000/api/2.0/mlflow/experiments/get-by-name?experiment_name=eta' >/dev/null ||
	curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"name": "eta"}' \
		http://mlflow:5000/api/2.0/mlflow/experiments/create
