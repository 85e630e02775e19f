"""serve: tells Kestrel's customers how many minutes a delivery will take.

    POST /predict   {"id": 4711, "features": {...}}  ->  {"id": 4711, "prediction": 58.7, "version": "1"}
    GET  /version   {"version": "1"}
    GET  /metrics   for Prometheus

Every answer is written to the table 'requests', together with the version that gave it.

The champion is loaded once, when this program starts. Whoever promotes another version has
to restart serve, and its customers notice.
"""

import math
import os
import time
from contextlib import asynccontextmanager

import mlflow.sklearn
import pandas
from fastapi import FastAPI, HTTPException, Response
from mlflow import MlflowClient
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel

from requestlog import RequestLog

MODEL = "eta"

# The five features, in the order in which the model learned them. Their names are your session's.
FEATURES = {
    "plain": ["distance_km", "stops", "weight_kg", "traffic", "hour"],
    "routes": ["route_km", "halts", "load_kg", "congestion", "hour_of_day"],
    "legs": ["leg_km", "drops", "freight_kg", "jam_index", "clock_hour"],
}[os.environ["FEATURE_NAMES"]]
WEIGHT = FEATURES[2]
DEFAULT_WEIGHT = 2.7  # documented: some requests come without a weight

answers = Counter("serve_requests_total", "answers given", ["version"])
seconds = Histogram(
    "serve_predict_seconds", "time to answer", buckets=[0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2]
)
serving = Gauge("serve_model_version", "version of the model that answers")


class Champion:
    """One loaded version of the model. It never changes after it was made."""

    def __init__(self, version: str):
        self.version = version
        self.model = mlflow.sklearn.load_model(f"models:/{MODEL}/{version}")

    def predict(self, features: dict) -> float:
        row = pandas.DataFrame([[features[name] for name in FEATURES]], columns=FEATURES, dtype=float)
        return float(self.model.predict(row.fillna({WEIGHT: DEFAULT_WEIGHT}))[0])


def champion_version() -> str:
    """The version that the registry calls champion at this moment."""
    return MlflowClient().get_model_version_by_alias(MODEL, "champion").version


class Delivery(BaseModel):
    id: int
    features: dict[str, float | None]


@asynccontextmanager
async def lifespan(app: FastAPI):
    # YOUR WORK (task 'swap'): the alias is read here, and never again.
    app.state.champion = Champion(champion_version())
    app.state.log = RequestLog(os.environ["PG_URL"])
    serving.set(float(app.state.champion.version))
    yield
    app.state.log.close()


app = FastAPI(title="eta", lifespan=lifespan)


@app.post("/predict")
def predict(delivery: Delivery) -> dict:
    missing = [name for name in FEATURES if name not in delivery.features]
    if missing:
        raise HTTPException(422, f"missing features: {', '.join(missing)}")
    started = time.perf_counter()
    champion = app.state.champion
    minutes = champion.predict(delivery.features)
    if not math.isfinite(minutes):
        raise HTTPException(500, "the model has no answer to this")
    app.state.log.add(delivery.id, champion.version, delivery.features, minutes)
    answers.labels(champion.version).inc()
    seconds.observe(time.perf_counter() - started)
    return {"id": delivery.id, "prediction": minutes, "version": champion.version}


@app.get("/version")
def version() -> dict:
    return {"version": app.state.champion.version}


@app.get("/metrics")
def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
