"""Writes answered requests to PostgreSQL, a few at a time, so that no customer waits for the database.

You need not change this file.
"""

import json
import logging
import queue
import threading
import time

import psycopg2
from psycopg2.extras import execute_values

INSERT = "INSERT INTO requests (id, version, features, prediction) VALUES %s ON CONFLICT DO NOTHING"
BATCH = 200
MOST_WAITING = 20_000  # with the database away, later rows are dropped

log = logging.getLogger("requestlog")


class RequestLog:
    def __init__(self, url: str):
        self._url = url
        self._rows = queue.Queue(MOST_WAITING)
        self._thread = threading.Thread(target=self._run, name="requestlog", daemon=True)
        self._thread.start()

    def add(self, id: int, version: str, features: dict, prediction: float) -> None:
        """Never waits and never fails: answering matters more than remembering."""
        try:
            self._rows.put_nowait((id, version, json.dumps(features), prediction))
        except queue.Full:
            log.warning("the database is away: request %s is not remembered", id)

    def close(self) -> None:
        """Writes what is waiting, if that takes no longer than a moment."""
        self._rows.put(None)
        self._thread.join(timeout=2)

    def _run(self) -> None:
        link, rows, last = None, [], False
        while rows or not last:
            if not rows:
                rows, last = self._wait()
            try:
                link = link or psycopg2.connect(self._url, connect_timeout=3)
                with link, link.cursor() as cursor:
                    execute_values(cursor, INSERT, rows)
                rows = []
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as error:
                log.warning("the database is away: %s", str(error).strip())
                link = None
                time.sleep(1)
            except psycopg2.Error as error:
                log.warning("the database refuses %d rows: %s", len(rows), str(error).strip())
                rows = []

    def _wait(self) -> tuple:
        """The next rows, and whether they are the last ones."""
        rows = [self._rows.get()]
        time.sleep(0.1)
        while not self._rows.empty() and len(rows) < BATCH:
            rows.append(self._rows.get())
        return [row for row in rows if row is not None], None in rows
