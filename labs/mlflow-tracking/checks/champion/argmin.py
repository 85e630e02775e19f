#!/usr/bin/python3
# Judges: the alias champion of eta is on a version of the run that has the smallest val_rmse among all
# that may be compared. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import server

EXPERIMENTS = ("eta", "eta-old")

found = server.maybe("registered-models/alias", name="eta", alias="champion")
if found is None:
    failed("There is no model eta with the alias champion.")
of = found["model_version"].get("run_id", "")
places = [one["experiment_id"] for one in map(server.experiment, EXPERIMENTS) if one]
allowed = {
    run.id: run.metrics["val_rmse"]
    for run in server.runs(*places)
    if run.status == "FINISHED" and run.tags.get("eval_split") == "val" and "val_rmse" in run.metrics
}
evidence(champion=of, compared=len(allowed), best=min(allowed.values(), default=None))
if not of:
    failed("The champion names no run: nobody can tell where it comes from.")
if of not in allowed:
    failed(f"The champion is of the run {of[:8]}, which may not be compared with others.")
if allowed[of] > min(allowed.values()):
    failed(
        f"The champion is of the run {of[:8]} with val_rmse {allowed[of]:.4f}; "
        f"among {len(allowed)} runs that may be compared there is a better one."
    )
passed()
