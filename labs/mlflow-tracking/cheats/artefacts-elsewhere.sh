#!/bin/sh
# cheat: artefacts/on-volume
# Artefacts go through the server, to a folder that is not on its volume for them.
# after: reach restart artefacts
sed -i 's|--artifacts-destination .*|--artifacts-destination /srv/mlflow/artefacts|' /srv/mlflow/run
sv -w 20 restart mlflow
curl -fsS -m 5 --retry 20 --retry-delay 1 --retry-connrefused http://mlflow:5000/health
