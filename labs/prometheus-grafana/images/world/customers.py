"""The customers: they ask serve at the regime's pace, and note what they get."""

import asyncio
import json
import time

import aiohttp
from labkit import city

from ledger import Entry, Ledger, now_ms
from regime import City, Regime

TIMEOUT_S = 10
MAX_ANSWER = 64 << 10
STALL_S = 1.0  # after a longer stop of this process, missed requests are not made up for


class Customers:
    def __init__(self, target: str, variant: str, ledger: Ledger):
        self._url = target + "/predict"
        self._names = city.NAMES[variant]
        self._ledger = ledger
        self._next_id = now_ms()  # ids are not used again by a world that was started anew
        self._tasks = set()
        self._session = None

    def follow(self, regime: Regime) -> None:
        """From the next request on the city is like this."""
        self.regime = regime
        self._city = City(regime)

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
            due = time.monotonic()
            while True:
                due = max(due + self._city.pause_s(), time.monotonic() - STALL_S)
                await asyncio.sleep(due - time.monotonic())
                self._send()

    def _send(self) -> None:
        values, delay_ms, fails = self._city.next()
        features = dict(zip(self._names, values))
        entry = Entry(self._next_id, now_ms(), self.regime.name, features)
        self._next_id += 1
        self._ledger.add(entry)
        headers = {"X-Lab-Delay-Ms": str(delay_ms)}
        if fails:
            headers["X-Lab-Fail"] = "1"
        task = asyncio.create_task(self._ask(entry, headers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask(self, entry: Entry, headers: dict) -> None:
        started = time.perf_counter()
        body = {"id": entry.id, "features": entry.features}
        try:
            async with self._session.post(
                self._url, json=body, headers=headers, allow_redirects=False
            ) as answer:
                text = await _read(answer)
                entry.took_ms = round((time.perf_counter() - started) * 1000, 1)
                entry.answered_ms = now_ms()
                entry.status = answer.status
        except (asyncio.TimeoutError, aiohttp.ClientError, OSError):
            return
        try:
            found = json.loads(text)
            entry.prediction = float(found["prediction"])
            entry.version = str(found["version"])[:40]
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            pass  # an error has none


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, or the beginning of one that is too long to be an answer."""
    text = b""
    async for part in answer.content.iter_chunked(MAX_ANSWER):
        text += part
        if len(text) > MAX_ANSWER:
            break
    return text
