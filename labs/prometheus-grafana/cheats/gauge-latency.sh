#!/bin/sh
# cheat: instrument/p95
# A gauge of what the last answer took.
# after: scrape instrument
cd /srv/serve || exit 1
sed -i -e 's/^latency = Histogram(/latency = Gauge(/' -e '/^    buckets=/d' -e 's/latency.observe(/latency.set(/' \
	-e 's/Counter, Histogram/Counter, Gauge/' app.py
