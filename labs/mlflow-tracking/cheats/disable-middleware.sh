#!/bin/sh
# cheat: reach/guarded
# Switches the guard off.
# after: reach
sed -i "s/--allowed-hosts '[^']*'/--disable-security-middleware/" /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
