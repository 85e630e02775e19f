#!/usr/bin/python3
# Judges: a new version of eta within --within seconds of the drift, by the registry's own clock, made
# by a run that names the alert that fired. How many there are is settle/copies' business.
import argparse

from labkit import mlflow, phases
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# 51 to 57 s were seen without MLflow, which adds 10 to 15 s; the limit is about twice that.
options.add_argument("--within", type=float, required=True)
within_s = options.parse_args().within

drift = phases.phase("drift")
turned_ms = eta.turned_ms(drift)
fingerprints = [one["fingerprint"] for one in drift.notes("alert")]
found = []
for version in eta.new_versions(drift):
    tags = mlflow.run(version["run_id"])["tags"] if version["run_id"] else {}
    found.append(
        {
            "version": version["version"],
            "after_s": (version["created_ms"] - turned_ms) / 1000,
            "trigger": tags.get("trigger", ""),
            "alert_fingerprint": tags.get("alert_fingerprint", ""),
        }
    )
evidence(versions=found, fingerprints=fingerprints)

timely = [one for one in found if 0 < one["after_s"] <= within_s]
named = [one for one in timely if one["alert_fingerprint"] in fingerprints]
if not timely:
    drift.failed(
        f"No new version of eta was registered within {within_s:.0f} s of the drift.",
        "Follow one alert by hand: ALERTS in Prometheus, amtool alert, the hook's log, the run.",
    )
if not named:
    drift.failed(
        f"Version {timely[0]['version']} was registered, but its run's tag alert_fingerprint is "
        f"'{timely[0]['alert_fingerprint']}', and no FeatureDrift alert has that fingerprint.",
        "Copy alerts[].fingerprint of the message into the tag of the run that made the version.",
    )
if not any(one["trigger"] == "drift" for one in named):
    drift.failed(f"The run of version {named[0]['version']} has no tag trigger=drift.")
passed()
