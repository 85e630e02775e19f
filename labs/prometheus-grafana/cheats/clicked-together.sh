#!/bin/sh
# cheat: dashboards/found
# A dashboard that somebody clicked together, and its export beside the files that are read.
# after: scrape instrument sees dashboards
cd /srv/observe/grafana || exit 1
mv dashboards/serve.json export.json
if curl -fsS -m 5 http://grafana:3000/api/health >/dev/null 2>&1; then
	jq '{dashboard: (.id = null | .uid = null), overwrite: true}' export.json |
		curl -fsS -m 10 -H 'Content-Type: application/json' -d @- http://grafana:3000/api/dashboards/db
fi
