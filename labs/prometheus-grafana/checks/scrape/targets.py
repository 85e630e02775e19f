#!/usr/bin/python3
# Judges: Prometheus reads serve, prometheus and alertmanager, each at least every 5 s. Carries no points.
import re

from labkit import http
from labkit.verdict import evidence, failed, passed

import serving

JOBS = ("serve", "prometheus", "alertmanager")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """Of a duration as Prometheus writes it: 1m30s."""
    return sum(float(n) * UNITS[unit] for n, unit in re.findall(r"(\d+)(ms|s|m|h)", text))


answer = http.get(f"{serving.PROMETHEUS}/api/v1/targets?state=active").must("prometheus").json()
targets = {one["labels"]["job"]: one for one in answer["data"]["activeTargets"]}
evidence(
    targets={
        job: {name: one[name] for name in ("scrapeUrl", "health", "lastError", "scrapeInterval")}
        for job, one in targets.items()
    }
)
for job in JOBS:
    one = targets.get(job)
    if one is None:
        failed(f"Prometheus has no job '{job}'.", "Add it to scrape_configs, and reload.")
    if seconds(one["scrapeInterval"]) > serving.SCRAPE_S:
        failed(f"Prometheus reads '{job}' every {one['scrapeInterval']}; at most 5s are wanted.")
    if one["health"] != "up":
        failed(
            f"Prometheus cannot read {one['scrapeUrl']}: {one['lastError'] or 'not tried yet'}.",
            "Ask the URL with curl yourself. Is it that port, and that path?",
        )
passed()
