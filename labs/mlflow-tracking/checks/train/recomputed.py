#!/usr/bin/python3
# Last step: the errors that were logged are those of the model that was logged. Runs in: grader.
from labkit import month
from labkit.verdict import evidence, failed, passed

import deliveries
import models

table, logged = deliveries.new(), models.wanted()["metrics"]
predicted = dict(zip(table.index, models.scores(0, len(table))))
for name, which in (("val_rmse", "val"), ("train_rmse", "train")):
    rows = month.part(table, which)
    error = deliveries.rmse(rows, [predicted[place] for place in rows.index])
    evidence(**{name: {"logged": logged[name], "recomputed": error}})
    if abs(error - logged[name]) > models.EQUAL:
        failed(f"{name} was logged as {logged[name]:.6f}; its model has {error:.6f} on those rows.")
passed()
