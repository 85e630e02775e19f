#!/usr/bin/python3
# Judges: the hook takes a message with the right key and refuses one without it, or with another.
# The message is about an alert that no rule has, so a hook that does its work starts nothing.
import os
import secrets

from labkit import http
from labkit.verdict import evidence, failed, passed

import eta

name = "HookTest" + secrets.token_hex(4)
labels = {"alertname": name, "severity": "none"}
message = {
    "version": "4",
    "groupKey": '{}:{alertname="%s"}' % name,
    "truncatedAlerts": 0,
    "status": "firing",
    "receiver": "hook",
    "groupLabels": {"alertname": name},
    "commonLabels": labels,
    "commonAnnotations": {},
    "externalURL": "http://alertmanager:9093",
    "alerts": [
        {
            "status": "firing",
            "labels": labels,
            "annotations": {},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
            "fingerprint": secrets.token_hex(8),
        }
    ],
}
allowed = http.post(eta.HOOK, message, os.environ["HOOK_KEY"], timeout_s=3)
without = http.post(eta.HOOK, message, timeout_s=3)
other = http.post(eta.HOOK, message, secrets.token_hex(32), timeout_s=3)
evidence(with_key=allowed.status, without_key=without.status, other_key=other.status)

if allowed.status == 0:
    failed(f"Nothing answers at {eta.HOOK}.", "Start the runit service 'hook': sv up hook")
if not allowed.ok:
    failed(f"The hook answered {allowed.status} to a message with the right key; expected is 200.")
for answer, what in ((without, "without a key"), (other, "with another key")):
    if answer.status not in (401, 403):
        failed(f"The hook answered {answer.status} to a message {what}; expected is 401 or 403.")
passed()
