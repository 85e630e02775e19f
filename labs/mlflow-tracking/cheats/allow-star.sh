#!/bin/sh
# cheat: reach/guarded
# Lets everybody ask, under any name.
# after: reach
sed -i "s/--allowed-hosts '[^']*'/--allowed-hosts '*'/" /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
