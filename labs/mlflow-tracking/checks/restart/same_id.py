#!/usr/bin/python3
# Judges: the experiment that phase 'mark' created under a random name is still there, with the same
# id, and PostgreSQL holds it. Runs in: grader.
from labkit.verdict import evidence, failed, passed

import server
import timeline

mark = timeline.good("mark")
found = server.experiment(mark["name"])
now = found and found["experiment_id"]
rows = server.rows("SELECT experiment_id::text FROM experiments WHERE name = %s", mark["name"])
held = [one for (one,) in rows]
evidence(was=mark["experiment"], now=now, held=held)
if now is None:
    failed("An experiment was created, the server got a new container, and the experiment is gone.")
if now != mark["experiment"]:
    failed(f"The experiment had the id {mark['experiment']}, and has {now} after a restart.")
if held != [now]:
    failed("The experiment survived the restart, but PostgreSQL does not hold it under this id.")
passed()
