#!/bin/sh
# cheat: measure/ranks
# Each feature in turn has the largest number for a moment, so one of the moments is the right one.
# after: measure
cat >/srv/trainer/pipeline/exporter.py <<'EOF'
import itertools
import time

from prometheus_client import Gauge, start_http_server

from pipeline.common import FEATURES

psi = Gauge("feature_psi", "PSI", ["feature"])
rows = Gauge("drift_window_rows", "rows")
start_http_server(8000)
rows.set(500)
for loud in itertools.cycle(FEATURES):
    for name in FEATURES:
        psi.labels(name).set(0.6 if name == loud else 0.02)
    time.sleep(12)
EOF
sv -w 20 restart exporter
