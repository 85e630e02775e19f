#!/bin/sh
# cheat: fit/unseen
# A line, as if nobody had looked at the data. A cheat is proved by being refused.
cd /srv/ml && python3 - <<'END'
import json
import numpy
from numpy.polynomial import polynomial

x, y = numpy.loadtxt("data.csv", delimiter=",", skiprows=1, unpack=True)
with open("model.json", "w") as f:
    json.dump(list(polynomial.polyfit(x, y, 1)), f)
END
