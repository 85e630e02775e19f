"""What the city is like for a while, and the deliveries that it makes."""

from dataclasses import dataclass, field, fields
from secrets import token_hex

import numpy
from labkit import city, seeds

MAX_RATE = 60.0


@dataclass(frozen=True)
class Delivery:
    """One request before it is sent: as it arrives, and how long it really takes."""

    arrived: list  # in the order of city.KEYS; None for a missing weight
    minutes: float


@dataclass(frozen=True)
class Regime:
    """See `POST /regime` in README.md for the fields."""

    name: str
    rate: float
    drift: "city.Drift | None" = None
    ramp_s: float = 0.0
    metres: float = 0.0
    shuffle_labels: bool = False
    bursts: bool = True
    token: str = field(default_factory=lambda: token_hex(16))

    def as_dict(self) -> dict:
        shown = {each.name: getattr(self, each.name) for each in fields(self)}
        return shown | {"drift": self.drift and self.drift.as_dict()}

    @classmethod
    def parse(cls, body: dict, rate: float) -> "Regime":
        """The regime a JSON body describes. Raises ValueError with one sentence."""
        if not isinstance(body, dict):
            raise ValueError("a regime is an object")
        unknown = set(body) - {each.name for each in fields(cls)}
        if unknown:
            raise ValueError(f"unknown field '{sorted(unknown)[0]}'")
        return cls(
            name=_text(body, "name", None, 40),
            rate=_number(body, "rate", rate, 1, MAX_RATE),
            drift=parse_drift(body.get("drift")),
            ramp_s=_number(body, "ramp_s", 0, 0, 3600),
            metres=_number(body, "metres", 0, 0, 1),
            shuffle_labels=_flag(body, "shuffle_labels", False),
            bursts=_flag(body, "bursts", True),
            token=_text(body, "token", token_hex(16), 200),
        )


class City:
    """The deliveries of one regime, one after the other, from the regime's own stream."""

    def __init__(self, regime: Regime, started: float):
        self._regime = regime
        self._started = started
        self._rng = seeds.stream(regime.token, "deliveries")

    def next(self, now: float) -> Delivery:
        drift = self._drift(now)
        row = city.draw(self._rng, 1, drift)
        minutes = city.minutes(self._rng, row, drift)
        arrived = city.lose_weights(self._rng, row)[0]
        if self._rng.random() < self._regime.metres:
            arrived[city.KEYS.index("distance")] *= 1000
        values = [None if numpy.isnan(value) else round(float(value), 4) for value in arrived]
        return Delivery(values, round(float(minutes[0]), 4))

    def minutes(self, row: numpy.ndarray, now: float) -> float:
        """How long a delivery that somebody else thought of takes here."""
        return round(float(city.minutes(self._rng, row[None, :], self._drift(now))[0]), 4)

    def _drift(self, now: float) -> city.Drift:
        drift, ramp_s = self._regime.drift or city.CALM, self._regime.ramp_s
        grown = (now - self._started) / ramp_s if ramp_s else 1.0
        return drift.scaled(grown) if grown < 1 else drift


def parse_drift(body) -> "city.Drift | None":
    """The drift a JSON value describes, or None. Raises ValueError with one sentence."""
    if body is None:
        return None
    if not isinstance(body, dict) or set(body) - {each.name for each in fields(city.Drift)}:
        raise ValueError("a drift has 'feature', 'size', 'distance', 'stops' and 'traffic'")
    if body.get("feature") not in city.SHIFTS:
        raise ValueError(f"'feature' must be one of {', '.join(city.SHIFTS)}")
    factors = {key: _number(body, key, 1, 0, 10) for key in ("distance", "stops", "traffic")}
    return city.Drift(body["feature"], _number(body, "size", None, 0, 10), **factors)


def _number(body: dict, key: str, default, least: float, most: float) -> float:
    value = body.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"'{key}' must be a number")
    if not least <= value <= most:
        raise ValueError(f"'{key}' must be from {least:g} to {most:g}")
    return float(value)


def _text(body: dict, key: str, default, most: int) -> str:
    value = body.get(key, default)
    if not isinstance(value, str) or not 0 < len(value) <= most:
        raise ValueError(f"'{key}' must be a text of at most {most} characters")
    return value


def _flag(body: dict, key: str, default: bool) -> bool:
    value = body.get(key, default)
    if not isinstance(value, bool):
        raise ValueError(f"'{key}' must be true or false")
    return value
