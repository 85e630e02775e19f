#!/bin/sh
# cheat: instrument/cardinality
# Keeps the label with which every request can be found again.
# after: scrape instrument
cd /srv/serve || exit 1
sed -i -e 's/"model_version"\]/"model_version", "request_id"]/' \
	-e 's/requests.labels(str(code), kestrel.model.version)/requests.labels(str(code), kestrel.model.version, str(started))/' app.py
