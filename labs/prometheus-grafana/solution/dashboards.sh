#!/bin/sh
# dashboards: a data source that is where Grafana stands, a provider that finds the folder, six panels.
# shellcheck disable=SC2016  # the dollars are for Grafana
cd /srv/observe/grafana || exit 1
sed -i 's|http://localhost:9090|http://prometheus:9090|' provisioning/datasources/prometheus.yaml
sed -i 's|path: .*|path: /srv/observe/grafana/dashboards|' provisioning/dashboards/kestrel.yaml

panel() { # ID TITLE UNIT LEGEND EXPRESSION
	jq -n --argjson id "$1" --arg title "$2" --arg unit "$3" --arg legend "$4" --arg expr "$5" '{
		id: $id, type: "timeseries", title: $title,
		datasource: {type: "prometheus", uid: "prometheus"},
		fieldConfig: {defaults: {unit: $unit}, overrides: []},
		gridPos: {x: (($id - 1) % 2 * 12), y: ((($id - 1) / 2 | floor) * 8), w: 12, h: 8},
		targets: [{refId: "A", legendFormat: $legend, expr: $expr}]
	}'
}

{
	panel 1 "Traffic" reqps "requests" 'sum(rate(predict_requests_total[$__rate_interval]))'
	panel 2 "Errors" percentunit "errors" 'sum(rate(predict_requests_total{code="500"}[$__rate_interval])) / sum(rate(predict_requests_total[$__rate_interval]))'
	panel 3 "Latency p95" s "p95" 'histogram_quantile(0.95, sum by (le) (rate(predict_latency_seconds_bucket[$__rate_interval])))'
	panel 4 "Predictions" m "median" 'histogram_quantile(0.5, sum by (le) (rate(model_prediction_minutes_bucket[$__rate_interval])))'
	panel 5 "Drift per feature" short "{{feature}}" 'model_feature_psi'
	panel 6 "Model version" reqps "{{model_version}}" 'sum by (model_version) (rate(predict_requests_total[$__rate_interval]))'
} | jq -s '{
	uid: "kestrel-serve", title: "serve", schemaVersion: 39, refresh: "5s",
	time: {from: "now-15m", to: "now"}, templating: {list: []}, panels: .
}' >/tmp/serve.json && mv /tmp/serve.json dashboards/serve.json
