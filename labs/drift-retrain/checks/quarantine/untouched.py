#!/usr/bin/python3
# Judges: broken data led to no new version and to no other champion.
from labkit import phases
from labkit.verdict import evidence, failed, passed

import eta

metres = phases.phase("metres")
versions = [one["version"] for one in eta.new_versions(metres)]
champions = [one for _, one in eta.champions(metres) if one != metres["champion"]]
evidence(versions=versions, champion=metres["champion"], champions=champions)
if champions:
    failed(f"While a third of the data was broken, version {champions[0]} became champion.")
if versions:
    failed(f"While a third of the data was broken, version {versions[0]} was registered.")
passed()
