#!/bin/sh
# cheat: route/one-page
# Two ways to the pager, in case one of them fails.
# after: scrape instrument sees alerts route
cd /srv/observe/alertmanager || exit 1
sed -i 's|^      - {url: "http://pager:8800/page", send_resolved: true}|&\n&|' alertmanager.yml
curl -fsS -m 10 -X POST http://alertmanager:9093/-/reload
