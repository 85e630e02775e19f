#!/bin/sh
# retrain: the hook takes the alert, one worker waits for rows that are new, trains and registers.
cat >/srv/trainer/pipeline/hook.py <<'EOF'
"""hook: Alertmanager calls it, and it starts what has to be done about a drift.

POST /hook on the port $HOOK_PORT, with the body of an Alertmanager webhook. runit runs it: see
service/hook.
"""

import hmac
import logging
import os

import uvicorn
from fastapi import FastAPI, HTTPException, Request

from pipeline import worker

PORT = int(os.environ["HOOK_PORT"])
KEY = os.environ["HOOK_KEY"]

log = logging.getLogger("hook")
app = FastAPI(title="hook")


@app.post("/hook")
async def hook(request: Request) -> dict:
    given = request.headers.get("authorization", "")
    if not hmac.compare_digest(given.encode(), f"Bearer {KEY}".encode()):
        raise HTTPException(401, "a bearer token is needed")
    body = await request.json()
    results = [
        worker.submit(alert)
        for alert in body.get("alerts", [])
        if alert.get("status") == "firing" and alert["labels"].get("alertname") == "FeatureDrift"
    ]
    log.info("%s alerts: %s", len(body.get("alerts", [])), results)
    return {"results": results}


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    uvicorn.run(app, host="0.0.0.0", port=PORT, log_level="warning")


if __name__ == "__main__":
    main()
EOF
cat >/srv/trainer/pipeline/worker.py <<'EOF'
"""worker: one training for one alert, and never two at a time."""

import hashlib
import logging
import threading
import time
from datetime import datetime, timedelta

import mlflow
import pandas
from sklearn.ensemble import HistGradientBoostingRegressor

from pipeline import gate
from pipeline.common import DEFAULT_WEIGHT, FEATURES, MODEL, WEIGHT, labelled_rows, note_result
from train import register, score

try:
    from pipeline import settle  # task 'settle'
except ImportError:
    settle = None
try:
    from pipeline import guard  # task 'quarantine'
except ImportError:
    guard = None

ROWS = 900  # labelled rows that are waited for: three quarters to learn from, the rest to judge
LEARN = 0.75
BEFORE_ALERT = timedelta(seconds=20)  # the drift is older than its alert, by 'for' and the window
PATIENCE_S = 180

log = logging.getLogger("worker")
_busy = threading.Lock()
_handled = set()


def submit(alert: dict) -> str:
    """Starts a training for this alert, unless one runs or it had its training already."""
    key = (alert["fingerprint"], alert["startsAt"])
    if not _busy.acquire(blocking=False):
        return "busy"
    if key in _handled:
        _busy.release()
        return "handled"
    since = datetime.fromisoformat(alert["startsAt"].replace("Z", "+00:00")) - BEFORE_ALERT
    tags = {"trigger": "drift", "alert_fingerprint": alert["fingerprint"]}
    threading.Thread(target=_work, args=(key, since, tags), daemon=True).start()
    return "started"


def _work(key: tuple, since: datetime, tags: dict) -> None:
    try:
        if settle:
            settle.cool_down()
        result = retrain(since, tags)
        _handled.add(key)  # not if it broke: then the next message about it is another try
        note_result(result)
        log.info("%s: %s", tags, result)
    except Exception:
        log.exception("%s: the training broke", tags)
    finally:
        if settle:
            settle.done()
        _busy.release()


def retrain(since: datetime, tags: dict) -> str:
    """Waits for rows, trains, registers and has the gate judge; how it ended."""
    rows = wait_for_rows(since)
    if guard and guard.broken(rows):
        return "quarantined"
    rows = rows.fillna({WEIGHT: DEFAULT_WEIGHT})
    cut = int(len(rows) * LEARN)
    learn, hold = rows.iloc[:cut], rows.iloc[cut:]
    model = HistGradientBoostingRegressor(max_iter=150, learning_rate=0.08, random_state=0)
    model.fit(learn[FEATURES], learn["minutes"])

    mlflow.set_experiment(MODEL)
    with mlflow.start_run(run_name="challenger"):
        mlflow.set_tags(tags | described(learn))
        mlflow.log_metrics(score(model, hold) | {"rows": len(learn)})
        mlflow.log_text(learn[["id"]].to_csv(index=False), "rows.csv")
        if settle:
            settle.log_reference(learn)
        version = register(model)
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(MODEL, "challenger", version)
    if not hasattr(gate, "judge"):  # task 'gate': without it nobody may pass
        return "rejected"
    return gate.judge(version, model, hold)


def wait_for_rows(since: datetime) -> pandas.DataFrame:
    """Labelled rows newer than `since`; looked for every two seconds until there are enough."""
    end = time.monotonic() + PATIENCE_S
    while True:
        rows = labelled_rows(since.isoformat())
        if len(rows) >= ROWS:
            return rows
        if time.monotonic() > end:
            raise TimeoutError(f"only {len(rows)} labelled rows since {since}")
        time.sleep(2)


def described(rows: pandas.DataFrame) -> dict:
    """What the run says about its rows."""
    table = rows[["id", *FEATURES, "minutes"]].to_csv(index=False)
    return {
        "window_start": rows["ts"].min().isoformat(),
        "window_end": rows["ts"].max().isoformat(),
        "dataset_digest": hashlib.sha256(table.encode()).hexdigest()[:16],
    }
EOF
rm -f /srv/trainer/service/hook/down
sv -w 20 restart hook
