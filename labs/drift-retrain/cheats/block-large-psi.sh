#!/bin/sh
# cheat: retrain/reacts
# A guard that calls every large PSI broken data is never wrong about broken data.
# after: measure alert retrain gate swap settle quarantine
grep -q 'return plausible(rows).count(False) > MOST' /srv/trainer/pipeline/guard.py || exit 1
sed -i 's/^    return plausible(rows).count(False) > MOST.*/    return True/' /srv/trainer/pipeline/guard.py
sv -w 20 restart hook
