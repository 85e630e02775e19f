#!/usr/bin/python3
# Judges: some finished run of the experiment eta says what is needed to repeat and compare it.
# Runs in: grader.
from labkit.verdict import evidence, failed, passed

import complete
import deliveries
import server

LOOKS = 20  # the most complete runs, newest first; each model costs two questions

found = server.experiment("eta")
if found is None:
    failed("There is no experiment eta.")
runs = [run for run in server.runs(found["experiment_id"]) if run.status == "FINISHED"]
digest = deliveries.digest(deliveries.last())
runs.sort(key=lambda run: len(complete.missing_of_run(run, digest)))
lacks = {}
for run in runs[:LOOKS]:
    lacks[run.id] = complete.missing(run, digest)
    if not lacks[run.id]:
        evidence(run=run.id)
        passed()
evidence(finished=len(runs), lacks=lacks)
if not runs:
    failed("The experiment eta has no finished run.", "Run ./train.py when it logs.")
best = min(runs[:LOOKS], key=lambda run: len(lacks[run.id]))
failed(f"The run {best.id[:8]} of eta lacks: {'; '.join(lacks[best.id])}.")
