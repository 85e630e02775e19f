"""The sweeps of the experiment eta: a run with children that tell hyper-parameters apart."""

import deliveries
from server import Refused, experiment, runs

CHILDREN = 8
PARAMS = 2
VALUES = 3


def newest() -> list:
    """The finished children of the newest sweep that is one; Refused says what the best one lacks."""
    found = experiment("eta")
    if found is None:
        raise Refused("There is no experiment eta.")
    families = {}
    for run in runs(found["experiment_id"]):
        if run.parent and run.status == "FINISHED":
            families.setdefault(run.parent, []).append(run)
    if not families:
        raise Refused("No run of eta has finished children.")
    digest = deliveries.digest(deliveries.last())
    lacks = {parent: _lacks(children, digest) for parent, children in families.items()}
    for parent, children in families.items():
        if not lacks[parent]:
            return sorted(children, key=lambda run: run.id)
    largest = max(families, key=lambda parent: len(families[parent]))
    raise Refused(f"The children of the run {largest[:8]}: {lacks[largest]}.")


def _lacks(children: list, digest: str) -> str:
    if len(children) < CHILDREN:
        return f"{len(children)} are finished, {CHILDREN} are needed"
    if not all("val_rmse" in run.metrics and run.models for run in children):
        return "each needs the metric val_rmse and a model"
    if any(digest not in run.digests for run in children):
        return f"each needs the data set {digest}, which is the whole file /data/train.csv"
    values = {}
    for run in children:
        for name, value in run.params.items():
            values.setdefault(name, set()).add(value)
    told = sorted(name for name, seen in values.items() if len(seen) >= VALUES and name != "seed")
    if len(told) < PARAMS:
        return f"{len(told)} hyper-parameters have {VALUES} values or more, {PARAMS} are needed"
    return ""
