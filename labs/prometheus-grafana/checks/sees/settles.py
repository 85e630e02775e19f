#!/usr/bin/python3
# Judges: when the drift is over, every PSI comes back below --under.
import argparse

from labkit import phases, prom
from labkit.verdict import evidence, passed

import serving

options = argparse.ArgumentParser()
options.add_argument("--under", type=float, required=True)
under = options.parse_args().under

errors = phases.phase("errors")
psi = {one.labels.get("feature", "?"): one.value for one in prom.query("model_feature_psi")}
evidence(model_feature_psi=psi, after_s=(phases.now_ms() - serving.turned_ms(errors)) / 1000)
high = [name for name in serving.FEATURES if not psi.get(name, 1) < under]
if high:
    errors.failed(
        f"The drift is over, and model_feature_psi of '{high[0]}' is {psi.get(high[0], float('nan')):.3f}.",
        "A window of the newest requests forgets by itself.",
    )
passed()
