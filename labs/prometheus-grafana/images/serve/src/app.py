"""serve: tells Kestrel's customers how many minutes a delivery will take.

    POST /predict   {"id": 4711, "features": {...}}  ->  {"id": 4711, "prediction": 58.7, "version": "r1"}
    POST /model     {"version": "r2"}   a release: from now on this version answers
    GET  /version   {"version": "r1"}
    GET  /metrics   for Prometheus

YOUR WORK (tasks 'instrument' and 'sees'): the metrics below were made on a Friday.
"""

import time

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, generate_latest

import kestrel

VERSION = kestrel.model.version

requests = Counter("predict_requests", "answers given", ["code", "model_version", "request_id"])
latency = Gauge("predict_latency_seconds", "how long the last answer took")

app = FastAPI(title="eta")


@app.post("/predict")
async def predict(request: Request) -> Response:
    started = time.perf_counter()
    delivery = await request.json()
    try:
        minutes = await kestrel.answer(delivery["features"], request.headers)
    except kestrel.Failure as failure:
        return JSONResponse({"error": str(failure)}, 500)
    requests.labels("200", VERSION, delivery["id"]).inc()
    latency.set(time.perf_counter() - started)
    return JSONResponse(
        {"id": delivery["id"], "prediction": minutes, "version": kestrel.model.version}
    )


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
