#!/usr/bin/python3
# Judges: many hundred requests made no more than a few series.
import argparse

from labkit import prom
from labkit.verdict import evidence, failed, passed

options = argparse.ArgumentParser()
options.add_argument("--most", type=int, required=True)
most = options.parse_args().most

series = prom.scalar('count({__name__=~"predict_.*"})', default=0)
names = prom.query('topk(3, count by (__name__) ({__name__=~"predict_.*"}))')
evidence(series=series, names={one.labels["__name__"]: one.value for one in names})
if not series:
    failed("Prometheus has no series whose name begins with predict_.")
if series >= most:
    failed(
        f"There are {series:.0f} series whose names begin with predict_, and one more with each request.",
        "Which label has as many values as there are requests?",
    )
passed()
