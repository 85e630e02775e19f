#!/usr/bin/python3
# Judges: the PSI of the feature that drifted rises above --over.
import argparse

from labkit import phases, prom
from labkit.verdict import evidence, passed

import serving

options = argparse.ArgumentParser()
options.add_argument("--over", type=float, required=True)
over = options.parse_args().over

trouble = phases.phase("trouble")
moved = serving.NAMES[serving.drawn()["feature"]]
psi = {one.labels.get("feature", "?"): one.value for one in prom.query("model_feature_psi")}
evidence(moved=moved, model_feature_psi=psi, after_s=(phases.now_ms() - serving.turned_ms(trouble)) / 1000)
absent = [name for name in serving.FEATURES if name not in psi]
if absent:
    trouble.failed(
        f"Prometheus has no model_feature_psi{{feature=\"{absent[0]}\"}}.",
        "Five series are wanted, under the names of kestrel.FEATURES.",
    )
if psi[moved] <= over:
    trouble.failed(
        f"'{moved}' drifted, and its model_feature_psi is {psi[moved]:.3f}.",
        "Rehearse: curl -X POST world:8900/rehearse/drift. How many requests does your window hold?",
    )
passed()
