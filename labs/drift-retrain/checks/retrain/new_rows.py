#!/usr/bin/python3
# Judges: the run behind the new version names its rows, at least --min-rows, and the share --min-new
# of them was sent after the drift. The ids are looked up in the world's own log.
import argparse
import csv
import io

from labkit import mlflow, phases, world
from labkit.verdict import evidence, passed

import eta

options = argparse.ArgumentParser()
# 500 old and 300 new rows give an RMSE of 9.8 (median), 600 new ones 6.6: the window decides.
options.add_argument("--min-rows", type=int, required=True)
options.add_argument("--min-new", type=float, required=True)
limits = options.parse_args()

BEFORE_MS = 600_000  # how far back the world's log is read

drift = phases.phase("drift")
turned_ms = eta.turned_ms(drift)
fingerprints = [one["fingerprint"] for one in drift.notes("alert")]
made = []
for one in eta.new_versions(drift):
    run = mlflow.run(one["run_id"]) if one["run_id"] else {"tags": {}}
    if run["tags"].get("alert_fingerprint") in fingerprints:
        made.append((one["version"], run))
version, run = made[-1]  # retrain/reacts has passed, so there is one

listed = mlflow.artefact(run["id"], "rows.csv")
if listed is None:
    drift.failed(
        f"The run of version {version} has no artefact rows.csv.",
        "List the request ids the model learned from: a line 'id', then one id on each line.",
    )
try:
    ids = {int(float(row["id"])) for row in csv.DictReader(io.StringIO(listed.decode()))}
except (KeyError, OverflowError, TypeError, ValueError):
    drift.failed(f"The rows.csv of version {version} has no column 'id' of whole numbers.")

sent = {one["id"]: one["sent_ms"] for one in world.log(since=turned_ms - BEFORE_MS, limit=20000)}
new = sum(1 for one in ids if sent.get(one, 0) >= turned_ms)
share = new / max(len(ids), 1)
evidence(
    version=version,
    rows=len(ids),
    known=len(ids & set(sent)),
    new=new,
    share_new=share,
    window=[run["tags"].get("window_start"), run["tags"].get("window_end")],
    data_sets=run["data_sets"],
)
if len(ids) < limits.min_rows:
    drift.failed(f"Version {version} learned from {len(ids)} rows; {limits.min_rows} are needed.")
if share < limits.min_new:
    drift.failed(
        f"Of the {len(ids)} rows of version {version}, {100 * share:.0f} % were sent after the drift; "
        f"expected are {100 * limits.min_new:.0f} %.",
        "When the alert fires, half of the window is still last week. Wait for rows that are new.",
    )
for name in ("window_start", "window_end"):
    if not run["tags"].get(name):
        drift.failed(f"The run of version {version} has no tag {name}.")
if not (run["data_sets"] or run["tags"].get("dataset_digest")):
    drift.failed(f"The run of version {version} has no tag dataset_digest and no logged data set.")
passed()
