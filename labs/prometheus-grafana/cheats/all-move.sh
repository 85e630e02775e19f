#!/bin/sh
# cheat: sees/others-quiet
# The largest PSI, shown for every feature.
# after: scrape sees
sed -i 's/family.add_metric(.*/family.add_metric([name], max(psi(*reference[one], list(windows[one])) for one in windows))/' /srv/serve/sight.py
