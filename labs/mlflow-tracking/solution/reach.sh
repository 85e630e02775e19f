#!/bin/sh
# Reference solution of the task reach: runs in the workspace, may run twice.
cd /srv/mlflow || exit 1
sed -i "s/--host 127\.0\.0\.1/--host 0.0.0.0/" run
grep -q -- --allowed-hosts run ||
	sed -i "/--port 5000/a \\\\t--allowed-hosts 'mlflow,mlflow:5000,localhost,localhost:*,127.0.0.1:*' \\\\" run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
