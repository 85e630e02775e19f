"""The true minutes of each delivery, into PostgreSQL, some seconds after the request."""

import asyncio
import logging
import os
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import numpy
import psycopg2
from psycopg2.extras import execute_values

DELAY_S = 5.0
EVERY_S = 0.5
BLOCK = 100  # labels that are permuted among themselves
MOST_WAITING = 20_000  # while the database is away
GAP = 1000  # ids that may have been sent, but not labelled, when this program last ended
INSERT = "INSERT INTO labels (id, minutes) VALUES %s ON CONFLICT DO NOTHING"

log = logging.getLogger("labels")


class Labels:
    def __init__(self, url: str):
        self._url = url
        self._link = None
        self._thread = ThreadPoolExecutor(1, "labels")  # psycopg2 waits; the customers must not
        self._due = deque()  # (when, id, minutes, to be shuffled)
        self._block = []
        self._ready = []
        self._shuffle = False
        self._rng = numpy.random.default_rng(int.from_bytes(os.urandom(16), "big"))

    def shuffle(self, on: bool) -> None:
        """Whether requests from now on get each other's labels."""
        self._shuffle = on

    def add(self, id: int, minutes: float) -> None:
        self._due.append((time.monotonic() + DELAY_S, id, minutes, self._shuffle))

    async def next_id(self) -> int:
        """The first id that no earlier run of this program can have used."""
        loop = asyncio.get_running_loop()
        last = await loop.run_in_executor(self._thread, self._last_id)
        return last + GAP if last else 1

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(EVERY_S)
            self._ripen()
            rows, self._ready = self._ready, []
            if rows and not await loop.run_in_executor(self._thread, self._write, rows):
                self._ready = (rows + self._ready)[-MOST_WAITING:]

    def _ripen(self) -> None:
        """Moves labels whose time has come to those that are ready, permuted where asked."""
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, id, minutes, shuffled = self._due.popleft()
            if not shuffled:
                self._close_block()
                self._ready.append((id, minutes))
                continue
            self._block.append((id, minutes))
            if len(self._block) == BLOCK:
                self._close_block()

    def _close_block(self) -> None:
        for (id, _), other in zip(self._block, self._rng.permutation(len(self._block))):
            self._ready.append((id, self._block[other][1]))
        self._block = []

    def _connect(self):
        if self._link is None:
            self._link = psycopg2.connect(self._url, connect_timeout=3)
        return self._link

    def _last_id(self) -> int:
        with self._connect() as link, link.cursor() as cursor:
            cursor.execute("SELECT coalesce(max(id), 0) FROM labels")
            return cursor.fetchone()[0]

    def _write(self, rows: list) -> bool:
        try:
            with self._connect() as link, link.cursor() as cursor:
                execute_values(cursor, INSERT, rows)
            return True
        except psycopg2.Error as error:
            log.warning("cannot write %d labels: %s", len(rows), str(error).strip())
            self._link = None
            return False
