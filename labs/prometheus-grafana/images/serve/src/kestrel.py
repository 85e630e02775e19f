"""The model, and what happens to it. You need not change this file.

    FEATURES                 the names of the five features of a delivery, in your session
    model.version            the version that answers now; a release changes it while customers are served
    await answer(...)        the minutes of one delivery; raises Failure when there is no answer
    reference()              how the model's training rows are spread: feature -> (edges, shares)
"""

import asyncio
import json
import math
import os

FEATURES = {
    "plain": ["distance_km", "stops", "weight_kg", "traffic", "hour"],
    "routes": ["route_km", "halts", "load_kg", "congestion", "hour_of_day"],
    "legs": ["leg_km", "drops", "freight_kg", "jam_index", "clock_hour"],
}[os.environ["FEATURE_NAMES"]]


class Failure(Exception):
    """The model could not answer; the customer gets status 500."""


class Model:
    version = "r1"

    def predict(self, features: dict) -> float:
        distance, stops, weight, traffic, hour = (float(features[name]) for name in FEATURES)
        return (
            8
            + 1.9 * distance
            + 3.2 * stops
            + 0.35 * weight
            + 14 * traffic * math.sqrt(distance)
            + 3 * math.sin(2 * math.pi * hour / 24)
        )


model = Model()


async def answer(features: dict, headers) -> float:
    """The minutes that this delivery will take.

    The headers come from the load balancer: X-Lab-Delay-Ms is how long the feature store takes
    today, X-Lab-Fail says that it has nothing.
    """
    await asyncio.sleep(float(headers.get("X-Lab-Delay-Ms", 0)) / 1000)
    if headers.get("X-Lab-Fail"):
        raise Failure("the feature store does not answer")
    return model.predict(features)


def reference() -> dict:
    """feature -> (inner edges, shares): bin i has the values with edge i-1 <= value < edge i.

    Nine edges and ten shares; fewer for a feature of whole numbers.
    """
    with open("/srv/serve/reference.json", encoding="ascii") as file:
        return {name: (one["edges"], one["shares"]) for name, one in json.load(file).items()}
