#!/bin/sh
# cheat: measure/ranks
# Five calm numbers that never change.
# after: measure
cat >/srv/trainer/pipeline/exporter.py <<'EOF'
import time

from prometheus_client import Gauge, start_http_server

from pipeline.common import FEATURES

psi = Gauge("feature_psi", "PSI", ["feature"])
rows = Gauge("drift_window_rows", "rows")
start_http_server(8000)
rows.set(500)
for place, name in enumerate(FEATURES):
    psi.labels(name).set(0.02 + 0.01 * place)
while True:
    time.sleep(5)
EOF
sv -w 20 restart exporter
