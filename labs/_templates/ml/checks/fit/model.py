#!/usr/bin/python3
"""Judges the coefficients in model.json; with --rows N on N rows drawn from the seed of this grade.

Runs in: judge, on the copy below $LAB_ROOT. Exit 0 = pass, 1 = fail, 2 = cannot judge (which never costs the
learner). The first line FAIL: says what was seen.
"""
import json
import math
import os
import random
import sys


def fail(text):
    print("FAIL: " + text)
    sys.exit(1)


def read_model():
    path = os.environ["LAB_ROOT"] + "/srv/ml/model.json"
    try:
        with open(path, encoding="utf-8") as f:
            model = json.loads(f.read(100_000))
    except FileNotFoundError:
        fail("there is no file /srv/ml/model.json")
    except ValueError:
        fail("/srv/ml/model.json is not JSON")
    good = isinstance(model, list) and 1 <= len(model) <= 10
    if not good or not all(type(c) in (int, float) and math.isfinite(c) and abs(c) < 1e9 for c in model):
        fail("/srv/ml/model.json is not a list of 1 to 10 numbers")
    return model


def truth(x, source):
    slope, bend = int(os.environ["LAB_PARAM_SLOPE"]), int(os.environ["LAB_PARAM_BEND"])
    return slope * x + bend * x * x + source.gauss(0, 2)


def explained(model, rows):
    source = random.Random(int(os.environ["LAB_PARAM_SAMPLE"]))
    xs = [source.uniform(-5, 5) for _ in range(rows)]
    ys = [truth(x, source) for x in xs]
    mean = sum(ys) / rows
    wrong = sum((y - sum(c * x**i for i, c in enumerate(model))) ** 2 for x, y in zip(xs, ys))
    return 1 - wrong / sum((y - mean) ** 2 for y in ys)


model = read_model()
if "--rows" in sys.argv:
    r2 = explained(model, int(sys.argv[sys.argv.index("--rows") + 1]))
    with os.fdopen(3, "w") as evidence:  # one JSON object, kept with the result
        json.dump({"r2": round(r2, 4), "threshold": 0.9}, evidence)
    if r2 < 0.9:
        fail(f"the model explains {max(r2, 0):.0%} of what happens in rows that it has not seen")
