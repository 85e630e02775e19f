#!/bin/sh
# cheat: restart/same-id
# Types a row into PostgreSQL by hand; the server goes on forgetting.
# after: reach
# shellcheck source=/dev/null
. /srv/mlflow/env
psql -q "$PG_URL" -c "INSERT INTO experiments (name, artifact_location, lifecycle_stage, workspace)
	VALUES ('eta', '/srv/mlruns/9', 'active', 'default') ON CONFLICT DO NOTHING"
