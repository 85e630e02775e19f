#!/usr/bin/python3
# Judges: after the promotion nothing more is trained, and the alert is over at the end of the phase.
from labkit import phases, prom
from labkit.verdict import evidence, passed

import eta

stable = phases.phase("stable")
versions = [one["version"] for one in eta.new_versions(stable)]
runs = [one["id"] for one in eta.new_runs(stable)]
firing = [one.labels for one in prom.query('ALERTS{alertname="FeatureDrift",alertstate="firing"}')]
evidence(versions=versions, runs=runs, firing=firing)
if versions or runs:
    stable.failed(
        f"{len(versions)} versions and {len(runs)} runs were made after the promotion, in a world "
        "that had not changed again.",
        "After you promote, measure against the rows the new champion learned from.",
    )
if firing:
    stable.failed(
        f"FeatureDrift is still firing for '{firing[0].get('feature', '?')}', although the new "
        "champion fits the new world.",
        "After you promote, measure against the rows the new champion learned from.",
    )
passed()
