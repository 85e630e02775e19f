#!/bin/sh
# Passes when the learner wrote the file.
cat /lab/root/1/srv/work/answer
