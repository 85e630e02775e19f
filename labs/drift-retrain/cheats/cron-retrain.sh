#!/bin/sh
# cheat: retrain/not-when-quiet
# A training every 80 s catches every drift, and everything else.
# after: measure alert retrain gate swap settle
cat >/srv/trainer/pipeline/cron.py <<'EOF'
import time

from pipeline.common import FEATURES, labelled_rows
from train import train

while True:
    rows = labelled_rows(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 60)))
    if len(rows) > 400:
        train(rows[[*FEATURES, "minutes"]], {"trigger": "drift"})
    time.sleep(80)
EOF
mkdir -p /srv/trainer/service/cron
printf '#!/bin/sh\ncd /srv/trainer && exec python -m pipeline.cron\n' >/srv/trainer/service/cron/run
chmod +x /srv/trainer/service/cron/run
