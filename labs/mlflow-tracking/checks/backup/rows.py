#!/usr/bin/python3
# Judges: after backup, loss and restore, every table has the rows it had, and the server tells of them.
# Runs in: grader; phase 'backup' did it.
from labkit.verdict import evidence, failed, passed

import server
import timeline

drill = timeline.good("backup")
mark = timeline.good("mark")
evidence(rows=drill["rows"], restore=drill["restore"], counts=drill["counts"])
if drill["rows"]:
    failed(
        f"After the restore, {len(drill['rows'])} tables are not as they were: "
        f"{', '.join(drill['rows'][:6])}. restore.sh ended with {drill['restore']['exit']}."
    )
found = server.experiment(mark["name"])
if not found or found["experiment_id"] != mark["experiment"]:
    failed("The rows are back, but the server does not know an experiment that it knew before.")
passed()
