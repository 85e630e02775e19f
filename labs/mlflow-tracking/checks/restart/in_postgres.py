#!/usr/bin/python3
# Judges: the experiments that the server tells of are the rows of PostgreSQL. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import server

FIELDS = "experiment_id::text, name, artifact_location, creation_time"

told = {
    (one["experiment_id"], one["name"], one.get("artifact_location", ""), int(one.get("creation_time", 0)))
    for one in server.experiments()
}
held = set(server.rows(f"SELECT {FIELDS} FROM experiments WHERE lifecycle_stage = 'active'"))
evidence(told=len(told), held=len(held))
for one in sorted(held - told):
    failed(
        f"PostgreSQL holds the experiment {one[1]!r}, and your server does not know it.",
        "Which store does the option --backend-store-uri name?",
    )
for one in sorted(told - held):
    failed(f"Your server knows the experiment {one[1]!r}, and PostgreSQL does not hold it.")
passed()
