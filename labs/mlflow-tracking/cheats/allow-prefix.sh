#!/bin/sh
# cheat: reach/guarded
# Allows every name that begins like the right one.
# after: reach
sed -i "s/--allowed-hosts '[^']*'/--allowed-hosts 'mlflow*'/" /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
