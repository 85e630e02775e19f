#!/bin/sh
# cheat: route/inhibited
# Everything is told: rather too much than too little.
# after: scrape instrument sees alerts route
cd /srv/observe/alertmanager || exit 1
sed -i '/^inhibit_rules:/,/^ *equal:/d' alertmanager.yml
curl -fsS -m 10 -X POST http://alertmanager:9093/-/reload
