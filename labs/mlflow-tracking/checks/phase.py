#!/usr/bin/python3
# Gives the stimulus of one phase: phase.py NAME. What it draws comes from the grade's own parameter; what
# the learner's side refuses is noted for the checks. It fails only when a fixture does.
import hashlib
import os
import sys

from labkit import http, phases, seeds

import deliveries
import kept
import server

TOKEN = seeds.param("draw")
PREFIX = "labyard-grade-"
ARTEFACT_BYTES = 64 << 10
JOB_S = 110  # a job is ended after 100 s by its runner


def mark() -> None:
    """An experiment, a run and a file, all under names that nobody could know."""
    phases.new()
    name = PREFIX + drawn("mark").bytes(5).hex()
    try:
        forget_earlier()
        place = server.api("experiments/create", {"name": name})["experiment_id"]
        phases.note("mark", name=name, experiment=place)
    except server.Refused as error:
        phases.note("mark", refused=str(error))
        phases.note("artefact", refused=str(error))
        return
    content = drawn("artefact").bytes(ARTEFACT_BYTES)
    try:
        run = server.Run(server.api("runs/create", {"experiment_id": place})["run"])
        server.put(run.home, "p.bin", content)
        server.api("runs/update", {"run_id": run.id, "status": "FINISHED"})
        digest = hashlib.sha256(content).hexdigest()
        phases.note("artefact", home=run.home, path="p.bin", sha256=digest)
    except server.Refused as error:
        phases.note("artefact", refused=str(error))


def train() -> None:
    """train.py learns from a month that was drawn for this grade."""
    rng = drawn("train")
    name = PREFIX + rng.bytes(5).hex()
    depth, seed = int(rng.integers(2, 7)), int(rng.integers(1, 1_000_000))
    file = f"grade-{rng.bytes(5).hex()}.csv"
    args = ["--data", f"/data/{file}", "--depth", depth, "--seed", seed, "--experiment", name]
    done = job(
        "workspace", "train", args=args, files={file: deliveries.new().to_csv(index=False)}
    )
    phases.note("train", experiment=name, depth=depth, seed=seed, job=done)


def backup() -> None:
    """Backup, loss of everything, restore; and everything back as it was if that was not enough."""
    before = kept.seen()
    done = job("mlflow", "backup")
    if done["exit"] != 0:
        refused = f"backup.sh ended with {done['exit']}: {last_line(done)}"
        phases.note("backup", refused=refused)
        return
    kept.keep(before)
    after = None
    try:
        kept.lose()
        restored = job("mlflow", "restore")
        after = kept.seen()
    finally:
        if after != before:
            kept.put_back()
        kept.forget()
    phases.note(
        "backup",
        restore=restored,
        rows=differences(before[0], after[0]),
        files=differences(before[1], after[1]),
        counts=[len(before[0]), len(before[1])],
    )


def forget_earlier() -> None:
    """What earlier grades created is of no use to anybody."""
    for one in server.experiments():
        if one["name"].startswith(PREFIX):
            server.api("experiments/delete", {"experiment_id": one["experiment_id"]})


def drawn(name: str):
    return seeds.stream(TOKEN, name)


def job(service: str, name: str, **body) -> dict:
    """Asks a machine of the learner's to do one of its jobs; `exit` is -1 when it did not even answer."""
    host = os.environ.get("LAB_TARGET_" + service.upper(), service)
    answer = http.post(f"http://{host}:7070/jobs/{name}", body, timeout_s=JOB_S)
    try:
        done = answer.json()
        return {"exit": int(done["exit"]), "output": str(done["output"])[-1000:]}
    except (ValueError, KeyError, TypeError):
        return {"exit": -1, "output": answer.text[:200]}


def last_line(done: dict) -> str:
    lines = done["output"].strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def differences(before: dict, after: dict) -> list:
    """Names that are gone, new or other than before."""
    names = sorted(before.keys() | after.keys())
    return [name for name in names if before.get(name) != after.get(name)]


if __name__ == "__main__":
    {"mark": mark, "train": train, "backup": backup}[sys.argv[1]]()
