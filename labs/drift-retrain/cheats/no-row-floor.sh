#!/bin/sh
# cheat: alert/rule-unit
# The rule believes a PSI of 80 rows.
# after: measure alert
sed -i 's/ and on() drift_window_rows >= 300//' /etc/prometheus/rules/feature-drift.yml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
