"""The grader's side of a world: what customers saw, and what the world is like.

Every call needs the grade's secret, which is there only while a grade runs.
"""

import json
import os
from urllib.parse import urlencode

from . import http


def stats(since_ms: int) -> dict:
    """Counters of the requests sent after that time."""
    return _call("GET", f"/stats?since={since_ms}").json()


def log(**args) -> list:
    """The requests one by one, oldest first: since, limit."""
    lines = _call("GET", f"/log?{urlencode(args)}").text.splitlines()
    return [json.loads(line) for line in lines]


def regime(name: str, **fields) -> dict:
    """Changes the world; answers `from_ms` and `from_id`, from which the new one holds."""
    return _call("POST", "/regime", {"name": name, **fields}).json()


def probe(rows: list) -> list:
    """Sends these rows now and answers what came back, in their order."""
    return _call("POST", "/probe", {"rows": rows}).json()["answers"]


def _call(method: str, path: str, body=None) -> http.Answer:
    with open(os.path.join(os.environ["LAB_SECRETS"], "control"), encoding="ascii") as file:
        token = file.read().strip()
    answer = http.call(method, os.environ["WORLD_CONTROL"] + path, body, token, timeout_s=15)
    return answer.must("world")
