"""The customers: they ask serve at the regime's pace, and note what they get."""

import asyncio
import json
import math
import time

import aiohttp
import numpy
from labkit import city, seeds

from labels import Labels
from ledger import Entry, Ledger, now_ms
from regime import City, Delivery, Regime

TIMEOUT_S = 10
MAX_ANSWER = 64 << 10
STALL_S = 1.0  # after a longer stop of this process, missed requests are not made up for


class Customers:
    def __init__(self, target: str, variant: str, next_id: int, ledger: Ledger, labels: Labels):
        self._url = target + "/predict"
        self._names = city.NAMES[variant]
        self._next_id = next_id
        self._ledger = ledger
        self._labels = labels
        self._session = None
        self._tasks = set()
        self.regime = None

    def follow(self, regime: Regime) -> int:
        """From the next request on the city is like this; returns that request's id."""
        self.regime = regime
        self._city = City(regime, time.monotonic())
        self._pace = Pace(regime, time.monotonic())
        self._labels.shuffle(regime.shuffle_labels)
        return self._next_id

    async def run(self) -> None:
        # A connection for each request: nobody can tell whose fault it is when a server closes
        # a kept one at the moment when the next request is sent.
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        # An answer is never unpacked: it comes from a program that a learner wrote.
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            auto_decompress=False,
            headers={"Accept-Encoding": "identity"},
        ) as self._session:
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
            id=self._next_id,
            sent_ms=now_ms(),
            lag_ms=round(lag_s * 1000),
            regime=self.regime.name,
            probe=probe,
            arrived=delivery.arrived,
            minutes=delivery.minutes,
        )
        self._next_id += 1
        self._ledger.add(entry)
        self._labels.add(entry.id, entry.minutes)
        task = asyncio.create_task(self._ask(entry))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return entry, task

    async def _ask(self, entry: Entry) -> None:
        started = time.perf_counter()
        body = {"id": entry.id, "features": dict(zip(self._names, entry.arrived))}
        try:
            async with self._session.post(self._url, json=body, allow_redirects=False) as answer:
                text = await _read(answer)
                entry.status = answer.status
        except asyncio.TimeoutError:
            entry.outcome = "timeouts"
            return
        except (aiohttp.ClientError, OSError):
            entry.outcome = "refused"
            return
        entry.answered_ms = now_ms()
        entry.took_ms = (time.perf_counter() - started) * 1000
        entry.outcome = _outcome(entry, text)


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, or the beginning of one that is too long to be an answer."""
    text = b""
    async for part in answer.content.iter_chunked(MAX_ANSWER):
        text += part
        if len(text) > MAX_ANSWER:
            break
    return text


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
        if now - self._due > STALL_S:
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
