"""Questions to the session's Prometheus. Times are milliseconds of the grading service's clock."""

import os
from typing import NamedTuple
from urllib.parse import urlencode

from . import http


class Sample(NamedTuple):
    labels: dict
    value: float
    at_ms: int


def query(expr: str, at_ms: "int | None" = None) -> list:
    """An instant query: the samples it answers, at `at_ms` or now."""
    args = {"query": expr}
    if at_ms is not None:
        args["time"] = f"{at_ms / 1000:.3f}"
    return [
        Sample(one["metric"], float(one["value"][1]), int(one["value"][0] * 1000))
        for one in _ask("query", args)
    ]


def scalar(expr: str, at_ms: "int | None" = None, default: "float | None" = None):
    """The value of a query that answers one sample, or `default` when it answers none."""
    found = query(expr, at_ms)
    return found[0].value if found else default


def series(expr: str, start_ms: int, end_ms: int, step_s: int = 1) -> list:
    """A range query: pairs of labels and [(at_ms, value), ...]."""
    args = {
        "query": expr,
        "step": step_s,
        "start": f"{start_ms / 1000:.3f}",
        "end": f"{end_ms / 1000:.3f}",
    }
    return [
        (one["metric"], [(int(at * 1000), float(value)) for at, value in one["values"]])
        for one in _ask("query_range", args)
    ]


def _ask(what: str, args: dict) -> list:
    host = os.environ.get("LAB_TARGET_PROMETHEUS", "prometheus")
    answer = http.get(f"http://{host}:9090/api/v1/{what}?{urlencode(args)}")
    return answer.must("prometheus").json()["data"]["result"]
