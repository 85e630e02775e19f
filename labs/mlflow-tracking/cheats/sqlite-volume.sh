#!/bin/sh
# cheat: restart/in-postgres
# Keeps SQLite, and puts it where it survives.
# after: reach
sed -i 's|sqlite:////run/mlflow.db|sqlite:////var/lib/mlflow/mlflow.db|' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
