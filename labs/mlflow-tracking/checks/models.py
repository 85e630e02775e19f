"""Models on their way to the scorer and their scores on the way back.

A learner's model is a program. It leaves as bytes; what comes back is a claim that is only good for a
comparison with something the learner wrote down before.
"""

import io
import json
import math
import os
import tarfile

import pandas
from labkit import month
from labkit.verdict import evidence, failed
from server import files

MODEL_MAX = 6 << 20
EQUAL = 1e-6


def give(homes: list, table: pandas.DataFrame, wanted: dict) -> None:
    """Writes models.tar (0/, 1/, ... in the order of `homes`), rows.csv without the truth, wanted.json."""
    with tarfile.open(_given("models.tar"), "w") as tar:
        for place, home in enumerate(homes):
            for name, content in files(home, MODEL_MAX).items():
                entry = tarfile.TarInfo(f"{place}/{name}")
                entry.size = len(content)
                tar.addfile(entry, io.BytesIO(content))
    table[["day", *month.FEATURES]].to_csv(_given("rows.csv"), index=False)
    with open(_given("wanted.json"), "w", encoding="utf-8") as file:
        json.dump(wanted, file)


def wanted() -> dict:
    with open(_taken("wanted.json"), encoding="utf-8") as file:
        return json.load(file)


def scores(place: int, rows: int) -> list:
    """What one of the models predicts for each row; fails the check when there is no such thing."""
    if not os.path.exists(_taken("scores.json")):
        with open(_taken("steps.json"), encoding="utf-8") as file:
            step = json.load(file)[-1]
        evidence(scorer=step)
        failed("The model could not be loaded with scikit-learn, or could not predict in time.")
    try:
        with open(_taken("scores.json"), encoding="utf-8") as file:
            answer = json.load(file)[place]
        if isinstance(answer, dict):
            failed(f"The model could not be used: {str(answer.get('error'))[:200]}")
        predicted = [float(one) for one in answer]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        failed("The model predicts something that is no list of numbers.")
    if len(predicted) != rows or not all(math.isfinite(one) for one in predicted):
        failed(f"The model did not predict one number for each of {rows} rows.")
    return predicted


def _given(name: str) -> str:
    return os.path.join(os.environ["LAB_GIVES"], name)


def _taken(name: str) -> str:
    return os.path.join(os.environ["LAB_TAKES"], name)
