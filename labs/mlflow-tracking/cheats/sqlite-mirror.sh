#!/bin/sh
# cheat: restart/same-id
# SQLite on the volume, with a copy of what PostgreSQL holds today.
# after: reach
# shellcheck source=/dev/null
. /srv/mlflow/env
sed -i 's|sqlite:////run/mlflow.db|sqlite:////srv/mlflow/mlflow.db|' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health || exit 1
psql -qAt "$PG_URL" -c "SELECT 'DELETE FROM experiments;' UNION ALL SELECT format(
	'INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
	 VALUES (%s, %L, %L, %L, %s, %s, %L);', experiment_id, name, artifact_location, lifecycle_stage, creation_time, last_update_time, workspace)
	FROM experiments" |
	python -c 'import sqlite3, sys; link = sqlite3.connect("/srv/mlflow/mlflow.db"); link.executescript(sys.stdin.read()); link.commit()'
