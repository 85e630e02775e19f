#!/bin/sh
# Reference solution of the task restart: runs in the workspace, may run twice.
cd /srv/mlflow || exit 1
# shellcheck disable=SC2016  # the run program expands it
sed -i 's|--backend-store-uri [^ ]*|--backend-store-uri "$PG_URL"|' run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
