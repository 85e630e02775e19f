"""exporter: shows Prometheus how far today's requests are from what the champion knows.

It answers on trainer:8000/metrics. runit runs it: see service/exporter.
"""

import time

from prometheus_client import REGISTRY, Gauge, start_http_server
from prometheus_client.core import CounterMetricFamily

from pipeline.common import RESULTS, count_results

PORT = 8000
EVERY_S = 5
WINDOW = 500  # newest requests that are compared

feature_psi = Gauge("feature_psi", "PSI of a feature against the champion's reference", ["feature"])
drift_window_rows = Gauge("drift_window_rows", "requests in the window that was measured")


class Retrains:
    """retrain_total{result}. The hook notes its results in a file, because it is another process."""

    def collect(self):
        counts = count_results()
        family = CounterMetricFamily("retrain", "retrains by how they ended", labels=["result"])
        for result in RESULTS:
            family.add_metric([result], counts[result])
        yield family


def measure() -> None:
    """Sets feature_psi for each of the five features, and drift_window_rows."""
    # YOUR WORK (task 'measure'): nothing is measured yet. common.recent_requests(WINDOW) has the
    # requests. What you compare them with matters more than how.


def main() -> None:
    REGISTRY.register(Retrains())
    start_http_server(PORT)
    while True:
        measure()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
