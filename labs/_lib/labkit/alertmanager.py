"""Questions to the session's Alertmanager."""

import os

from . import http


def active(alertname: str) -> list:
    """The active alerts of that name, as /api/v2/alerts gives them (fingerprint, labels, ...)."""
    host = os.environ.get("LAB_TARGET_ALERTMANAGER", "alertmanager")
    answer = http.get(f"http://{host}:9093/api/v2/alerts?active=true")
    return [
        one
        for one in answer.must("alertmanager").json()
        if one["labels"].get("alertname") == alertname
    ]
