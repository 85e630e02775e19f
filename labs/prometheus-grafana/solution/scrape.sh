#!/bin/sh
# scrape: the right port and path, every five seconds, and a job for Alertmanager.
config=/srv/observe/prometheus/prometheus.yml
sed -i -e 's/_interval: 60s/_interval: 5s/' -e '/metrics_path:/d' -e 's/serve:8081/serve:8080/' "$config"
grep -q 'job_name: alertmanager' "$config" || cat >>"$config" <<'END'

  - job_name: alertmanager
    static_configs: [{targets: ["alertmanager:9093"]}]
END
curl -fsS -m 10 -X POST http://prometheus:9090/-/reload
