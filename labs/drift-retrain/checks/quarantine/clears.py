#!/usr/bin/python3
# Judges: the data is clean again, and nothing says any more that it is broken.
from labkit import phases, prom
from labkit.verdict import cannot_judge, evidence, passed

import eta

LATE_MS = 15_000  # the watch looks every second

metres = phases.phase("metres")
clean_ms = eta.turned_ms(metres, "metres-over")
due_ms = metres.notes("due")[0]["due_ms"]
if clean_ms is None and phases.now_ms() > due_ms + LATE_MS:
    cannot_judge("the world was not turned back in time")
if clean_ms is None:
    metres.failed("The data is still broken; this is asked again when it is clean.")
firing = [one.labels for one in prom.query('ALERTS{alertname="DataQuality",alertstate="firing"}')]
grown = prom.scalar('sum(increase(retrain_total{result="quarantined"}[15s]))', default=0)
evidence(clean_for_s=(phases.now_ms() - clean_ms) / 1000, firing=firing, quarantined_grown=grown)
if firing:
    metres.failed(
        "The data is clean again, and DataQuality is still firing.",
        "Let the signal look at the last rows only, so that it ends when the fault ends.",
    )
if grown:
    metres.failed('The data is clean again, and retrain_total{result="quarantined"} still grows.')
passed()
