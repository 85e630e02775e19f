#!/bin/sh
# cheat: as-code/equal
# One more change after the commit, and a commit afterwards, of another file.
# after: scrape instrument sees dashboards as-code
cd /srv/observe || exit 1
sed -i 's/"title": "serve"/"title": "serve, improved"/' grafana/dashboards/serve.json
echo "done" >notes.txt
git add notes.txt
git commit -q -m "Everything is committed"
