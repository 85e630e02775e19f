#!/usr/bin/python3
# Judges: from the drift on, the real Alertmanager told the pager of FeatureDrift exactly twice: once
# that it fires, once that it is resolved.
#
# Prometheus sends an alert that is over again every minute for a quarter of an hour, and a group that
# fires then is told once more, only because that one is listed in it. Such a message is nobody's
# fault and does not count.
import os
import socket

from labkit import http, phases
from labkit.verdict import evidence, passed

import eta

drift, stable = phases.phase("drift"), phases.phase("stable")
sender = socket.gethostbyname(os.environ.get("LAB_TARGET_ALERTMANAGER", "alertmanager"))
kept = http.get(f"{eta.PAGER}/pages?since={drift.start_ms}").must("pager").json()


def listed(page: dict, status: str) -> set:
    """The FeatureDrift alerts that a page lists with that status."""
    return {
        one["fingerprint"]
        for one in page["body"]["alerts"]
        if one["labels"].get("alertname") == "FeatureDrift" and one["status"] == status
    }


told, last = [], {}  # group -> (firing, resolved) of its last page
for page in kept["pages"]:
    firing, resolved = listed(page, "firing"), listed(page, "resolved")
    if page["from"] != sender or page["at_ms"] > stable.end_ms or not firing | resolved:
        continue
    fired, over = last.get(page["body"]["groupKey"], (set(), set()))
    last[page["body"]["groupKey"]] = firing, resolved
    told.append(
        {
            "after_s": (page["at_ms"] - drift.start_ms) / 1000,
            "status": "firing" if firing else "resolved",
            "firing": sorted(firing),
            "resolved": sorted(resolved),
            "counts": firing != fired or not firing or resolved <= over,
        }
    )
states = [one["status"] for one in told if one["counts"]]
evidence(told=told)
if states != ["firing", "resolved"]:
    stable.failed(
        f"The pager was told {states.count('firing')} times that FeatureDrift fires and "
        f"{states.count('resolved')} times that it is resolved; expected is once each.",
        "Route to http://pager:8800/page too, with send_resolved and a repeat_interval of 1 h.",
    )
passed()
