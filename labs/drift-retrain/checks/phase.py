#!/usr/bin/python3
# Gives the stimulus of one phase: phase.py NAME. Everything it draws comes from the grade's own
# parameters, so nothing seen before a grade helps in it.
import argparse
import os
import subprocess
import sys
import time

from labkit import city, drift, mlflow, phases, prom, seeds, world

import eta

TOKEN = seeds.param("drift")
BAD_CHAMPION = "/opt/lab/models/always-five"

FIRST = "1"  # the version that the lab began with: it fits the calm city
CALM = ("calm", "settle-in")
WINDOW_S = 45  # requests that a measure may still look at
REST_S = 60  # from the last sign of work: a training waits for 900 rows, which are 50 s
REST_AT_MOST_S = 120

METRES_S = 45  # long enough for a window of 500 rows to fill twice, and as long again to clear
METRES_SHARE = (0.30, 0.40)  # enough to look like drift, too few for a median to notice
SHUFFLED_S = 100  # an alert after 40 s, 700 labelled rows, a training and some room
RAMP_S = 60


def settle_in() -> None:
    """A calm world, a timeline, a watch; and the drifts, because drawing one takes seconds."""
    phases.new()
    phases.note("grade", token=TOKEN)
    start_watch()
    phases.begin("settle-in")
    turn("settle-in")
    first = drift.draw(TOKEN + "/first")
    # Relative to a version 2 that has learned the first one; the same holds for the ramp.
    second = drift.draw(TOKEN + "/second", after=first.drift)
    ramp = drift.draw(TOKEN + "/ramp", after=first.drift)
    phases.note("drifts", first=first.as_dict(), second=second.as_dict(), ramp=ramp.as_dict())
    come_to_rest()


def quiet() -> None:
    phases.begin("quiet", probes=probe_rows(), **eta.snapshot())
    turn("quiet")
    phases.note("probes", answers=world.probe(phases.phase("quiet")["probes"]))


def the_drift() -> None:
    begin_turned("drift", drift=drawn_drift("first"))


def stable() -> None:
    phases.begin("stable", **eta.snapshot())


def metres() -> None:
    share = round(float(seeds.stream(TOKEN, "metres").uniform(*METRES_SHARE)), 3)
    first = drawn_drift("first")
    begin_turned("metres", drift=first, metres=share)
    later(METRES_S, "metres-over", drift=first)


def garbage() -> None:
    begin_turned("garbage", drift=drawn_drift("second"), shuffle_labels=True)
    later(SHUFFLED_S, "garbage-over", drift=drawn_drift("first"))


def bad_champion() -> None:
    """Somebody promotes, by the book, a model that always answers 5."""
    facts = eta.snapshot()
    good = facts["champion"]
    run = mlflow.start_run(eta.EXPERIMENT, "handmade", {"trigger": "manual"})
    for folder, _, files in os.walk(BAD_CHAMPION):
        for name in files:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                mlflow.put_artefact(run, "model/" + os.path.relpath(path, BAD_CHAMPION), file.read())
    keep_reference(good, run)
    mlflow.end_run(run)
    bad = mlflow.register(eta.MODEL, run, "model")
    mlflow.set_alias(eta.MODEL, "previous", good)
    promoted_ms = phases.now_ms()
    phases.begin("badchampion", good=good, bad=bad, promoted_ms=promoted_ms, **facts)
    mlflow.set_alias(eta.MODEL, "champion", bad)


def ramp() -> None:
    begin_turned("ramp", drift=drawn_drift("ramp"), ramp_s=RAMP_S)


def come_to_rest() -> None:
    """Version 1 is champion, the city is calm, and the loop has nothing left to do.

    A session that was graded or rehearsed a moment ago has a champion for another city; its loop
    would repair that in the middle of the quiet phase. A loop that finds no rest is not waited for.
    """
    began_ms = phases.now_ms()
    restless_ms = None
    while phases.now_ms() < began_ms + REST_AT_MOST_S * 1000:
        if why := restless(began_ms):
            restless_ms = phases.now_ms()
            phases.note("restless", why=why)
        if restless_ms is None or phases.now_ms() > restless_ms + REST_S * 1000:
            return
        time.sleep(2)


def restless(began_ms: int) -> list:
    """What there is that a loop may be at work about."""
    aliases, versions = mlflow.aliases(eta.MODEL), mlflow.versions(eta.MODEL)
    recent = world.log(since=phases.now_ms() - WINDOW_S * 1000, limit=20000)
    why = {
        "another champion": aliases.get("champion") != FIRST,
        "an alert": bool(prom.query('ALERTS{alertname="FeatureDrift"}')),
        "a run": any(one["status"] == "RUNNING" for one in mlflow.runs(eta.EXPERIMENT)),
        "a new version": any(one["created_ms"] >= began_ms for one in versions),
        "another city": any(one["regime"] not in CALM for one in recent),
    }
    if why["another champion"] and any(one["version"] == FIRST for one in versions):
        mlflow.set_alias(eta.MODEL, "champion", FIRST)
    return [text for text, true in why.items() if true]


PHASES = {
    "settle-in": settle_in,
    "quiet": quiet,
    "drift": the_drift,
    "stable": stable,
    "metres": metres,
    "garbage": garbage,
    "badchampion": bad_champion,
    "ramp": ramp,
}


def begin_turned(name: str, **world_fields) -> None:
    """Opens a phase and turns the world for it; the time from which that holds is `turned`."""
    moved = eta.NAMES[world_fields["drift"]["feature"]]
    phases.begin(name, shifted=moved, **eta.snapshot())
    turn(name, **world_fields)


def turn(name: str, **fields) -> None:
    turned = world.regime(name, token=f"{TOKEN}/{name}", **fields)
    phases.note("turned", name=name, from_ms=turned["from_ms"])


def later(seconds: int, name: str, **fields) -> None:
    """Asks the watch to turn the world so many seconds after it was turned last."""
    due_ms = phases.notes("turned")[-1]["from_ms"] + seconds * 1000
    phases.note("due", due_ms=due_ms, regime={"name": name, "token": f"{TOKEN}/{name}", **fields})


def drawn_drift(which: str) -> dict:
    return phases.notes("drifts")[-1][which]["drift"]


def probe_rows() -> list:
    """Twenty deliveries of the calm city, with the names of the session."""
    rows = city.draw(seeds.stream(seeds.param("probes"), "probes"), 20)
    return [dict(zip(eta.FEATURES, map(float, row))) for row in rows]


def keep_reference(version: str, run: str) -> None:
    """Copies the reference rows of a version, so that the bad one lacks nothing that a version has."""
    for one in mlflow.versions(eta.MODEL):
        if one["version"] == version:
            rows = mlflow.artefact(one["run_id"], "reference.parquet")
            if rows is not None:
                mlflow.put_artefact(run, "reference.parquet", rows)


def start_watch() -> None:
    """A process of its own session, with no descriptor of the runner: it outlives this program."""
    subprocess.Popen(
        [sys.executable, "-c", "import labkit, watch; watch.main()"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("name", choices=PHASES)
    PHASES[options.parse_args().name]()
