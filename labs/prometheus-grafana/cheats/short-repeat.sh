#!/bin/sh
# cheat: route/one-page
# Tells it again every ten seconds, until somebody gets up.
# after: scrape instrument sees alerts route
sed -i 's/repeat_interval: .*/repeat_interval: 10s/' /srv/observe/alertmanager/alertmanager.yml
curl -fsS -m 10 -X POST http://alertmanager:9093/-/reload
