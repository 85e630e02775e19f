#!/opt/venv/bin/python
"""Trains a version of eta on the file it is given and registers it.

    ./train.py reference.csv

The file is a CSV with the five features and the column 'minutes'. Nothing is checked here: not
whether the rows make sense, not whether the result is better than the champion. The new version
gets no alias, so serve does not use it. A pipeline can import `train` and do better.
"""

import argparse
import os

import mlflow
import mlflow.sklearn
import pandas
import sklearn
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import r2_score, root_mean_squared_error

from pipeline.common import DEFAULT_WEIGHT, FEATURES, MODEL, WEIGHT

HOLD_OUT = 0.2  # the last rows of the file are for the score, not for learning


def train(frame: pandas.DataFrame, tags: dict[str, str]) -> str:
    """Trains on these rows, logs the run with its tags, and returns the new version."""
    frame = frame.fillna({WEIGHT: DEFAULT_WEIGHT})
    cut = int(len(frame) * (1 - HOLD_OUT))
    learn, hold = frame.iloc[:cut], frame.iloc[cut:]

    model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.08, random_state=0)
    model.fit(learn[FEATURES], learn["minutes"])

    mlflow.set_experiment(MODEL)
    with mlflow.start_run():
        mlflow.set_tags(tags)
        mlflow.log_metrics(score(model, hold) | {"rows": len(frame)})
        return register(model)


def score(model, frame: pandas.DataFrame) -> dict[str, float]:
    """How well a model does on labelled rows."""
    predicted = model.predict(frame[FEATURES])
    return {
        "rmse": root_mean_squared_error(frame["minutes"], predicted),
        "r2": r2_score(frame["minutes"], predicted),
    }


def register(model) -> str:
    """Stores the model with the active run as a new version of eta."""
    logged = mlflow.sklearn.log_model(
        model,
        name="model",
        registered_model_name=MODEL,
        serialization_format="cloudpickle",
        # Named, because finding them out would load the model once more.
        pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
    )
    return str(logged.registered_model_version)


def main() -> None:
    parser = argparse.ArgumentParser(description="train a version of eta on a file")
    parser.add_argument("file", help="a CSV with the features and the column 'minutes'")
    frame = pandas.read_csv(parser.parse_args().file)
    version = train(frame, {"trigger": "hand", "user": os.environ.get("USER", "root")})
    print(f"version {version}")


if __name__ == "__main__":
    main()
