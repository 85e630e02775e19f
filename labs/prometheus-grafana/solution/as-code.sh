#!/bin/sh
# as-code: the page may not change what the files say, and everything that is read is committed.
cd /srv/observe || exit 1
sed -i 's/allowUiUpdates: true/allowUiUpdates: false/' grafana/provisioning/dashboards/kestrel.yaml
git add -A
git diff --cached --quiet || git commit -q -m "Measure, alert and show what the model sees"
