#!/usr/bin/python3
# Judges: after backup, loss and restore, every file is there with the bytes it had. Runs in: grader;
# phase 'backup' did it.
from labkit.verdict import evidence, failed, passed

import timeline

drill = timeline.good("backup")
evidence(files=drill["files"][:100], restore=drill["restore"], counts=drill["counts"])
if drill["files"]:
    failed(
        f"After the restore, {len(drill['files'])} files below /var/lib/mlflow are not as they were, "
        f"such as {drill['files'][0]!r}. restore.sh ended with {drill['restore']['exit']}."
    )
passed()
