#!/bin/sh
# Reference solution of the task fit: runs in trainer, may run twice.
cd /srv/ml && python3 - <<'END'
import json
import numpy
from numpy.polynomial import polynomial

x, y = numpy.loadtxt("data.csv", delimiter=",", skiprows=1, unpack=True)
with open("model.json", "w") as f:
    json.dump(list(polynomial.polyfit(x, y, 2)), f)
END
