#!/bin/sh
# cheat: swap/same-process
# serve ends when the alias moves, and loads the new champion at its next start.
# after: measure alert retrain gate swap settle
grep -q '        challenger = load(version)' /srv/serve/follow.py || exit 1
sed -i 's/^        challenger = load(version)/        __import__("os").kill(1, 15)/' /srv/serve/follow.py
