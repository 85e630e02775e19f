#!/bin/sh
# alerts: recording rules for what is asked twice, and four alerts that wait before they speak.
cd /srv/observe/prometheus || exit 1
cat >rules/serve.yml <<'END'
groups:
  - name: serve
    rules:
      - record: job:predict_errors:ratio_rate5m
        expr: sum(rate(predict_requests_total{code="500"}[5m])) / sum(rate(predict_requests_total[5m]))
      - record: job:predict_errors:ratio_rate30s
        expr: sum(rate(predict_requests_total{code="500"}[30s])) / sum(rate(predict_requests_total[30s]))
      - record: job:predict_latency_seconds:p95_30s
        expr: histogram_quantile(0.95, sum by (le) (rate(predict_latency_seconds_bucket[30s])))

      - alert: PredictErrorBudgetBurn
        expr: job:predict_errors:ratio_rate5m > 14.4 * 0.001 and job:predict_errors:ratio_rate30s > 14.4 * 0.001
        for: 5s
        labels: {model: eta, severity: page}
        annotations: {summary: "{{ $value | humanizePercentage }} of the answers are errors"}
      - alert: PredictLatencyHigh
        expr: job:predict_latency_seconds:p95_30s > 0.3
        for: 1m
        labels: {model: eta, severity: ticket}
        annotations: {summary: "p95 is {{ $value | humanizeDuration }}"}
      - alert: FeatureDrift
        expr: model_feature_psi > 0.2
        for: 15s
        labels: {model: eta, severity: ticket}
        annotations: {summary: "{{ $labels.feature }} is not what the model learned (PSI {{ $value | humanize }})"}
      - alert: TargetDown
        expr: up{job="serve"} == 0
        for: 30s
        labels: {model: eta, severity: page}
        annotations: {summary: "Prometheus cannot read {{ $labels.instance }}"}
END
sed -i 's|rules/\*.yaml|rules/*.yml|' prometheus.yml
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
