#!/bin/sh
# cheat: artefacts/round-trip
# Writes the right place into the rows of one experiment; every other one is born with the wrong one.
# after: reach restart
# shellcheck source=/dev/null
. /srv/mlflow/env
curl -fsS -m 10 -H 'Content-Type: application/json' -d '{"name": "eta"}' \
	http://mlflow:5000/api/2.0/mlflow/experiments/create
psql -q "$PG_URL" -c "UPDATE experiments SET artifact_location = 'mlflow-artifacts:/' || experiment_id WHERE name = 'eta'"
