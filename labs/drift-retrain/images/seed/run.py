#!/opt/venv/bin/python
"""seed: makes what the lab starts from, once for the life of its volumes.

Tables and rights, 5000 reference rows of last month's city, and the champion that
learned from them: model 'eta', version 1. The last act sets a mark; when it is there,
nothing is touched, so a lab that is started again keeps the learner's work. The same
session seed makes the same rows and the same model.
"""

import hashlib
import os
import sys

import psycopg2

MODEL = "eta"
ROWS = 5000
REFERENCE_CSV = "/srv/trainer/reference.csv"

# The schema 'seed' and its mark belong to the superuser: the learner's role cannot see them.
TABLES = """
DROP SCHEMA IF EXISTS seed CASCADE;
DROP TABLE IF EXISTS requests, labels;

CREATE TABLE requests (
    id         bigint PRIMARY KEY,
    ts         timestamptz NOT NULL DEFAULT now(),
    version    text NOT NULL,
    features   jsonb NOT NULL,
    prediction double precision NOT NULL
);
CREATE INDEX ON requests (ts);

CREATE TABLE labels (
    id      bigint PRIMARY KEY,
    ts      timestamptz NOT NULL DEFAULT now(),
    minutes double precision NOT NULL
);
CREATE INDEX ON labels (ts);

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT SELECT, INSERT ON requests TO app;
GRANT SELECT ON labels TO app;
GRANT SELECT, INSERT ON labels TO world;
"""

MARK = """
CREATE SCHEMA seed;
CREATE TABLE seed.mark AS SELECT now() AS done;
"""


def main() -> None:
    with psycopg2.connect(os.environ["PG_URL"], connect_timeout=10) as link, link.cursor() as cursor:
        cursor.execute("SELECT to_regclass('seed.mark') IS NOT NULL")
        if cursor.fetchone()[0]:
            sys.exit(0)
        cursor.execute(TABLES)
        link.commit()
        make_champion()
        cursor.execute(MARK)


def make_champion() -> None:
    """Trains version 1, registers it, and makes it champion."""
    # Imported here: a start that finds the mark does without these two seconds.
    import mlflow
    from labkit.drift import fit

    forget(mlflow.MlflowClient())
    frame = reference()
    features, minutes = frame.iloc[:, :5], frame["minutes"]
    learn, hold = slice(0, ROWS * 4 // 5), slice(ROWS * 4 // 5, ROWS)
    rehearsed = score(fit(features[learn], minutes[learn]), features[hold], minutes[hold])

    mlflow.set_experiment(MODEL)
    with mlflow.start_run(run_name="champion of last month"):
        mlflow.set_tags({"trigger": "seed", "dataset_digest": digest(frame)})
        mlflow.log_metrics({**rehearsed, "rows": ROWS})
        log_reference(mlflow, frame)
        version = register(mlflow, fit(features, minutes))
    mlflow.MlflowClient().set_registered_model_alias(MODEL, "champion", version)


def forget(client) -> None:
    """Removes what a start that was cut may have left in MLflow."""
    from mlflow.exceptions import MlflowException

    try:
        client.delete_registered_model(MODEL)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
    experiment = client.get_experiment_by_name(MODEL)
    for run in client.search_runs([experiment.experiment_id]) if experiment else []:
        client.delete_run(run.info.run_id)


def reference():
    """Last month as a table in the names of this session; missing weights have their default."""
    import pandas
    from labkit import city, seeds

    rng = seeds.stream(os.environ["LAB_SEED"], "reference", os.environ["NOISE"])
    rows = city.draw(rng, ROWS)
    minutes = city.minutes(rng, rows)
    rows = city.fill_weights(city.lose_weights(rng, rows))
    frame = pandas.DataFrame(rows, columns=city.NAMES[os.environ["FEATURE_NAMES"]])
    return frame.assign(minutes=minutes).round(4)


def score(model, features, minutes) -> dict:
    from sklearn.metrics import r2_score, root_mean_squared_error

    predicted = model.predict(features)
    return {
        "rmse": float(root_mean_squared_error(minutes, predicted)),
        "r2": float(r2_score(minutes, predicted)),
    }


def digest(frame) -> str:
    """A short name for exactly these rows."""
    return hashlib.sha256(frame.to_csv(index=False).encode()).hexdigest()[:16]


def log_reference(mlflow, frame) -> None:
    """Leaves the rows beside the model that learned from them, and in the trainer's folder."""
    frame.to_parquet("/tmp/reference.parquet", index=False)
    mlflow.log_artifact("/tmp/reference.parquet")
    frame.to_csv(REFERENCE_CSV, index=False)


def register(mlflow, model) -> str:
    import mlflow.sklearn
    import sklearn

    # Named requirements: without them MLflow would load the model once more to find them.
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name=MODEL,
        serialization_format="cloudpickle",
        pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
    )
    return str(logged.registered_model_version)


if __name__ == "__main__":
    main()
