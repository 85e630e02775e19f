#!/opt/venv/bin/python
"""seed: makes what the lab starts from, once for the life of its volumes.

Last month's deliveries, the repository eta, the settings of the server, and what the intern left in
PostgreSQL: experiment 'eta-old' with three runs, of which two must not be compared with anything. The
last act sets a mark; when it is there, nothing is touched. The same session makes the same data.
"""

import os
import subprocess
import sys

import psycopg2

ROWS = 840  # 30 a day
OLD = "eta-old"
OLD_ARTEFACTS = "/srv/mlruns/1"  # a path of the server, which clients took for one of their own
DATA = "/data/train.csv"
CODE = "/home/learner/eta"
SETTINGS = "/srv/mlflow/env"

# The mark is in a database of the superuser, which no learner's role can see into.
MARKED = "SELECT to_regclass('seed_mark') IS NOT NULL"
MARK = "CREATE TABLE seed_mark AS SELECT now() AS done"


def main() -> None:
    with psycopg2.connect(os.environ["PG_ADMIN_URL"], connect_timeout=10) as link, link.cursor() as cursor:
        cursor.execute(MARKED)
        if cursor.fetchone()[0]:
            sys.exit(0)
        frame = write_data()
        write_settings()
        make_repository()
        leave_old_runs(frame)
        cursor.execute(MARK)


def write_data():
    from labkit import month

    frame = month.table(os.environ["MONTH"], "last", ROWS)
    frame.to_csv(DATA, index=False)
    return frame


def write_settings() -> None:
    with open(SETTINGS, "w", encoding="ascii") as file:
        file.write(f"# Read by /srv/mlflow/run.\nPG_URL={os.environ['PG_URL']}\n")


def make_repository() -> None:
    """The files of the volume become a repository with one commit."""
    if os.path.exists(CODE + "/.git"):
        return
    for words in (
        ["init", "-q", "-b", "main"],
        ["config", "user.name", "Learner"],
        ["config", "user.email", "learner@kestrel.example"],
        ["add", "."],
        ["commit", "-q", "-m", "Train a model of delivery minutes"],
    ):
        subprocess.run(["git", "-C", CODE, *words], check=True)


def leave_old_runs(frame) -> None:
    """eta-old as the intern left it; a start that was cut is made whole."""
    import mlflow
    from labkit import month

    client = mlflow.MlflowClient(tracking_uri=os.environ["PG_URL"])
    found = client.get_experiment_by_name(OLD)
    place = found.experiment_id if found else client.create_experiment(OLD, OLD_ARTEFACTS)
    for run in client.search_runs([place]):
        client.delete_run(run.info.run_id)

    val = month.part(frame, "val")[month.TARGET]
    mean = month.part(frame, "train")[month.TARGET].mean()
    baseline = float(((val - mean) ** 2).mean() ** 0.5)
    for name, status, split, error in (
        ("mean of last month", "FINISHED", "val", baseline),
        ("deep, at night", "FAILED", "val", 0.0),
        ("deep, again", "FINISHED", "train", 0.62),
    ):
        run = client.create_run(place, run_name=name).info.run_id
        client.set_tag(run, "eval_split", split)
        client.log_param(run, "depth", 1 if split == "val" and status == "FINISHED" else 30)
        client.log_metric(run, "val_rmse", error)
        client.set_terminated(run, status)


if __name__ == "__main__":
    main()
