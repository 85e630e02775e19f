"""What the checks and phases of this lab share: its names, what customers saw, and raw samples.

Not a program: it is imported from $LAB_CHECKS.
"""

import math
import os
from urllib.parse import urlencode

from labkit import city, http, phases, seeds, world

NAMES = city.names(os.environ["LAB_PARAM_NAMES"])  # key -> name of this session
FEATURES = list(NAMES.values())

PROMETHEUS = f"http://{os.environ.get('LAB_TARGET_PROMETHEUS', 'prometheus')}:9090"
ALERTMANAGER = f"http://{os.environ.get('LAB_TARGET_ALERTMANAGER', 'alertmanager')}:9093"
SERVE = f"http://{os.environ.get('LAB_TARGET_SERVE', 'serve')}:8080"
PAGER = f"http://{os.environ.get('LAB_TARGET_PAGER', 'pager')}:8800"
TICKETS = f"http://{os.environ.get('LAB_TARGET_TICKETS', 'tickets')}:8800"

ALERTS = ("PredictErrorBudgetBurn", "PredictLatencyHigh", "FeatureDrift", "TargetDown")

TOLERANCE = 0.1  # of a count: requests under way when Prometheus looks
SCRAPE_S = 5  # at most


def drawn() -> dict:
    """What this grade does: nothing that was seen before it says which."""
    rng = seeds.stream(seeds.param("numbers"), "drawn")
    return {
        "rate": float(rng.choice([12, 14, 26, 28])),  # in quiet traffic; never the usual 20
        "feature": str(rng.choice(sorted(set(city.SHIFTS) - {"weight"}))),  # which hardly changes an answer
        "size": round(float(rng.uniform(0.5, 0.8)), 3),
        "error_share": round(float(rng.uniform(0.25, 0.4)), 3),
        "release": "r" + "".join(str(one) for one in rng.integers(0, 10, 6)),
        "models": ["m" + "".join(str(one) for one in rng.integers(0, 10, 8)) for _ in range(2)],
    }


# --- what customers saw ---


def answered(from_ms: int, until_ms: int) -> list:
    """The requests that were answered then, with a status, in the order in which they were sent."""
    return [
        one
        for one in world.log(since=from_ms - 15_000, limit=20_000)
        if one["answered_ms"] is not None and from_ms < one["answered_ms"] <= until_ms
    ]


def p95(requests: list) -> float:
    """In seconds, as customers measured it."""
    took = sorted(one["took_ms"] for one in requests)
    return took[math.ceil(0.95 * len(took)) - 1] / 1000 if took else math.nan


# --- what Prometheus saw ---


class Growth:
    """How far a counter grew between the first and the last scrape of a stretch of time.

    Raw samples, because rate() and increase() extrapolate: from_ms and until_ms are the moments of
    the two scrapes, and what customers saw between them is to be compared.
    """

    def __init__(self, selector: str, from_ms: int, until_ms: int):
        window = f"{selector}[{math.ceil((until_ms - from_ms) / 1000)}s]"
        args = urlencode({"query": window, "time": f"{until_ms / 1000:.3f}"})
        answer = http.get(f"{PROMETHEUS}/api/v1/query?{args}", timeout_s=10).must("prometheus")
        self._series = [
            (one["metric"], [(int(at * 1000), float(value)) for at, value in one["values"]])
            for one in answer.json()["data"]["result"]
        ]
        times = sorted({at for _, points in self._series for at, _ in points})
        self._first = {}  # instance -> its first scrape: what was not there then has begun at 0
        for metric, points in self._series:
            instance = metric.get("instance")
            self._first[instance] = min(self._first.get(instance, points[0][0]), points[0][0])
        self.scrapes = len(times)
        self.from_ms, self.until_ms = (times[0], times[-1]) if times else (0, 0)

    def of(self, **labels) -> float:
        """Of the series with these labels together."""
        grown = 0.0
        for metric, points in self._series:
            if all(metric.get(name) == value for name, value in labels.items()):
                born = points[0][0] > self._first[metric.get("instance")]
                grown += points[-1][1] - (0.0 if born else points[0][1])
        return grown

    def answered(self) -> list:
        return answered(self.from_ms, self.until_ms)


def near(seen: float, true: float) -> bool:
    """Equal, but for requests under way and a tenth."""
    return abs(seen - true) <= TOLERANCE * true + 3


# --- what Alertmanager told ---


def told(sink: str, since_ms: int) -> list:
    """The messages that a sink got since then, oldest first."""
    return http.get(f"{sink}/pages?since={since_ms}").must("sink").json()["pages"]


def turned_ms(phase: phases.Phase) -> int:
    """From when the world was as the phase wants it."""
    return phase.notes("turned")[0]["from_ms"]
