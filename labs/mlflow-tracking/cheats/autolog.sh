#!/bin/sh
# cheat: train/logged
# Lets MLflow log what it likes.
# after: reach restart artefacts
cd /home/learner/eta || exit 1
sed -i -e 's/^import pandas$/import mlflow\nimport pandas/' \
	-e 's/^    print(train/    mlflow.set_experiment(args.experiment)\n    mlflow.sklearn.autolog()\n    print(train/' train.py
git commit -qam "Log by itself" && ./train.py
