"""What the checks and phases of this lab share: its names, and questions to more than one server.

Not a program: it is imported from $LAB_CHECKS.
"""

import os

import numpy
from labkit import city, drift, mlflow, phases, world
from labkit.verdict import cannot_judge

MODEL = "eta"
EXPERIMENT = "eta"
NAMES = city.names(os.environ["LAB_PARAM_NAMES"])  # key -> name of this session
FEATURES = list(NAMES.values())

SERVE = f"http://{os.environ.get('LAB_TARGET_SERVE', 'serve')}:8080"
PAGER = f"http://{os.environ.get('LAB_TARGET_PAGER', 'pager')}:8800"
HOOK = f"http://{os.environ.get('LAB_TARGET_TRAINER', 'trainer')}:{os.environ['LAB_PARAM_HOOK_PORT']}/hook"

# The watch looks every second and says so every five. When it has been silent for longer, what
# it did not see may have happened.
WATCH_SILENT_MS = 30_000


def snapshot() -> dict:
    """What is there at the start of a phase; what is not in it later is new."""
    return {
        "champion": mlflow.aliases(MODEL).get("champion"),
        "versions": [one["version"] for one in mlflow.versions(MODEL)],
        "runs": [one["id"] for one in mlflow.runs(EXPERIMENT)],
    }


def new_versions(phase: phases.Phase) -> list:
    """The versions that came since the phase began."""
    return [one for one in mlflow.versions(MODEL) if one["version"] not in phase["versions"]]


def new_runs(phase: phases.Phase) -> list:
    """The runs that came since the phase began; parts of a run are not runs of their own."""
    return [
        one
        for one in mlflow.runs(EXPERIMENT)
        if one["id"] not in phase["runs"] and "mlflow.parentRunId" not in one["tags"]
    ]


def turned_ms(phase: phases.Phase, name: str = "") -> "int | None":
    """From when the world was as the phase (or `name`, a later turn in it) wants it."""
    for one in phase.notes("turned"):
        if one["name"] == (name or phase.name):
            return one["from_ms"]
    return None


def champions(phase: phases.Phase) -> list:
    """Each change of the alias during the phase, as the watch saw it: (at_ms, version)."""
    watched(phase)
    return [(one["at_ms"], one["version"]) for one in phase.notes("champion")]


def watched(phase: phases.Phase) -> None:
    """ "Cannot judge" when the watch is not there to see what happens in the phase."""
    beats = phases.notes("load", phase.start_ms - WATCH_SILENT_MS, phase.end_ms)
    last_ms = beats[-1]["at_ms"] if beats else 0
    if phase.end_ms - last_ms > WATCH_SILENT_MS:
        cannot_judge("the watch over this grade has ended")


def answered(**args) -> list:
    """Requests of the world's log that serve answered."""
    return [one for one in world.log(limit=20000, **args) if one["prediction"] is not None]


def table(requests: list) -> numpy.ndarray:
    """Their features as a model takes them."""
    rows = [[one["features"][name] for name in FEATURES] for one in requests]
    return city.fill_weights(numpy.array(rows, dtype=float))


def minutes(requests: list) -> numpy.ndarray:
    return numpy.array([one["minutes"] for one in requests])


def served_rmse(requests: list) -> float:
    """The error of what customers were told."""
    return drift.rmse([one["prediction"] for one in requests], minutes(requests))


def fresh_rmse(learn: list, judge: list) -> float:
    """The error on `judge` of a model that is made now, from `learn`."""
    return drift.rmse(drift.fit(table(learn), minutes(learn)).predict(table(judge)), minutes(judge))
