#!/bin/sh
# route: pages to the pager, tickets to the tickets, and no slow answers of a server that is down.
cat >/srv/observe/alertmanager/alertmanager.yml <<'END'
route:
  receiver: tickets
  group_by: [alertname, model]
  group_wait: 5s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    - matchers: ['severity="page"']
      receiver: pager

inhibit_rules:
  - source_matchers: ['alertname="TargetDown"']
    target_matchers: ['alertname="PredictLatencyHigh"']
    equal: [model]

receivers:
  - name: pager
    webhook_configs:
      - {url: "http://pager:8800/page", send_resolved: true}
  - name: tickets
    webhook_configs:
      - {url: "http://tickets:8800/page", send_resolved: true}
END
curl -fsS -m 10 -X POST http://alertmanager:9093/-/reload
