"""The city in which Kestrel delivers: its features, its true delivery times, and how it can change.

A row is five numbers in the order of `KEYS`. Programs compute with these keys;
learners see the names of their own session (`names`). A missing weight is NaN;
the documented default for it is `DEFAULT_WEIGHT`.
"""

from dataclasses import asdict, dataclass

import numpy

KEYS = ("distance", "stops", "weight", "traffic", "hour")

NAMES = {
    "plain": ("distance_km", "stops", "weight_kg", "traffic", "hour"),
    "routes": ("route_km", "halts", "load_kg", "congestion", "hour_of_day"),
    "legs": ("leg_km", "drops", "freight_kg", "jam_index", "clock_hour"),
}

DEFAULT_WEIGHT = 2.7
MISSING_WEIGHT = 0.01  # share of requests that come without a weight
NOISE = 4.0  # standard deviation of the minutes that nobody can predict

# How far a feature moves for each unit of a drift's size; the hour never moves.
SHIFTS = {
    "distance": lambda value, size: value * (1 + size),
    "stops": lambda value, size: value + numpy.round(8 * size),
    "weight": lambda value, size: value * (1 + 1.6 * size),
    "traffic": lambda value, size: numpy.clip(value + 0.55 * size, 0, 1),
}


@dataclass(frozen=True)
class Drift:
    """One way the city can change: one feature moves, and three things cost other times.

    `distance`, `stops` and `traffic` are factors on what those features cost.
    """

    feature: str
    size: float
    distance: float = 1.0
    stops: float = 1.0
    traffic: float = 1.0

    def scaled(self, share: float) -> "Drift":
        """The same drift when only `share` (0 to 1) of it has happened."""
        return Drift(
            self.feature,
            self.size * share,
            1 + (self.distance - 1) * share,
            1 + (self.stops - 1) * share,
            1 + (self.traffic - 1) * share,
        )

    def as_dict(self) -> dict:
        return asdict(self)


CALM = Drift("distance", 0.0)


def names(variant: str) -> dict:
    """The learner's name of each key, in the order of `KEYS`."""
    return dict(zip(KEYS, NAMES[variant]))


def draw(rng: numpy.random.Generator, count: int, drift: Drift = CALM) -> numpy.ndarray:
    """`count` deliveries of a city with `drift`: their true features, complete."""
    hour = rng.normal(14, 4, count) % 24
    evening = 0.15 * numpy.exp(-(((hour - 17) / 2) ** 2))
    columns = {
        "distance": rng.gamma(4, 3, count),
        "stops": rng.poisson(6, count).astype(float),
        "weight": rng.lognormal(1, 0.6, count),
        "traffic": numpy.clip(rng.beta(2, 4, count) + evening, 0, 1),
        "hour": hour,
    }
    columns[drift.feature] = SHIFTS[drift.feature](columns[drift.feature], drift.size)
    return numpy.column_stack([columns[key] for key in KEYS])


def minutes(
    rng: numpy.random.Generator, rows: numpy.ndarray, drift: Drift = CALM
) -> numpy.ndarray:
    """How long each of these deliveries really takes."""
    distance, stops, weight, traffic, hour = rows.T
    return (
        8
        + 1.9 * drift.distance * distance
        + 3.2 * drift.stops * stops
        + 0.35 * weight
        + 14 * drift.traffic * traffic * numpy.sqrt(distance)
        + 3 * numpy.sin(2 * numpy.pi * hour / 24)
        + rng.normal(0, NOISE, len(rows))
    )


def lose_weights(rng: numpy.random.Generator, rows: numpy.ndarray) -> numpy.ndarray:
    """The rows as they arrive: some without their weight."""
    arrived = rows.copy()
    arrived[rng.random(len(rows)) < MISSING_WEIGHT, KEYS.index("weight")] = numpy.nan
    return arrived


def fill_weights(rows: numpy.ndarray) -> numpy.ndarray:
    """The rows with the documented default wherever a weight is missing."""
    return numpy.where(numpy.isnan(rows), DEFAULT_WEIGHT, rows)
