#!/usr/bin/python3
# Judges: Prometheus has a PSI for each feature, and a histogram of the predictions. Carries no points.
from labkit import prom
from labkit.verdict import evidence, failed, passed

import serving

psi = {one.labels.get("feature", "?"): one.value for one in prom.query("model_feature_psi")}
told = prom.scalar("count(model_prediction_minutes_bucket)", default=0)
evidence(model_feature_psi=psi, buckets=told)
if set(psi) != set(serving.FEATURES):
    failed(
        f"model_feature_psi has the features {', '.join(sorted(psi)) or '(none)'}; "
        f"expected are {', '.join(serving.FEATURES)}."
    )
if not told:
    failed("Prometheus has no histogram model_prediction_minutes.")
passed()
