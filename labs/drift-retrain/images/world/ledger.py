"""What customers saw: one entry for each request, and the counters made of them.

A count is always made from the entries themselves, so that it never disagrees with the log.
"""

from collections import Counter
from dataclasses import dataclass, field

from labkit import city, ledger
from labkit.ledger import now_ms

SLOW_MS = 2000


@dataclass(slots=True)
class Entry:
    id: int
    sent_ms: int
    lag_ms: int  # how late this request was sent
    regime: str
    probe: bool
    arrived: list
    minutes: float
    answered_ms: "int | None" = None
    took_ms: "float | None" = None
    status: int = 0
    version: "str | None" = None
    prediction: "float | None" = None
    outcome: str = "in_flight"


OUTCOMES = ("ok", "status_4xx", "status_5xx", "refused", "timeouts", "invalid")


@dataclass
class Counts:
    """The counters of some entries."""

    sent: int = 0
    slow: int = 0
    lag_ms: int = 0
    outcomes: Counter = field(default_factory=Counter)
    versions: Counter = field(default_factory=Counter)
    took: list = field(default_factory=list)

    def add(self, entry: Entry) -> None:
        self.sent += 1
        self.lag_ms = max(self.lag_ms, entry.lag_ms)
        self.outcomes[entry.outcome] += 1
        if entry.took_ms is not None:
            self.slow += entry.took_ms > SLOW_MS
            self.took.append(entry.took_ms)
        if entry.version is not None:
            self.versions[entry.version] += 1

    def as_dict(self) -> dict:
        took = sorted(self.took) or [0]
        return {
            "sent": self.sent,
            "answered": len(self.took),
            "in_flight": self.outcomes["in_flight"],
            **{outcome: self.outcomes[outcome] for outcome in OUTCOMES},
            "slow": self.slow,
            "p50_ms": round(took[len(took) // 2], 1),
            "p99_ms": round(took[len(took) * 99 // 100], 1),
            "worst_ms": round(took[-1], 1),
            "lag_ms": self.lag_ms,
            "versions": dict(self.versions),
        }


class Ledger(ledger.Ledger):
    def __init__(self, variant: str):
        super().__init__()
        self.started_ms = now_ms()
        self.names = city.NAMES[variant]

    def stats(self, since_ms: int) -> dict:
        counts = Counts()
        for entry in self.since(since_ms):
            counts.add(entry)
        return {
            "now_ms": now_ms(),
            "started_ms": self.started_ms,
            "since_ms": since_ms,
            "complete": since_ms >= self._forgotten_ms,
            **counts.as_dict(),
        }

    def line(self, entry: Entry) -> dict:
        return {
            "id": entry.id,
            "sent_ms": entry.sent_ms,
            "answered_ms": entry.answered_ms,
            "status": entry.status,
            "version": entry.version,
            "prediction": entry.prediction,
            "minutes": entry.minutes,
            "regime": entry.regime,
            "probe": entry.probe,
            "features": dict(zip(self.names, entry.arrived)),
        }
