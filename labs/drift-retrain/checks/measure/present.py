#!/usr/bin/python3
# Judges: Prometheus holds five fresh series feature_psi, measured on enough rows.
from labkit import prom
from labkit.verdict import evidence, failed, passed

import eta

ROWS = 300  # windows of 100 rows cross 0.2 by chance in 14 of 100 cases, windows of 300 in none of 1500
AGE_S = 30  # two updates of at most 15 s

psi = {one.labels.get("feature", "?"): one.value for one in prom.query("feature_psi")}
rows = prom.scalar("max(drift_window_rows)")
age_s = prom.scalar("max(time() - timestamp(feature_psi))")
evidence(feature_psi=psi, drift_window_rows=rows, age_s=age_s)

if not psi:
    failed(
        "Prometheus has no series feature_psi.",
        "Serve it on trainer:8000/metrics from the runit service 'exporter'.",
    )
if set(psi) != set(eta.FEATURES):
    failed(
        f"feature_psi has the features {', '.join(sorted(psi))}; "
        f"expected are {', '.join(eta.FEATURES)}."
    )
if rows is None or rows < ROWS:
    failed(f"drift_window_rows is {'absent' if rows is None else int(rows)}; {ROWS} rows are needed.")
if age_s >= AGE_S:
    failed(f"feature_psi is {age_s:.0f} s old; it should be newer than {AGE_S} s.")
passed()
