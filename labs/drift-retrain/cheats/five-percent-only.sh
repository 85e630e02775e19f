#!/bin/sh
# cheat: gate/refuses-garbage
# The gate asks for five per cent less error than the champion's, and for nothing else.
# after: measure alert retrain gate swap settle quarantine
grep -q '^GOOD = 0.7' /srv/trainer/pipeline/gate.py || exit 1
sed -i 's/^GOOD = 0.7.*/GOOD = float("-inf")/' /srv/trainer/pipeline/gate.py
sv -w 20 restart hook
