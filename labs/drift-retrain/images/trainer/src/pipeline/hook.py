"""hook: Alertmanager calls it, and it starts what has to be done about a drift.

POST /hook on the port $HOOK_PORT, with the body of an Alertmanager webhook. runit runs it: see
service/hook.
"""

import logging
import os

import uvicorn
from fastapi import FastAPI, Request

PORT = int(os.environ["HOOK_PORT"])
KEY = os.environ["HOOK_KEY"]

log = logging.getLogger("hook")
app = FastAPI(title="hook")


@app.post("/hook")
async def hook(request: Request) -> dict:
    body = await request.json()
    for alert in body.get("alerts", []):
        log.info("%s %s %s", alert.get("status"), alert.get("fingerprint"), alert.get("labels"))
    # YOUR WORK (task 'retrain'): anybody may call this, and nothing happens. Let only those in
    # who send "Authorization: Bearer $HOOK_KEY", answer at once, and train in the background.
    # common.note_result says to Prometheus how it ended.
    return {"result": "ignored"}


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    uvicorn.run(app, host="0.0.0.0", port=PORT, log_level="warning")


if __name__ == "__main__":
    main()
