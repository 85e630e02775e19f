"""What the city and its servers are like for a while, and the deliveries that are asked for."""

from dataclasses import asdict, dataclass, field
from secrets import token_hex

from labkit import city, seeds

MAX_RATE = 60.0
CALM_RATE, CALM_DELAY_MS = 20.0, 40.0
JITTER = 0.1  # of the delay, in both directions


@dataclass(frozen=True)
class Regime:
    """`rate` requests a second, of which `error_share` fail and the others take `delay_ms`;
    the deliveries are those of a city in which `feature` (a key of labkit.city) has moved by `size`."""

    name: str
    rate: float = CALM_RATE
    delay_ms: float = CALM_DELAY_MS
    error_share: float = 0.0
    feature: str = ""
    size: float = 0.0
    token: str = field(default_factory=lambda: token_hex(16))

    as_dict = asdict

    @classmethod
    def parse(cls, body: dict) -> "Regime":
        """The regime a JSON object describes. Raises ValueError with one sentence."""
        try:
            regime = cls(**body)
            numbers = (regime.rate, regime.delay_ms, regime.error_share, regime.size)
            if not all(isinstance(one, (int, float)) for one in numbers):
                raise ValueError("'rate', 'delay_ms', 'error_share' and 'size' are numbers")
        except TypeError as error:
            raise ValueError(f"not a regime: {error}") from None
        if not 1 <= regime.rate <= MAX_RATE or not 0 <= regime.error_share <= 1:
            raise ValueError(f"'rate' is from 1 to {MAX_RATE:g}, 'error_share' from 0 to 1")
        if regime.feature and regime.feature not in city.SHIFTS:
            raise ValueError(f"'feature' is one of {', '.join(city.SHIFTS)}")
        return regime


class City:
    """The requests of one regime, one after the other, from the regime's own stream."""

    def __init__(self, regime: Regime):
        self._regime = regime
        self._rng = seeds.stream(regime.token, "requests")
        self._drift = city.Drift(regime.feature, regime.size) if regime.feature else city.CALM

    def next(self) -> tuple:
        """A delivery (values in the order of city.KEYS), its delay in ms, and whether it fails."""
        row = city.draw(self._rng, 1, self._drift)[0]
        delay_ms = self._regime.delay_ms * float(self._rng.uniform(1 - JITTER, 1 + JITTER))
        fails = bool(self._rng.random() < self._regime.error_share)
        return [round(float(value), 4) for value in row], round(delay_ms, 1), fails

    def pause_s(self) -> float:
        """How long until the next request: a steady rate, unevenly spread."""
        return float(self._rng.uniform(0.5, 1.5)) / self._regime.rate
