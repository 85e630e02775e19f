#!/usr/bin/python3
# First step of train/recomputed: the one run that train.py logged in phase 'train', and its model.
# Runs in: grader.
from labkit.verdict import evidence, failed

import complete
import deliveries
import models
import server
import timeline

stimulus = timeline.good("train")
evidence(stimulus=stimulus)
if stimulus["job"]["exit"] != 0:
    lines = stimulus["job"]["output"].strip().splitlines() or ["it said nothing"]
    failed(f"train.py ended with {stimulus['job']['exit']}: {lines[-1]}")
found = server.experiment(stimulus["experiment"])
runs = server.runs(found["experiment_id"]) if found else []
if len(runs) != 1 or runs[0].status != "FINISHED":
    failed(
        f"train.py was started once with --experiment {stimulus['experiment']}, "
        f"and there are {len(runs)} runs of it; one that is FINISHED is expected."
    )
run, table = runs[0], deliveries.new()
lacks = complete.missing(run, deliveries.digest(table))
if lacks:
    failed(f"The run that train.py logged lacks: {'; '.join(lacks)}.")
for name in ("depth", "seed"):
    if run.params[name] != str(stimulus[name]):
        failed(f"train.py was started with --{name} {stimulus[name]}, and logged {run.params[name]}.")
models.give([server.model_home(run)], table, {"run": run.id, "metrics": run.metrics})
