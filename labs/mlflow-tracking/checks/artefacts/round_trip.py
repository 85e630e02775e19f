#!/usr/bin/python3
# Judges: the bytes that phase 'mark' handed in for a run of a new experiment come back, from a new
# container of the server. Runs in: grader.
import hashlib

from labkit.verdict import evidence, failed, passed

import server
import timeline

mark = timeline.good("artefact")
found = hashlib.sha256(server.get(mark["home"], mark["path"])).hexdigest()
evidence(was=mark["sha256"], now=found)
if found != mark["sha256"]:
    failed("An artefact came back with other bytes than were handed in.")
passed()
