#!/usr/bin/python3
# Judges: features that had not drifted stayed below --under, during the drift and before it.
import argparse

from labkit import phases, prom
from labkit.verdict import evidence, passed

import serving

options = argparse.ArgumentParser()
options.add_argument("--under", type=float, required=True)
under = options.parse_args().under

quiet, trouble = phases.phase("quiet"), phases.phase("trouble")
moved = serving.NAMES[serving.drawn()["feature"]]
now = {one.labels.get("feature", "?"): one.value for one in prom.query("model_feature_psi")}
before = {
    one.labels.get("feature", "?"): one.value
    for one in prom.query("max_over_time(model_feature_psi[10s])", quiet.end_ms)
}
evidence(moved=moved, during=now, before=before)
for when, psi in (("before anything drifted", before), (f"while only '{moved}' drifted", now)):
    for name, value in psi.items():
        if value >= under and not (name == moved and psi is now):
            trouble.failed(
                f"model_feature_psi of '{name}' was {value:.3f} {when}.",
                "Each feature against its own bins; and windows of 100 requests are mostly chance.",
            )
passed()
