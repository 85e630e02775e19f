#!/bin/sh
# cheat: backup/rows
# Copies the tables to another schema of the same database, which is lost together with them.
# after: reach restart artefacts train backup
cat >/srv/mlflow/spare.sh <<'END'
#!/bin/sh
set -eu
. /srv/mlflow/env
psql -q "$PG_URL" -c 'DROP SCHEMA IF EXISTS spare CASCADE; CREATE SCHEMA spare'
pg_dump --schema public "$PG_URL" | sed 's/public\./spare./g' | psql -q "$PG_URL"
END
chmod +x /srv/mlflow/spare.sh
sed -i 's|^pg_dump .*|/srv/mlflow/spare.sh|' /srv/mlflow/backup.sh
sed -i "s|^pg_restore .*|psql -q \"\$PG_URL\" -c 'DROP SCHEMA public CASCADE; ALTER SCHEMA spare RENAME TO public'|" /srv/mlflow/restore.sh
