#!/bin/sh
# Reference solution of the task backup: runs in the workspace, may run twice.
cat >/srv/mlflow/backup.sh <<'EOF'
#!/bin/sh
# Copies the database, then the artefacts, to /backup; the latest good copy has the name 'latest'.
set -eu
. /srv/mlflow/env
new=/backup/$(date -u +%Y%m%dT%H%M%S)
mkdir -p "$new"
pg_dump --format=custom --file "$new/rows.dump" "$PG_URL"
tar -C /var/lib/mlflow -cf "$new/artefacts.tar" .
ln -sfn "$new" /backup/latest
EOF
cat >/srv/mlflow/restore.sh <<'EOF'
#!/bin/sh
# Brings back what the latest backup holds: the database, then the artefacts.
set -eu
. /srv/mlflow/env
pg_restore --clean --if-exists --no-owner --dbname "$PG_URL" /backup/latest/rows.dump
tar -C /var/lib/mlflow -xf /backup/latest/artefacts.tar
EOF
chmod +x /srv/mlflow/backup.sh /srv/mlflow/restore.sh
curl -fsS -m 60 -X POST http://mlflow:7070/jobs/backup | jq -e '.exit == 0'
