#!/bin/sh
# instrument: a counter of answers by code and version, and a histogram of what they took. Whatever way
# a request takes out of the handler, it is counted.
cat >/srv/serve/app.py <<'END'
"""serve: tells Kestrel's customers how many minutes a delivery will take.

    POST /predict   {"id": 4711, "features": {...}}  ->  {"id": 4711, "prediction": 58.7, "version": "r1"}
    POST /model     {"version": "r2"}   a release: from now on this version answers
    GET  /version   {"version": "r1"}
    GET  /metrics   for Prometheus
"""

import time

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Histogram, generate_latest

import kestrel

requests = Counter("predict_requests", "answers given", ["code", "model_version"])
latency = Histogram(
    "predict_latency_seconds",
    "time to answer",
    buckets=[0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
)

app = FastAPI(title="eta")


@app.post("/predict")
async def predict(request: Request) -> Response:
    started = time.perf_counter()
    code, body = await reply(await request.json(), request.headers)
    requests.labels(str(code), kestrel.model.version).inc()
    latency.observe(time.perf_counter() - started)
    return JSONResponse(body, code)


async def reply(delivery: dict, headers) -> tuple:
    """The status and the body of an answer."""
    try:
        minutes = await kestrel.answer(delivery["features"], headers)
    except kestrel.Failure as failure:
        return 500, {"error": str(failure)}
    return 200, {"id": delivery["id"], "prediction": minutes, "version": kestrel.model.version}


@app.post("/model")
async def release(request: Request) -> dict:
    kestrel.model.version = str((await request.json())["version"])[:40]
    return {"version": kestrel.model.version}


@app.get("/version")
async def version() -> dict:
    return {"version": kestrel.model.version}


@app.get("/metrics")
async def metrics() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
END
