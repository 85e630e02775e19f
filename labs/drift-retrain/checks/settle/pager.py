#!/usr/bin/python3
# Judges: from the drift on, the real Alertmanager told the pager of FeatureDrift exactly twice: once
# that it fires, once that it is resolved.
import os
import socket

from labkit import http, phases
from labkit.verdict import evidence, passed

import eta

drift, stable = phases.phase("drift"), phases.phase("stable")
sender = socket.gethostbyname(os.environ.get("LAB_TARGET_ALERTMANAGER", "alertmanager"))
kept = http.get(f"{eta.PAGER}/pages?since={drift.start_ms}").must("pager").json()
told = [
    {"after_s": (page["at_ms"] - drift.start_ms) / 1000, "status": page["body"].get("status")}
    for page in kept["pages"]
    if page["from"] == sender
    and page["at_ms"] <= stable.end_ms
    and any(one["labels"].get("alertname") == "FeatureDrift" for one in page["body"]["alerts"])
]
states = [one["status"] for one in told]
evidence(told=told)
if states != ["firing", "resolved"]:
    stable.failed(
        f"The pager was told {states.count('firing')} times that FeatureDrift fires and "
        f"{states.count('resolved')} times that it is resolved; expected is once each.",
        "Route to http://pager:8800/page too, with send_resolved and a repeat_interval of 1 h.",
    )
passed()
