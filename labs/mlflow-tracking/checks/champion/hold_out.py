#!/usr/bin/python3
# Last step: the champion is the model of its run, and clearly better than the mean on deliveries that
# nobody has seen. Runs in: grader.
from labkit import month
from labkit.verdict import evidence, failed, passed

import deliveries
import models

SHARE = 0.8  # of the error of always saying the mean

last, hidden, logged = deliveries.last(), deliveries.hold_out(), models.wanted()["val_rmse"]
predicted = models.scores(0, len(last) + len(hidden))
rows = month.part(last, "val")
val = deliveries.rmse(rows, [predicted[place] for place in rows.index])
error = deliveries.rmse(hidden, predicted[len(last) :])
mean = deliveries.rmse(hidden, month.part(last, "train")[month.TARGET].mean())
evidence(val={"logged": logged, "recomputed": val}, hold_out=error, mean=mean)
if abs(val - logged) > models.EQUAL:
    failed(f"The run of the champion logged val_rmse {logged:.6f}; the champion itself has {val:.6f}.")
if error > SHARE * mean:
    failed(
        f"On deliveries that nobody has seen, the champion has an error of {error:.1f} minutes; "
        f"saying the mean has {mean:.1f}, and at most {SHARE:.0%} of that is asked."
    )
passed()
