"""PostgreSQL with deadlines: one connection, one question at a time."""

import os
from contextlib import contextmanager

import psycopg2
import psycopg2.extras


@contextmanager
def connect(url: str = "", timeout_s: int = 5):
    """A connection that commits by itself and is closed afterwards; `url` defaults to $PG_URL."""
    link = psycopg2.connect(
        url or os.environ["PG_URL"],
        connect_timeout=timeout_s,
        options=f"-c statement_timeout={timeout_s * 1000}",
    )
    try:
        link.autocommit = True
        yield link
    finally:
        link.close()


def rows(sql: str, args: tuple = (), url: str = "", timeout_s: int = 5) -> list:
    """All rows of one question, as named tuples."""
    with connect(url, timeout_s) as link:
        with link.cursor(cursor_factory=psycopg2.extras.NamedTupleCursor) as cursor:
            cursor.execute(sql, args)
            return cursor.fetchall()
