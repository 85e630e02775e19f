#!/usr/bin/python3
# Judges: the error burst was told to the pager once when it began and once when it was over, and the
# drift as a ticket in the same way, whatever copies Alertmanager got. Each is the only alert of its group,
# so a message about it was sent because of it.
import os
import socket

from labkit import phases
from labkit.verdict import evidence, passed

import serving

quiet, after = phases.phase("quiet"), phases.phase("after")
sender = socket.gethostbyname(os.environ.get("LAB_TARGET_ALERTMANAGER", "alertmanager"))
WANTED = {"PredictErrorBudgetBurn": serving.PAGER, "FeatureDrift": serving.TICKETS}


def messages(sink: str, alertname: str) -> list:
    """firing or resolved: what the real Alertmanager told a sink of the model eta's alert."""
    found = []
    for page in serving.told(sink, serving.turned_ms(quiet)):
        states = [
            one["status"]
            for one in page["body"]["alerts"]
            if one["labels"].get("alertname") == alertname and one["labels"].get("model") == "eta"
        ]
        if states and page["from"] == sender:
            found.append("firing" if "firing" in states else "resolved")
    return found


told = {
    name: {"pager": messages(serving.PAGER, name), "tickets": messages(serving.TICKETS, name)}
    for name in WANTED
}
evidence(told=told, copies=after.notes("copies"))
for name, sink in WANTED.items():
    right, wrong = ("pager", "tickets") if sink == serving.PAGER else ("tickets", "pager")
    if told[name][wrong]:
        after.failed(f"{name} was told to {wrong}.", "Its severity says where it belongs.")
    if told[name][right] != ["firing", "resolved"]:
        counts = {state: told[name][right].count(state) for state in ("firing", "resolved")}
        after.failed(
            f"{right} was told {counts['firing']} times that {name} fires and {counts['resolved']} "
            "times that it is over; expected is once each.",
            "One receiver for each alert, send_resolved, group_by [alertname, model], repeat_interval 1h.",
        )
passed()
