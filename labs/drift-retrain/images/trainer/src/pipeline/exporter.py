"""exporter: shows Prometheus how far today's requests are from what the champion knows.

It answers on trainer:8000/metrics. runit runs it: see service/exporter.
"""

import time

from prometheus_client import Counter, Gauge, start_http_server

PORT = 8000
EVERY_S = 5
WINDOW = 500  # newest requests that are compared

feature_psi = Gauge("feature_psi", "PSI of one feature against the champion's reference", ["feature"])
drift_window_rows = Gauge("drift_window_rows", "requests in the window that was measured")
retrain_total = Counter("retrain_total", "retrains by how they ended", ["result"])


def measure() -> None:
    """Sets feature_psi for each of the five features, and drift_window_rows."""
    # YOUR WORK (task 'measure'): nothing is measured yet. common.recent_requests(WINDOW) has the
    # requests. What you compare them with matters more than how.


def main() -> None:
    start_http_server(PORT)
    while True:
        measure()
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
