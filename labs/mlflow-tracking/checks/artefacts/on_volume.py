#!/usr/bin/python3
# Judges: the bytes that phase 'mark' handed in lie on the server's volume. Runs in: grader, which sees
# that volume, too.
from labkit.verdict import evidence, failed, passed

import timeline
import volume

mark = timeline.good("artefact")
found = volume.hashes()
evidence(files=len(found))
if mark["sha256"] not in found.values():
    failed("No file below /var/lib/mlflow holds what was handed to the server.")
passed()
