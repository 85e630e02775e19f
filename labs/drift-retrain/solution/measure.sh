#!/bin/sh
# measure: the exporter compares the last 500 requests with the rows the present champion learned
# from, and Prometheus reads it.
cat >/srv/trainer/pipeline/exporter.py <<'EOF'
"""exporter: shows Prometheus how far today's requests are from what the champion knows.

It answers on trainer:8000/metrics. runit runs it: see service/exporter.
"""

import logging
import time

import mlflow
import numpy
import pandas
from prometheus_client import REGISTRY, Gauge, start_http_server
from prometheus_client.core import CounterMetricFamily

from pipeline.common import (
    DEFAULT_WEIGHT,
    FEATURES,
    MODEL,
    RESULTS,
    WEIGHT,
    count_results,
    recent_requests,
)

try:
    from pipeline import guard  # task 'quarantine'
except ImportError:
    guard = None

PORT = 8000
EVERY_S = 5
WINDOW = 500  # newest requests that are compared
BINS = 10

feature_psi = Gauge("feature_psi", "PSI of a feature against the champion's reference", ["feature"])
drift_window_rows = Gauge("drift_window_rows", "requests in the window that was measured")

log = logging.getLogger("exporter")


class Retrains:
    """retrain_total{result}. The hook notes its results in a file, because it is another process."""

    def collect(self):
        counts = count_results()
        family = CounterMetricFamily("retrain", "retrains by how they ended", labels=["result"])
        for result in RESULTS:
            family.add_metric([result], counts[result])
        yield family


class Reference:
    """The rows a champion learned from, as shares per bin; follows the alias."""

    def __init__(self):
        self._version = None
        self._bins = {}

    def follow(self) -> None:
        found = mlflow.MlflowClient().get_model_version_by_alias(MODEL, "champion")
        if found.version == self._version:
            return
        try:
            path = mlflow.artifacts.download_artifacts(
                run_id=found.run_id, artifact_path="reference.parquet", dst_path="/tmp"
            )
        except Exception as error:
            if not self._bins:
                raise
            # A version without rows of its own is measured against the last one that had some.
            log.warning("version %s has no reference rows: %s", found.version, error)
        else:
            rows = pandas.read_parquet(path)
            self._bins = {name: bins_of(rows[name]) for name in FEATURES}
        self._version = found.version

    def psi(self, rows: pandas.DataFrame) -> dict:
        return {name: psi(*self._bins[name], rows[name]) for name in FEATURES}


def bins_of(column: pandas.Series) -> tuple:
    """Inner edges at quantiles of the reference, and its share of rows per bin."""
    edges = numpy.unique(numpy.quantile(column, numpy.linspace(0, 1, BINS + 1)[1:-1]))
    return edges, shares(column, edges)


def shares(column: pandas.Series, edges: numpy.ndarray) -> numpy.ndarray:
    counts = numpy.bincount(numpy.searchsorted(edges, column, "right"), minlength=len(edges) + 1)
    return numpy.maximum(counts / len(column), 1e-4)


def psi(edges: numpy.ndarray, was: numpy.ndarray, column: pandas.Series) -> float:
    now = shares(column, edges)
    return float(numpy.sum((now - was) * numpy.log(now / was)))


def measure(reference: Reference) -> None:
    """Sets feature_psi for each of the five features, and drift_window_rows."""
    rows = recent_requests(WINDOW)
    if guard:
        rows = rows[guard.plausible(rows)]
    rows = rows.fillna({WEIGHT: DEFAULT_WEIGHT})
    drift_window_rows.set(len(rows))
    if rows.empty:
        return
    for name, value in reference.psi(rows).items():
        feature_psi.labels(name).set(value)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    REGISTRY.register(Retrains())
    start_http_server(PORT)
    reference = Reference()
    while True:
        try:
            reference.follow()
            measure(reference)
        except Exception:
            log.exception("this round is left out")
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
EOF

config=/etc/prometheus/prometheus.yml
grep -q 'job_name: trainer' "$config" || cat >>"$config" <<'EOF'
  - job_name: trainer
    static_configs: [{targets: ["trainer:8000"]}]
EOF
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload || exit 1
rm -f /srv/trainer/service/exporter/down
sv -w 20 restart exporter
