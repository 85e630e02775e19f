#!/bin/sh
# sees: the newest 400 values of each feature against the shares of the training rows, and a histogram
# of the predictions.
cat >/srv/serve/sight.py <<'END'
"""What the model sees and says: call saw() with each answered delivery."""

import math
from bisect import bisect_right
from collections import deque

from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import GaugeMetricFamily

import kestrel

WINDOW = 400  # at 20 requests a second, 20 s
LEAST = 200  # fewer are mostly chance
FLOOR = 0.0001

minutes = Histogram(
    "model_prediction_minutes",
    "what customers are told",
    buckets=[20, 30, 40, 50, 60, 70, 80, 90, 100, 120, 150, 200],
)
reference = kestrel.reference()
windows = {name: deque(maxlen=WINDOW) for name in kestrel.FEATURES}


def saw(features: dict, prediction: float) -> None:
    for name, window in windows.items():
        window.append(float(features[name]))
    minutes.observe(prediction)


def psi(edges: list, was: list, values: list) -> float:
    counts = [0] * len(was)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    now = [max(count / len(values), FLOOR) for count in counts]
    return sum((n - w) * math.log(n / max(w, FLOOR)) for n, w in zip(now, was))


class Drift:
    """Computed when Prometheus asks."""

    def collect(self):
        family = GaugeMetricFamily(
            "model_feature_psi", "drift of the newest requests", labels=["feature"]
        )
        for name, window in windows.items():
            if len(window) >= LEAST:
                family.add_metric([name], psi(*reference[name], list(window)))
        yield family


REGISTRY.register(Drift())
END
cd /srv/serve || exit 1
grep -q '^import sight' app.py || sed -i \
	-e 's/^import kestrel$/import kestrel\nimport sight/' \
	-e 's/^\( *\)minutes = await kestrel.answer(delivery\["features"\], .*)$/&\n\1sight.saw(delivery["features"], minutes)/' \
	app.py
grep -q 'sight.saw' app.py
