"""The customers: how they ask serve, and go on without waiting for its answer."""

import asyncio
import time

import aiohttp

from . import city
from .ledger import Ledger, now_ms

TIMEOUT_S = 10
MAX_ANSWER = 64 << 10
STALL_S = 1.0  # after a longer stop of this process, missed requests are not made up for


class Customers:
    """A lab's own customers define three things. `follow(regime)`: from the next request on the
    city is like this. `_go_on()`: asks at the regime's pace by `_start`, and does not end.
    `_ask(entry, ...)`: asks once by `_post`, and notes in the entry what it got."""

    def __init__(self, target: str, variant: str, next_id: int, ledger: Ledger):
        self.names = city.NAMES[variant]
        self.next_id = next_id
        self._url = target + "/predict"
        self._ledger = ledger
        self._tasks = set()
        self._session = None

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
            await self._go_on()

    def _start(self, entry, *args) -> asyncio.Task:
        """Enters the request of `next_id` into the ledger and sends it: `_ask(entry, *args)`."""
        self.next_id += 1
        self._ledger.add(entry)
        task = asyncio.create_task(self._ask(entry, *args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _post(self, entry, features: dict, headers: "dict | None" = None) -> bytes:
        """The body of serve's answer; notes status, answered_ms and took_ms in the entry.

        Raises asyncio.TimeoutError, aiohttp.ClientError or OSError when no answer came.
        """
        started = time.perf_counter()
        body = {"id": entry.id, "features": features}
        async with self._session.post(
            self._url, json=body, headers=headers, allow_redirects=False
        ) as answer:
            text = await _read(answer)
            entry.took_ms = (time.perf_counter() - started) * 1000
            entry.answered_ms = now_ms()
            entry.status = answer.status
        return text


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    """The body, or the beginning of one that is too long to be an answer."""
    text = b""
    async for part in answer.content.iter_chunked(MAX_ANSWER):
        text += part
        if len(text) > MAX_ANSWER:
            break
    return text
