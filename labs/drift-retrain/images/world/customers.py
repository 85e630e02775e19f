"""The customers: they ask serve at the regime's pace, and note what they get."""

import asyncio
import json
import math
import time

import aiohttp
import numpy
from labkit import city, customers, seeds
from labkit.ledger import now_ms

from labels import Labels
from ledger import Entry, Ledger
from regime import City, Delivery, Regime


class Customers(customers.Customers):
    def __init__(self, target: str, variant: str, next_id: int, ledger: Ledger, labels: Labels):
        super().__init__(target, variant, next_id, ledger)
        self._labels = labels

    def follow(self, regime: Regime) -> None:
        """From the next request on the city is like this."""
        self.regime = regime
        self._city = City(regime, time.monotonic())
        self._pace = Pace(regime, time.monotonic())
        self._labels.shuffle(regime.shuffle_labels)

    async def _go_on(self) -> None:
        while True:
            due = self._pace.next(time.monotonic())
            await asyncio.sleep(due - time.monotonic())
            now = time.monotonic()
            self._send(self._city.next(now), now - due, probe=False)

    async def probe(self, rows: list) -> list:
        """Sends these rows (lists in the order of city.KEYS, None for a missing weight) now."""
        sent = []
        for row in rows:
            true = city.fill_weights(numpy.array([numpy.nan if v is None else v for v in row], float))
            minutes = self._city.minutes(true, time.monotonic())
            sent.append(self._send(Delivery(row, minutes), 0.0, probe=True))
        await asyncio.gather(*(task for _, task in sent))
        return [entry for entry, _ in sent]

    def _send(self, delivery: Delivery, lag_s: float, probe: bool) -> tuple:
        entry = Entry(
            id=self.next_id,
            sent_ms=now_ms(),
            lag_ms=round(lag_s * 1000),
            regime=self.regime.name,
            probe=probe,
            arrived=delivery.arrived,
            minutes=delivery.minutes,
        )
        self._labels.add(entry.id, entry.minutes)
        return entry, self._start(entry)

    async def _ask(self, entry: Entry) -> None:
        try:
            text = await self._post(entry, dict(zip(self.names, entry.arrived)))
        except asyncio.TimeoutError:
            entry.outcome = "timeouts"
        except (aiohttp.ClientError, OSError):
            entry.outcome = "refused"
        else:
            entry.outcome = _outcome(entry, text)


def _outcome(entry: Entry, text: bytes) -> str:
    """What became of an answered request; notes the prediction and its version."""
    if entry.status >= 500:
        return "status_5xx"
    if entry.status != 200:
        return "status_4xx"
    try:
        answer = json.loads(text)
        prediction, version = float(answer["prediction"]), str(answer["version"])[:40]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return "invalid"
    if not math.isfinite(prediction):
        return "invalid"
    entry.prediction, entry.version = prediction, version
    return "ok"


class Pace:
    """When the next request is due: a steady rate, unevenly spread, with bursts at twice the rate."""

    def __init__(self, regime: Regime, now: float):
        self._regime = regime
        self._rng = seeds.stream(regime.token, "pace")
        self._due = now
        self._burst = (now, now)
        self._plan_burst()

    def next(self, now: float) -> float:
        if now - self._due > customers.STALL_S:
            self._due = now
        if self._due > self._burst[1]:
            self._plan_burst()
        double = self._regime.bursts and self._due >= self._burst[0]
        rate = self._regime.rate * (2 if double else 1)
        self._due += float(self._rng.uniform(0.5, 1.5)) / rate
        return self._due

    def _plan_burst(self) -> None:
        start = self._burst[1] + float(self._rng.uniform(25, 50))
        self._burst = (start, start + float(self._rng.uniform(5, 10)))
