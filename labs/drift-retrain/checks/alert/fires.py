#!/usr/bin/python3
# Judges: FeatureDrift is firing, for the feature that drifted, within --within seconds.
import argparse

from labkit import phases, prom
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# 33 to 39 s were seen (500 rows at 18 to 24 a second, for: 15s); the limit is about twice that.
options.add_argument("--within", type=float, required=True)
within_s = options.parse_args().within

drift = phases.phase("drift")
turned_ms = eta.turned_ms(drift)
until_ms = min(turned_ms + int(within_s * 1000), drift.end_ms)
seen = prom.series('ALERTS{alertname="FeatureDrift",alertstate="firing"}', turned_ms, until_ms)
wanted = {"model": "eta", "feature": drift["shifted"], "severity": "page"}
right = [
    points[0][0]
    for labels, points in seen
    if all(labels.get(name) == value for name, value in wanted.items())
]
evidence(
    wanted=wanted,
    firing=[labels for labels, _ in seen],
    after_s=(min(right) - turned_ms) / 1000 if right else None,
)
if right:
    passed()
if seen:
    labels = {name: seen[0][0].get(name, "") for name in wanted}
    drift.failed(
        f"FeatureDrift fired with the labels {labels}; expected were {wanted}.",
        "The rule sets model and severity; feature comes from feature_psi.",
    )
drift.failed(
    f"'{drift['shifted']}' drifted, and FeatureDrift was not firing within {within_s:.0f} s.",
    "Rehearse a drift and look at feature_psi, drift_window_rows and ALERTS in Prometheus.",
)
