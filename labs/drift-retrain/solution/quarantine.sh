#!/bin/sh
# quarantine: a guard counts rows that cannot be, says so, keeps them out of the measure and stops a
# training that would learn from them.
cat >/srv/trainer/pipeline/guard.py <<'EOF'
"""guard: broken data is not drift.

A row is implausible when a value is negative, missing (but for the weight) or more than ten times
what last month's rows ever had; a real drift does not reach five times. More than two rows in a
hundred mean that the data is broken. As a program it shows the share of the newest rows on
trainer:8001/metrics. runit runs it: see service/guard.
"""

import csv
import logging
import math
import os
import time

import psycopg2

PORT = 8001
EVERY_S = 2
NEWEST = 200  # about ten seconds: the signal ends soon after the fault
FACTOR = 10
MOST = 0.02
WEIGHT = 2  # its place among the features; some requests come without


def _limits() -> dict:
    with open("/srv/trainer/reference.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "minutes"]
    return {name: FACTOR * max(float(row[name]) for row in rows) for name in names}


LIMITS = _limits()
OPTIONAL = list(LIMITS)[WEIGHT]


def implausible(features: dict) -> bool:
    for name, limit in LIMITS.items():
        value = features.get(name)
        if value is None or math.isnan(value):
            if name != OPTIONAL:
                return True
        elif not 0 <= value <= limit:
            return True
    return False


def plausible(rows) -> list:
    """For each row of a table: whether it may be measured and learned from."""
    return [not implausible(row) for row in rows[list(LIMITS)].to_dict("records")]


def broken(rows) -> bool:
    """Whether too many rows of a table are implausible to learn from any of them."""
    return plausible(rows).count(False) > MOST * len(rows)


def newest_share(link) -> float:
    with link, link.cursor() as cursor:
        cursor.execute("SELECT features FROM requests ORDER BY id DESC LIMIT %s", (NEWEST,))
        rows = [features for (features,) in cursor]
    return sum(map(implausible, rows)) / max(len(rows), 1)


def main() -> None:
    from prometheus_client import Gauge, start_http_server

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    share = Gauge("implausible_share", "share of the newest requests that cannot be true")
    start_http_server(PORT)
    link = None
    while True:
        try:
            link = link or psycopg2.connect(os.environ["PG_URL"], connect_timeout=5)
            share.set(newest_share(link))
        except psycopg2.Error as error:
            logging.warning("this round is left out: %s", error)
            link = None
        time.sleep(EVERY_S)


if __name__ == "__main__":
    main()
EOF

mkdir -p /srv/trainer/service/guard/log
cat >/srv/trainer/service/guard/run <<'EOF'
#!/bin/sh
exec 2>&1
cd /srv/trainer && exec python -m pipeline.guard
EOF
cat >/srv/trainer/service/guard/log/run <<'EOF'
#!/bin/sh
mkdir -p /srv/trainer/log/guard && exec svlogd -ttt /srv/trainer/log/guard
EOF
chmod +x /srv/trainer/service/guard/run /srv/trainer/service/guard/log/run

cat >/etc/prometheus/rules/data-quality.yml <<'EOF'
groups:
  - name: data-quality
    rules:
      - alert: DataQuality
        expr: implausible_share > 0.02
        for: 10s
        labels: {model: eta, severity: page}
        annotations: {summary: "{{ $value | humanizePercentage }} of the newest requests cannot be true"}
EOF
config=/etc/prometheus/prometheus.yml
grep -q 'job_name: guard' "$config" || cat >>"$config" <<'EOF'
  - job_name: guard
    static_configs: [{targets: ["trainer:8001"]}]
EOF
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload || exit 1

# runsvdir finds the new service within five seconds.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	sv -w 20 restart guard && break
	sleep 1
done
for service in exporter hook; do
	[ -e /srv/trainer/service/$service/down ] || sv -w 20 restart $service
done
