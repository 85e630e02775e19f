#!/usr/bin/python3
# Judges: broken data is said to be broken: retrain_total{result="quarantined"} has grown, or
# DataQuality is firing, and neither was so before.
from labkit import phases, prom
from labkit.verdict import evidence, passed

ALERT = 'count(ALERTS{alertname="DataQuality",alertstate="firing"})'
COUNT = 'sum(retrain_total{result="quarantined"})'

metres = phases.phase("metres")
alert_before, alert = prom.scalar(ALERT, metres.start_ms, 0), prom.scalar(ALERT, default=0)
count_before, count = prom.scalar(COUNT, metres.start_ms, 0), prom.scalar(COUNT, default=0)
evidence(alert_before=alert_before, alert=alert, count_before=count_before, count=count)
if alert_before:
    metres.failed("DataQuality was firing before any data was broken.")
if not alert and count <= count_before:
    metres.failed(
        "Kilometres arrived as metres on a third of the requests: DataQuality is not firing, and "
        'retrain_total{result="quarantined"} has not grown.',
        "Count rows far outside anything the reference has ever seen.",
    )
passed()
