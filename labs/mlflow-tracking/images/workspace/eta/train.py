#!/opt/venv/bin/python
"""Trains a model of delivery minutes, and prints how good it is.

    ./train.py [--data FILE] [--depth N] [--rate X] [--seed N] [--experiment NAME]
"""

import argparse

import pandas
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import root_mean_squared_error

FEATURES = ["distance_km", "stops", "weight_kg", "traffic", "hour"]
TARGET = "minutes"
LAST_TRAINING_DAY = 21  # of 28: the last week is for the score, not for learning


def split(frame: pandas.DataFrame) -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """The rows to learn from, and the rows to be judged by."""
    learn = frame["day"] <= LAST_TRAINING_DAY
    return frame[learn], frame[~learn]


def rmse(model, rows: pandas.DataFrame) -> float:
    return float(root_mean_squared_error(rows[TARGET], model.predict(rows[FEATURES])))


def train(data: str, depth: int, rate: float, seed: int) -> dict[str, float]:
    """Trains on the file and returns the two errors."""
    learn, val = split(pandas.read_csv(data))
    model = HistGradientBoostingRegressor(
        max_iter=60, max_depth=depth, learning_rate=rate, random_state=seed
    )
    model.fit(learn[FEATURES], learn[TARGET])
    return {"train_rmse": rmse(model, learn), "val_rmse": rmse(model, val)}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="train a model of delivery minutes")
    parser.add_argument("--data", default="/data/train.csv")
    parser.add_argument("--depth", type=int, default=6)
    parser.add_argument("--rate", type=float, default=0.1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--experiment", default="eta")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    print(train(args.data, args.depth, args.rate, args.seed))


if __name__ == "__main__":
    main()
