#!/usr/bin/python3
# Judges: there is an experiment eta that was born with the right place for artefacts. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import server

found = server.experiment("eta")
place = found and found.get("artifact_location", "")
evidence(place=place)
if found is None:
    failed("There is no experiment eta.")
if not place.startswith(server.PLACE):
    failed(
        f"The experiment eta keeps its artefacts at {place}: a path of whoever asks.",
        "Rename that one, and make a new eta.",
    )
passed()
