#!/bin/sh
# rollback: for a minute after every change of the alias the labelled errors are watched; when they
# more than double, the version before is champion again.
cat >/srv/trainer/pipeline/watch.py <<'EOF'
"""watch: takes a champion back whose first minute is bad, whoever promoted it.

runit runs it: see service/watch.
"""

import json
import logging
import os
import time
import urllib.parse
import urllib.request

import psycopg2

MODEL = "eta"
EVERY_S = 2
MINUTE_S = 60  # not longer: an honest drift doubles the errors too
BEFORE = 200  # labelled answers before the change
AFTER = 100  # labelled answers of the new version
WORSE = 2.0

log = logging.getLogger("watch")

BEFORE_SQL = """
SELECT sqrt(avg(power(prediction - minutes, 2))) FROM
    (SELECT prediction, minutes FROM requests JOIN labels USING (id)
     WHERE version = %s ORDER BY id DESC LIMIT %s) newest
"""
AFTER_SQL = """
SELECT count(*), sqrt(avg(power(prediction - minutes, 2))) FROM
    (SELECT prediction, minutes FROM requests JOIN labels USING (id)
     WHERE version = %s AND requests.ts > %s ORDER BY id DESC LIMIT %s) newest
"""


class Trial:
    """The first minute of a champion."""

    def __init__(self, ask, old: str, new: str):
        self.old, self.new = old, new
        (self.since,) = ask("SELECT now()")
        (self.before,) = ask(BEFORE_SQL, old, BEFORE)
        self.end = time.monotonic() + MINUTE_S

    def over(self) -> bool:
        return self.before is None or time.monotonic() > self.end

    def verdict(self, ask) -> str:
        """Why the new champion has to go; empty while there is no reason."""
        count, after = ask(AFTER_SQL, self.new, self.since, AFTER)
        if count < AFTER or after <= WORSE * self.before:
            return ""
        return f"RMSE {after:.1f} after {self.before:.1f}"


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    link, champion, trial = None, None, None

    def ask(sql: str, *args):
        with link, link.cursor() as cursor:
            cursor.execute(sql, args)
            return cursor.fetchone()

    while True:
        try:
            link = link or psycopg2.connect(os.environ["PG_URL"], connect_timeout=5)
            now = present_champion()
            if now != champion:
                trial = Trial(ask, champion, now) if champion else None
                champion = now
            if trial and trial.over():
                trial = None
            reason = trial.verdict(ask) if trial else ""
            if reason:
                log.info("version %s goes, version %s comes back: %s", trial.new, trial.old, reason)
                take_back(trial.old, trial.new, reason)
                champion, trial = trial.old, None
        except psycopg2.Error as error:
            log.warning("this round is left out: %s", error)
            link = None
        except OSError as error:
            log.warning("this round is left out: %s", error)
        time.sleep(EVERY_S)


def take_back(old: str, new: str, reason: str) -> None:
    registry("POST", "registered-models/alias", {"name": MODEL, "alias": "champion", "version": old})
    tag = {"name": MODEL, "version": new, "key": "rolled_back", "value": reason}
    registry("POST", "model-versions/set-tag", tag)


def present_champion() -> str:
    query = urllib.parse.urlencode({"name": MODEL, "alias": "champion"})
    return registry("GET", f"registered-models/alias?{query}")["model_version"]["version"]


def registry(method: str, call: str, body: "dict | None" = None) -> dict:
    """One call of MLflow's own HTTP interface: its Python client would need ten times the memory."""
    request = urllib.request.Request(
        f"{os.environ['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/{call}",
        data=json.dumps(body).encode() if body else None,
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.load(answer)


if __name__ == "__main__":
    main()
EOF

mkdir -p /srv/trainer/service/watch/log
cat >/srv/trainer/service/watch/run <<'EOF'
#!/bin/sh
exec 2>&1
cd /srv/trainer && exec python -m pipeline.watch
EOF
cat >/srv/trainer/service/watch/log/run <<'EOF'
#!/bin/sh
mkdir -p /srv/trainer/log/watch && exec svlogd -ttt /srv/trainer/log/watch
EOF
chmod +x /srv/trainer/service/watch/run /srv/trainer/service/watch/log/run

# runsvdir finds the new service within five seconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sv -w 20 restart watch && break
	sleep 1
done
