#!/bin/sh
# cheat: reach/answers
# Listens everywhere, and leaves it to clients to find out its address: an address is allowed, a name is not.
sed -i 's/--host 127\.0\.0\.1/--host 0.0.0.0/' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
