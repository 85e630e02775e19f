#!/bin/sh
# alert: a rule that waits and counts its rows, and a route to the hook and to the pager.
cat >/etc/prometheus/rules/feature-drift.yml <<'EOF'
groups:
  - name: eta
    rules:
      - alert: FeatureDrift
        expr: feature_psi > 0.2 and on() drift_window_rows >= 300
        for: 15s
        labels: {model: eta, severity: page}
        annotations:
          summary: "{{ $labels.feature }} is not what the champion learned (PSI {{ $value | humanize }})"
EOF
cat >/etc/alertmanager/alertmanager.yml <<EOF
route:
  receiver: pager
  group_by: [alertname, model]
  group_wait: 5s
  group_interval: 10s
  repeat_interval: 4h
  routes:
    - matchers: ['alertname="FeatureDrift"']
      receiver: loop

receivers:
  - name: pager
    webhook_configs:
      - {url: "http://pager:8800/page", send_resolved: true}
  - name: loop
    webhook_configs:
      - {url: "http://pager:8800/page", send_resolved: true}
      - url: http://trainer:$HOOK_PORT/hook
        send_resolved: false
        http_config: {authorization: {credentials: $HOOK_KEY}}
EOF
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload &&
	curl -fsS -m 10 -X POST http://alertmanager:9093/-/reload
