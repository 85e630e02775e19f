#!/usr/bin/python3
# Judges: the provisioning leads to six panels with Prometheus as their data source. Whether they ask
# anything, and what is answered, is judged by dashboards/move.
import argparse

from labkit.verdict import evidence, failed, passed

import boards

options = argparse.ArgumentParser()
options.add_argument("--grafana", help="URL of a running Grafana; else the captured files are read")

try:
    place = boards.place(options.parse_args().grafana)
    found = boards.by_intent(place.boards(), place.sources)
except boards.Broken as broken:
    failed(str(broken))
evidence(panels={intent: [panel.exprs for panel in panels] for intent, panels in found.items()})
passed()
