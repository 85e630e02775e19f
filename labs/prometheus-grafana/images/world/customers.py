"""The customers: they ask serve at the regime's pace, and note what they get."""

import asyncio
import json
import time
from dataclasses import dataclass

import aiohttp
from labkit import customers
from labkit.ledger import now_ms

from regime import City, Regime


@dataclass(slots=True)
class Entry:
    """What is noted of a request."""

    id: int
    sent_ms: int
    regime: str
    features: dict
    answered_ms: "int | None" = None
    took_ms: "float | None" = None
    status: int = 0  # 0: no answer came
    prediction: "float | None" = None
    version: "str | None" = None


class Customers(customers.Customers):
    def follow(self, regime: Regime) -> None:
        """From the next request on the city is like this."""
        self.regime = regime
        self._city = City(regime)

    async def _go_on(self) -> None:
        due = time.monotonic()
        while True:
            due = max(due + self._city.pause_s(), time.monotonic() - customers.STALL_S)
            await asyncio.sleep(due - time.monotonic())
            self._send()

    def _send(self) -> None:
        values, delay_ms, fails = self._city.next()
        features = dict(zip(self.names, values))
        headers = {"X-Lab-Delay-Ms": str(delay_ms)}
        if fails:
            headers["X-Lab-Fail"] = "1"
        self._start(Entry(self.next_id, now_ms(), self.regime.name, features), headers)

    async def _ask(self, entry: Entry, headers: dict) -> None:
        try:
            text = await self._post(entry, entry.features, headers)
        except (asyncio.TimeoutError, aiohttp.ClientError, OSError):
            return
        entry.took_ms = round(entry.took_ms, 1)
        try:
            found = json.loads(text)
            entry.prediction = float(found["prediction"])
            entry.version = str(found["version"])[:40]
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            pass  # an error has none
