#!/bin/sh
# cheat: alerts/rehearsal
# Alerts that always fire are never late.
# after: scrape instrument sees alerts
sed -i 's/^        expr: job:.*/        expr: vector(1)/' /srv/observe/prometheus/rules/serve.yml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
