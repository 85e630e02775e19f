#!/usr/bin/python3
# Judges: there is an experiment eta that was born with the right place for artefacts. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import server

found = server.experiment("eta")
place = found and found.get("artifact_location", "")
evidence(place=place)
if found is None:
    failed("There is no experiment eta.")
if found.get("lifecycle_stage") == "deleted":
    number = found["experiment_id"]
    failed(
        f"The experiment eta (number {number}) was deleted, and its name is still taken.",
        f"MlflowClient().restore_experiment('{number}') brings it back; rename what is to go.",
    )
if not place.startswith(server.PLACE):
    failed(
        f"The experiment eta keeps its artefacts at {place}: a path of whoever asks.",
        "Rename that one, and make a new eta.",
    )
passed()
