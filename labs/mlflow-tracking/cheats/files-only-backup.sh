#!/bin/sh
# cheat: backup/rows
# Copies the files alone.
# after: reach restart artefacts train backup
sed -i '/^pg_/d' /srv/mlflow/backup.sh /srv/mlflow/restore.sh
