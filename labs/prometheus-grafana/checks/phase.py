#!/usr/bin/python3
# Gives the stimulus of one phase: phase.py NAME. Everything it draws comes from the grade's own
# parameters, so nothing seen before a grade helps in it.
import argparse
import time
from datetime import datetime, timedelta, timezone

from labkit import alertmanager, http, phases, world

import serving

REST_S = 12  # after the last active alert: a message that it is over is on its way for so long
REST_AT_MOST_S = 90
COPIES = 20
SYNTHETIC_S = 38  # the made-up alerts end by themselves, before the next phase


def fresh() -> None:
    """A calm world, a timeline, and no alert left from a rehearsal."""
    phases.new()
    phases.begin("fresh")
    turn("fresh")
    until = time.monotonic() + REST_AT_MOST_S
    quiet_since = time.monotonic() - REST_S
    while time.monotonic() < until:
        if any(alertmanager.active(name) for name in serving.ALERTS):
            quiet_since = time.monotonic()
        if time.monotonic() - quiet_since >= REST_S:
            return
        time.sleep(1)


def quiet() -> None:
    """Another pace than ever before; and made-up alerts of models that do not exist."""
    begin("quiet", rate=serving.drawn()["rate"])
    down, slow = serving.drawn()["models"]
    post(
        [
            alert("TargetDown", down, "page", job="serve"),
            alert("PredictLatencyHigh", down, "ticket"),
            alert("FeatureDrift", down, "ticket", feature=serving.FEATURES[0]),
            alert("PredictLatencyHigh", slow, "ticket"),
        ]
    )


def trouble() -> None:
    """A release, slow answers, and one feature moves."""
    release = {"version": serving.drawn()["release"]}
    answer = http.post(f"{serving.SERVE}/model", release)
    phases.note("release", status=answer.status)
    feature, size = serving.drawn()["feature"], serving.drawn()["size"]
    begin("trouble", delay_ms=400, feature=feature, size=size)


def errors() -> None:
    """The drift and the slowness are over; now a part of the requests fails, at a higher pace."""
    begin("errors", rate=30, error_share=serving.drawn()["error_share"])


def after() -> None:
    """Twenty copies of the alert that fires, and then the end of what it is about."""
    phases.begin("after")
    firing = alertmanager.active("PredictErrorBudgetBurn")
    for one in firing[:1]:
        for _ in range(COPIES):
            post([{"labels": one["labels"], "annotations": one["annotations"], "startsAt": one["startsAt"]}])
    phases.note("copies", firing=len(firing))
    turn("after")


PHASES = {"fresh": fresh, "quiet": quiet, "trouble": trouble, "errors": errors, "after": after}


def begin(name: str, **fields) -> None:
    phases.begin(name)
    turn(name, **fields)


def turn(name: str, **fields) -> None:
    turned = world.regime(name, token=f"{serving.seeds.param('numbers')}/{name}", **fields)
    phases.note("turned", from_ms=turned["from_ms"])


def alert(name: str, model: str, severity: str, **labels) -> dict:
    ends = datetime.now(timezone.utc) + timedelta(seconds=SYNTHETIC_S)
    return {
        "labels": {"alertname": name, "model": model, "severity": severity, **labels},
        "endsAt": ends.isoformat(),
    }


def post(alerts: list) -> None:
    http.post(f"{serving.ALERTMANAGER}/api/v2/alerts", alerts).must("alertmanager")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("name", choices=PHASES)
    PHASES[options.parse_args().name]()
