"""A month of deliveries as the table that data scientists get: 28 days, the last week to be judged by."""

import pandas

from . import city, seeds

FEATURES = list(city.NAMES["plain"])
TARGET = "minutes"
DAYS = 28
LAST_TRAINING_DAY = 21


def table(secret: str, name: str, rows: int) -> pandas.DataFrame:
    """The same secret and name give the same month: day, the five features, the true minutes."""
    rng = seeds.stream(secret, "month", name)
    features = city.draw(rng, rows)
    minutes = city.minutes(rng, features)
    frame = pandas.DataFrame(features, columns=FEATURES)
    frame.insert(0, "day", [1 + place * DAYS // rows for place in range(rows)])
    return frame.assign(minutes=minutes).round(3)


def part(frame: pandas.DataFrame, which: str) -> pandas.DataFrame:
    """The rows that are learned from ('train'), or those that are not ('val')."""
    learn = frame["day"] <= LAST_TRAINING_DAY
    return frame[learn if which == "train" else ~learn]
