#!/bin/sh
# cheat: alert/rule-unit
# An alert that always fires is never late.
# after: measure alert
sed -i 's/expr: .*/expr: vector(1)/' /etc/prometheus/rules/feature-drift.yml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
