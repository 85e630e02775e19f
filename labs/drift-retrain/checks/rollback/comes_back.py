#!/usr/bin/python3
# Judges: within --within seconds after somebody promoted a bad version, the version before it is
# champion again, customers get its answers, and the bad one is still there and marked.
import argparse

from labkit import mlflow, phases
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# 5 s until serve follows, 5 s until labels come, 6 s for 100 of them, 2 s to look; and as long again.
options.add_argument("--within", type=float, required=True)
within_s = options.parse_args().within

phase = phases.phase("badchampion")
good, bad, promoted_ms = phase["good"], phase["bad"], phase["promoted_ms"]
changes = eta.champions(phase)
bad_ms = next((at_ms for at_ms, one in changes if one == bad), promoted_ms)
back_ms = next((at_ms for at_ms, one in changes if one == good and at_ms > bad_ms), None)
after_s = (back_ms - promoted_ms) / 1000 if back_ms else None
champion = mlflow.aliases(eta.MODEL).get("champion")
tags = {one["version"]: one["tags"] for one in mlflow.versions(eta.MODEL)}
evidence(good=good, bad=bad, champion=champion, back_after_s=after_s, tags=tags.get(bad))

if after_s is None or after_s > within_s or champion == bad:
    phase.failed(
        f"Version {bad}, which always answers 5, took the place of version {good}; "
        f"{(phases.now_ms() - promoted_ms) / 1000:.0f} s later version {champion} is champion.",
        "Watch the labelled errors for a minute after every change of the alias, whoever made it.",
    )
if champion != good:
    phase.failed(f"Version {champion} is champion; version {good} was the last good one.")
if bad not in tags:
    phase.failed(f"Version {bad} was deleted; it should stay, with the tag rolled_back.")
if "rolled_back" not in tags[bad]:
    phase.failed(f"Version {bad} was taken back, but it has no tag rolled_back.")
if not any(one["version"] == good for one in eta.answered(since=back_ms)):
    phase.failed(f"Version {good} is champion again, but serve does not answer with it yet.")
passed()
