#!/bin/sh
# cheat: train/committed
# Runs code that nobody committed.
# after: reach restart artefacts train
cd /home/learner/eta || exit 1
sed -i 's/max_iter=60/max_iter=61/' train.py
