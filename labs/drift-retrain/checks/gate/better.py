#!/usr/bin/python3
# Judges: within --within seconds of the drift a new version is champion, and what it then tells
# customers is at most --vs-old of the old champion's error in the same world and at most
# --vs-reference of what a model reaches that this check makes from fresh rows.
import argparse

from labkit import phases
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# About 70 s are expected; the limit is more than twice that.
options.add_argument("--within", type=float, required=True)
# In 40 of 40 accepted drifts a repaired model had at most 0.54 of the old error.
options.add_argument("--vs-old", type=float, required=True)
# 600 rows instead of 800 cost 6.6 against 6.2.
options.add_argument("--vs-reference", type=float, required=True)
limits = options.parse_args()

JUDGED = 400  # requests; the standard error of their RMSE is about 4 %
LEARNED = 800
OLD = 100

drift = phases.phase("drift")
turned_ms = eta.turned_ms(drift)
old = drift["champion"]
changes = [(at_ms, version) for at_ms, version in eta.champions(drift) if version != old]
if not changes:
    drift.failed(
        f"{(drift.end_ms - turned_ms) / 1000:.0f} s after the drift version {old} is still champion.",
        "A candidate that is better on rows it has not seen, and good, becomes champion.",
    )
promoted_ms, new = changes[-1]
after_s = (promoted_ms - turned_ms) / 1000
evidence(champion=new, promoted_after_s=after_s)
if new in drift["versions"]:
    drift.failed(f"The alias champion went to version {new}, which is older than the drift.")
if after_s > limits.within:
    drift.failed(
        f"Version {new} became champion {after_s:.0f} s after the drift; {limits.within:.0f} s are allowed."
    )

requests = eta.answered(since=turned_ms)
fresh = [one for one in requests if one["version"] == new and one["sent_ms"] >= promoted_ms][:JUDGED]
taken = {one["id"] for one in fresh}
others = [one for one in requests if one["id"] not in taken]
before = [one for one in others if one["version"] == old]
evidence(fresh=len(fresh), others=len(others), before=len(before))
if not fresh:
    drift.failed(
        f"Version {new} is champion, but serve has not answered with it yet.",
        "serve has to follow the alias; see the task about swapping.",
    )
if len(fresh) < JUDGED or len(others) < LEARNED or len(before) < OLD:
    drift.failed(f"Version {new} has answered {len(fresh)} requests so far; {JUDGED} are judged.")

old_rmse = eta.served_rmse(before)
new_rmse = eta.served_rmse(fresh)
reference_rmse = eta.fresh_rmse(others[:LEARNED], fresh)
evidence(
    old_rmse=old_rmse,
    new_rmse=new_rmse,
    reference_rmse=reference_rmse,
    vs_old=new_rmse / old_rmse,
    vs_reference=new_rmse / reference_rmse,
)
for allowed, what in (
    (limits.vs_old * old_rmse, f"the old champion's was {old_rmse:.1f}"),
    (limits.vs_reference * reference_rmse, f"{LEARNED} fresh rows reach {reference_rmse:.1f}"),
):
    if new_rmse > allowed:
        drift.failed(
            f"The error of version {new} is {new_rmse:.1f} minutes; {what}, so at most "
            f"{allowed:.1f} is expected.",
            "Learn from enough rows of the new world only, and compare on rows not learned from.",
        )
passed()
