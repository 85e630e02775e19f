#!/usr/bin/python3
# Judges: a run of eta has enough finished children, which tell two hyper-parameters apart. Runs in: grader.
from labkit.verdict import evidence, passed

import family

evidence(children=[run.id for run in family.newest()])
passed()
