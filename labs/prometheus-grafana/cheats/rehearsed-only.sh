#!/bin/sh
# cheat: alerts/fires
# Rules that pass every rehearsal, in a file that Prometheus does not read.
# after: scrape instrument sees alerts
cd /srv/observe/prometheus || exit 1
mv rules/serve.yml rules/serve.yaml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
