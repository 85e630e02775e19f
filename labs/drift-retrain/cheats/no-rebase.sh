#!/bin/sh
# cheat: settle/one-retrain
# A new champion is measured against last month's rows for ever.
# after: measure alert retrain gate swap settle
grep -q '        mlflow.log_artifact(path)' /srv/trainer/pipeline/settle.py || exit 1
sed -i 's/^        mlflow.log_artifact(path)/        pass/' /srv/trainer/pipeline/settle.py
sv -w 20 restart hook
