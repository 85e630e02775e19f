#!/usr/bin/python3
# Judges: neither a run nor a version came into being while nothing had changed. Sets of ids are
# compared, because a run's times are whatever the program that wrote it says.
from labkit import phases
from labkit.verdict import evidence, failed, passed

import eta

quiet = phases.phase("quiet")
versions = [one["version"] for one in eta.new_versions(quiet)]
runs = [one["id"] for one in eta.new_runs(quiet)]
evidence(versions=versions, runs=runs)
if versions:
    failed(f"Version {versions[0]} of eta was registered during quiet traffic.")
if runs:
    failed(f"A run was started in the experiment eta during quiet traffic ({runs[0]}).")
passed()
