#!/usr/bin/python3
# Judges: twenty rows get bit-identical answers before and after a quiet phase.
from labkit import phases, world
from labkit.verdict import evidence, failed, passed

quiet = phases.phase("quiet")
before = quiet.notes("probes")[0]["answers"]
after = world.probe(quiet["probes"])
pairs = list(zip(before, after))
other = [one for one in pairs if one[0]["prediction"] != one[1]["prediction"]]
versions = sorted({str(one["version"]) for pair in pairs for one in pair})
evidence(probes=len(pairs), other=len(other), versions=versions, first=other[:1])
if any(one["prediction"] is None for pair in pairs for one in pair):
    failed("serve did not answer every probe row with a prediction.")
if len(versions) > 1:
    failed(f"serve answered with the versions {' and '.join(versions)} during quiet traffic.")
if other:
    failed(
        f"{len(other)} of {len(pairs)} probe rows got another answer after 90 s of quiet traffic, "
        "although the version had not changed.",
        "What serve answers may depend on the request and the version alone.",
    )
passed()
