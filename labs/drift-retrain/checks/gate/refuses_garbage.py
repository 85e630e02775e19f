#!/usr/bin/python3
# Judges: a drift with shuffled labels made a candidate, the gate marked it rejected, and the champion
# never changed.
from labkit import phases
from labkit.verdict import evidence, passed

import eta

garbage = phases.phase("garbage")
champions = [version for _, version in eta.champions(garbage)]
gates = {one["version"]: one["tags"].get("gate", "") for one in eta.new_versions(garbage)}
evidence(champion=garbage["champion"], champions=champions, gates=gates)

promoted = [one for one in champions if one != garbage["champion"]]
if promoted:
    garbage.failed(
        f"While labels were shuffled, version {promoted[0]} became champion.",
        "On shuffled labels the plain mean beats a good model. Ask for an absolute quality too.",
    )
if not gates:
    garbage.failed(
        "A second drift came, with shuffled labels, and no candidate appeared.",
        "Is a lock still held, or does the cool-down never end? See retrain_total.",
    )
wrong = [version for version, gate in gates.items() if gate != "rejected"]
if wrong:
    garbage.failed(
        f"Version {wrong[0]}, made from shuffled labels, has the tag gate='{gates[wrong[0]]}'; "
        "expected is 'rejected'."
    )
passed()
