#!/usr/bin/python3
# Judges: the alias previous points at the version that was champion before the drift.
from labkit import mlflow, phases
from labkit.verdict import evidence, failed, passed

import eta

drift = phases.phase("drift")
champions = [drift["champion"]] + [version for _, version in eta.champions(drift)]
before = [one for one in champions if one != champions[-1]][-1]  # gate/better has passed
previous = mlflow.aliases(eta.MODEL).get("previous")
evidence(champions=champions, previous=previous)
if previous != before:
    failed(
        f"The alias previous points at {'nothing' if previous is None else 'version ' + previous}; "
        f"version {before} was champion before.",
        "Set previous to the present champion first, then move champion.",
    )
passed()
