#!/usr/bin/python3
# First step of sweep/recomputed: two children, drawn in this grade, and their models. Runs in: grader.
from labkit import seeds
from labkit.verdict import evidence

import deliveries
import family
import models
import server

children = family.newest()
rng = seeds.stream(seeds.param("draw"), "sweep")
two = [children[place] for place in sorted(rng.choice(len(children), 2, replace=False))]
evidence(children=[run.id for run in two])
models.give(
    [server.model_home(run) for run in two],
    deliveries.last(),
    {"runs": [{"id": run.id, "val_rmse": run.metrics["val_rmse"]} for run in two]},
)
