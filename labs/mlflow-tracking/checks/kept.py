"""All that the server keeps, losing it, and the copy that brings it back.

A grade must not cost anybody his work, and may be cut short at any moment: its phase program is then
killed. So the copy is made before the loss, lies on the grader's own volume, which lives as long as the
others, and goes only when everything was seen in its place. A copy that is found later was left by a
grade that was cut short.
"""

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile

import psycopg2

import server
import volume

COPY = os.path.join(os.environ["LAB_SCRATCH"], "kept")  # under this name it is whole
PARTS = COPY + ".parts"
ROWS, FILES, SEEN = "/rows.dump", "/files.tar", "/seen.json"

# Whatever schema it is in: a backup that stays in the same database is none.
EMPTY = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE usename = current_user AND pid <> pg_backend_pid();
DROP OWNED BY CURRENT_USER CASCADE;
CREATE SCHEMA IF NOT EXISTS public AUTHORIZATION pg_database_owner;
"""


def seen() -> list:
    """The tables and the files, as table -> [rows, fingerprint] and path -> SHA-256."""
    return [_tables(), volume.hashes()]


def keep(what: list) -> None:
    """Makes the copy of what seen() has just told. Raises when one is there already."""
    shutil.rmtree(PARTS, ignore_errors=True)
    os.mkdir(PARTS)
    _postgres("pg_dump", "--format=custom", f"--file={PARTS}{ROWS}", server.database())
    with tarfile.open(PARTS + FILES, "w") as tar:
        tar.add(volume.PLACE, arcname=".")
    with open(PARTS + SEEN, "w", encoding="utf-8") as file:
        json.dump(what, file)
    os.rename(PARTS, COPY)


def lose() -> None:
    with _connect() as link, link.cursor() as cursor:
        cursor.execute(EMPTY)
    volume.wipe()


def put_back() -> None:
    """Everything as it was; may be begun again after it was cut short."""
    lose()
    with tarfile.open(COPY + FILES) as tar:
        tar.extractall(volume.PLACE)
    _postgres("pg_restore", "--no-owner", f"--dbname={server.database()}", COPY + ROWS)


def forget() -> None:
    shutil.rmtree(PARTS, ignore_errors=True)
    os.rename(COPY, PARTS)
    shutil.rmtree(PARTS)


def rescue() -> None:
    """Puts back what a grade that was cut short has lost, and forgets its copy.

    What came since stays, unless rows or files are still missing.
    """
    if not os.path.isdir(COPY):
        return
    with open(COPY + SEEN, encoding="utf-8") as file:
        rows, files = json.load(file)
    rows_now, files_now = seen()
    fewer = any(rows_now.get(name, [0])[0] < count for name, (count, _) in rows.items())
    if fewer or not files.keys() <= files_now.keys():
        put_back()
    forget()


def _tables() -> dict:
    """A fingerprint of each table's rows, whatever order they are in."""
    found = {}
    with _connect() as link, link.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = 'public'")
        for (name,) in cursor.fetchall():
            rows = io.BytesIO()
            quoted = psycopg2.extensions.quote_ident(name, cursor)
            cursor.copy_expert(f"COPY public.{quoted} TO STDOUT", rows)
            lines = sorted(rows.getvalue().splitlines())
            found[name] = [len(lines), hashlib.sha256(b"\n".join(lines)).hexdigest()]
    return found


def _connect():
    return psycopg2.connect(server.database(), connect_timeout=5, options="-c statement_timeout=20s")


def _postgres(*words: str) -> None:
    subprocess.run(words, check=True, timeout=60)
