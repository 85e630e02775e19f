"""The watch over a grade: notes what passes by between two checks, and does what is due later.

Not a program: phase.py starts it once, in a process of its own that outlives it. Every second it
looks at the registry and at Alertmanager and notes what has changed. It also

- turns the world when a phase has asked for that in advance (notes of kind "due"),
- delivers five copies of the first alert of the phase "drift" to the learner's hook.

It ends when the grade's secret goes, when another grade begins, or after its time.
"""

import os
import threading
import time
import traceback

from labkit import alertmanager, http, mlflow, phases, seeds, world

from eta import EXPERIMENT, HOOK, MODEL

EVERY_S = 1.0
BEAT_EVERY = 5  # rounds between two notes of the load
LONGEST_S = 40 * 60  # twice the budget of a grade
COPIES = 5


def main() -> None:
    watch = Watch()
    for turn in range(int(LONGEST_S / EVERY_S)):
        if not _grading():
            return
        if turn % BEAT_EVERY == 0:
            phases.note("load", load=os.getloadavg()[0])
        for look in (watch.turn_world, watch.see_registry, watch.see_runs, watch.see_alerts):
            try:
                look()
            except Exception:  # a server that does not answer now will answer later
                phases.note("trouble", look=look.__name__, text=traceback.format_exc(limit=1))
        time.sleep(EVERY_S)


def _grading() -> bool:
    """Whether the grade that started this watch still runs."""
    secret = os.path.join(os.environ["LAB_SECRETS"], "control")
    grades = phases.notes("grade")
    return os.path.exists(secret) and bool(grades) and grades[-1]["token"] == seeds.param("drift")


class Watch:
    def __init__(self):
        self._champion = None
        self._open = []
        self._alerts = set()
        self._done = set()
        self._copied = False

    def turn_world(self) -> None:
        for one in phases.notes("due"):
            if one["due_ms"] <= phases.now_ms() and one["at_ms"] not in self._done:
                turned = world.regime(**one["regime"])
                self._done.add(one["at_ms"])
                phases.note("turned", name=one["regime"]["name"], from_ms=turned["from_ms"])

    def see_registry(self) -> None:
        champion = mlflow.aliases(MODEL).get("champion")
        if champion != self._champion:
            self._champion = champion
            phases.note("champion", version=champion)

    def see_runs(self) -> None:
        """Notes which runs are open at once; a run that is part of another one is none."""
        running = sorted(
            one["id"]
            for one in mlflow.runs(EXPERIMENT)
            if one["status"] == "RUNNING" and "mlflow.parentRunId" not in one["tags"]
        )
        if running != self._open:
            self._open = running
            phases.note("open_runs", runs=running)

    def see_alerts(self) -> None:
        """Notes each alert once in each phase in which it is active."""
        phase = phases.notes("phase")[-1]["name"]
        for one in alertmanager.active("FeatureDrift"):
            if (phase, one["fingerprint"]) not in self._alerts:
                self._alerts.add((phase, one["fingerprint"]))
                phases.note("alert", fingerprint=one["fingerprint"], labels=one["labels"])
            if phase == "drift" and not self._copied:
                self._copied = True
                _deliver_copies(one)


def _deliver_copies(alert: dict) -> None:
    """Sends the same message five times within a second, as an unlucky network would."""
    body = {
        "version": "4",
        "groupKey": '{}:{alertname="FeatureDrift"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "hook",
        "groupLabels": {"alertname": "FeatureDrift"},
        "commonLabels": alert["labels"],
        "commonAnnotations": alert["annotations"],
        "externalURL": "http://alertmanager:9093",
        "alerts": [
            {
                "status": "firing",
                "labels": alert["labels"],
                "annotations": alert["annotations"],
                "startsAt": alert["startsAt"],
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": alert.get("generatorURL", ""),
                "fingerprint": alert["fingerprint"],
            }
        ],
    }

    def deliver():
        answer = http.post(HOOK, body, os.environ["HOOK_KEY"], timeout_s=10)
        phases.note("copy", status=answer.status, fingerprint=alert["fingerprint"])

    for _ in range(COPIES):
        threading.Thread(target=deliver, daemon=True).start()
