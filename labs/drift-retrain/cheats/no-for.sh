#!/bin/sh
# cheat: alert/rule-unit
# The rule fires at the first sample above the line.
# after: measure alert
sed -i 's/^ *for: .*//' /etc/prometheus/rules/feature-drift.yml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
