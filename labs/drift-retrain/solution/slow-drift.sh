#!/bin/sh
# slow-drift: when labelled answers stay worse than the champion's gate saw them, the worker gets a
# message of its own.
cat >/srv/trainer/pipeline/errors.py <<'EOF'
"""errors: the second trigger, for what input drift cannot see.

When the newest labelled answers of a champion have been clearly worse for a minute than it was at
its gate, and no training ended meanwhile, the hook is told as if an alert had fired. An alert is
faster than that; this one is for what no alert sees, and for an alert whose training was rejected.
runit runs it: see service/errors.
"""

import json
import logging
import os
import time
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone

import psycopg2

try:
    from pipeline import guard  # task 'quarantine'
except ImportError:
    guard = None

MODEL = "eta"
EVERY_S = 5
NEWEST = 500
WORSE = 1.3  # the error of 500 answers is known to 4 %, that of the gate to 6 %
LASTING_S = 60
LAST = "/srv/trainer/log/last-training"  # its time is the end of the last training
MLFLOW = os.environ["MLFLOW_TRACKING_URI"] + "/api/2.0/mlflow"
HOOK = f"http://localhost:{os.environ['HOOK_PORT']}/hook"

log = logging.getLogger("errors")

NEWEST_SQL = """
SELECT features, power(prediction - minutes, 2) FROM requests JOIN labels USING (id)
WHERE version = %s ORDER BY id DESC LIMIT %s
"""


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    link, champion, since = None, "", time.time()
    while True:
        try:
            link = link or psycopg2.connect(os.environ["PG_URL"], connect_timeout=5)
            now, expected = present_champion()
            error = newest_error(link, now)
            if now != champion or error <= WORSE * expected:
                champion, since = now, time.time()
            elif time.time() - max(since, last_training()) > LASTING_S:
                log.info("version %s: RMSE %.1f, %.1f at its gate", now, error, expected)
                tell_hook()
                since = time.time()
        except psycopg2.Error as problem:
            log.warning("this round is left out: %s", problem)
            link = None
        except OSError as problem:
            log.warning("this round is left out: %s", problem)
        time.sleep(EVERY_S)


def newest_error(link, version: str) -> float:
    """RMSE of the newest labelled answers, without rows that cannot be; 0 while there are too few."""
    with link, link.cursor() as cursor:
        cursor.execute(NEWEST_SQL, (version, NEWEST))
        squares = [square for row, square in cursor if not (guard and guard.implausible(row))]
    return (sum(squares) / len(squares)) ** 0.5 if len(squares) > NEWEST / 2 else 0.0


def present_champion() -> tuple:
    """The champion and the error it had on rows it had not learned from."""
    query = urllib.parse.urlencode({"name": MODEL, "alias": "champion"})
    found = ask(f"{MLFLOW}/registered-models/alias?{query}")["model_version"]
    run = ask(f"{MLFLOW}/runs/get?run_id={found['run_id']}")["run"]
    metrics = {one["key"]: one["value"] for one in run["data"].get("metrics", [])}
    return found["version"], metrics.get("rmse", float("inf"))


def last_training() -> float:
    return os.stat(LAST).st_mtime if os.path.exists(LAST) else 0.0


def tell_hook() -> None:
    """A message in Alertmanager's form; it dates itself so that the worker finds enough new rows."""
    began = datetime.now(timezone.utc) - timedelta(seconds=30)
    alert = {
        "status": "firing",
        "labels": {"alertname": "FeatureDrift", "model": MODEL, "feature": "errors"},
        "startsAt": began.isoformat(),
        "fingerprint": f"errors-{int(began.timestamp())}",
    }
    log.info("hook: %s", ask(HOOK, {"status": "firing", "alerts": [alert]}))


def ask(url: str, body: "dict | None" = None):
    headers = {"Authorization": "Bearer " + os.environ["HOOK_KEY"]} if body else {}
    data = json.dumps(body).encode() if body else None
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=5) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
EOF

mkdir -p /srv/trainer/service/errors/log
cat >/srv/trainer/service/errors/run <<'EOF'
#!/bin/sh
exec 2>&1
cd /srv/trainer && exec python -m pipeline.errors
EOF
cat >/srv/trainer/service/errors/log/run <<'EOF'
#!/bin/sh
mkdir -p /srv/trainer/log/errors && exec svlogd -ttt /srv/trainer/log/errors
EOF
chmod +x /srv/trainer/service/errors/run /srv/trainer/service/errors/log/run

# runsvdir finds the new service within five seconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sv -w 20 restart errors && break
	sleep 1
done
