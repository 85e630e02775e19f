"""Drift, measured and made: the PSI, the error, and drifts that are fair to grade with.

Some drifts hardly hurt the model that is in service. A grade that drew one of
them would grade luck, so `draw` draws again until the drift is worth noticing.
"""

from dataclasses import dataclass

import numpy

from . import city, seeds

MIN_RMSE = 9.0  # the model in service must be at least this wrong in the new world
MIN_PSI, MAX_PSI = 0.5, 4.0  # and its own inputs must show it, but not shout it
WINDOW = 500  # rows of the window in which it must show
LEARNED = 800  # rows of the new world from which a fresh model learns
MAX_REPAIRED = 0.5  # of the old error: a fresh model must be clearly better, or a grade is luck
MAX_DRAWS = 200


def psi(reference: numpy.ndarray, current: numpy.ndarray, bins: int = 10) -> float:
    """Population stability index of one feature, on quantile bins of the reference."""
    inner = numpy.unique(numpy.quantile(reference, numpy.linspace(0, 1, bins + 1)[1:-1]))
    was = _shares(reference, inner)
    now = _shares(current, inner)
    return float(numpy.sum((now - was) * numpy.log(now / was)))


def _shares(values: numpy.ndarray, inner: numpy.ndarray) -> numpy.ndarray:
    counts = numpy.bincount(numpy.searchsorted(inner, values, "right"), minlength=len(inner) + 1)
    return numpy.maximum(counts / len(values), 1e-4)


def rmse(predicted: numpy.ndarray, true: numpy.ndarray) -> float:
    return float(numpy.sqrt(numpy.mean((numpy.asarray(predicted) - numpy.asarray(true)) ** 2)))


def fit(rows: numpy.ndarray, minutes: numpy.ndarray):
    """The kind of model Kestrel uses, trained on these rows (weights filled in)."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.08, random_state=0)
    return model.fit(rows, minutes)


@dataclass(frozen=True)
class Draw:
    """An accepted drift and what made it acceptable."""

    drift: city.Drift
    rmse: float  # of the model in service, in the new world
    psi: float  # of the drifted feature, between the model's own rows and the new ones
    repaired: float  # the error of a fresh model, as a share of `rmse`
    draws: int  # how many drifts were drawn

    def as_dict(self) -> dict:
        return {
            "drift": self.drift.as_dict(),
            "rmse": round(self.rmse, 3),
            "psi": round(self.psi, 3),
            "repaired": round(self.repaired, 3),
            "draws": self.draws,
        }


def draw(token: str, after: "city.Drift | None" = None) -> Draw:
    """The drift that belongs to `token`, hard enough for the model that is in service.

    That model learned from 5000 rows of the calm city, or, with `after`, from
    800 rows of a city that had drifted so already; the new drift then moves
    another feature. Raises RuntimeError when none can be found.

    Of 60 drifts that were only hard enough, a fresh model left 2 with more than
    0.7 of the old error, which is where a grade says "not clearly better".
    """
    rng = seeds.stream(token, "drift", "" if after is None else after)
    seen, model = _in_service(rng, after)
    features = [key for key in city.SHIFTS if after is None or key != after.feature]
    for draws in range(1, MAX_DRAWS + 1):
        drift = _any(rng, features)
        rows = city.draw(rng, 4 * WINDOW, drift)
        true = city.minutes(rng, rows, drift)
        wrong = rmse(model.predict(rows), true)
        column = city.KEYS.index(drift.feature)
        shown = psi(seen[:, column], rows[:WINDOW, column])
        if wrong > MIN_RMSE and MIN_PSI <= shown <= MAX_PSI:
            fresh = fit(rows[:LEARNED], true[:LEARNED])
            repaired = rmse(fresh.predict(rows[LEARNED:]), true[LEARNED:]) / wrong
            if repaired <= MAX_REPAIRED:
                return Draw(drift, wrong, shown, repaired, draws)
    raise RuntimeError(f"no drift was hard enough in {MAX_DRAWS} draws")


def _in_service(rng: numpy.random.Generator, after: "city.Drift | None"):
    world = after or city.CALM
    rows = city.draw(rng, LEARNED if after else 5000, world)
    return rows, fit(rows, city.minutes(rng, rows, world))


def _any(rng: numpy.random.Generator, features: list) -> city.Drift:
    return city.Drift(
        feature=features[int(rng.integers(len(features)))],
        size=round(float(rng.uniform(0.4, 0.8)), 3),
        distance=round(float(rng.uniform(1.15, 1.5)), 3),
        stops=round(float(rng.uniform(0.6, 1.4)), 3),
        traffic=round(float(rng.uniform(0.8, 1.5)), 3),
    )
