#!/bin/sh
# cheat: visits/steady
# Counts well, but starts the whole service anew before it answers the first question.
# after: greet visits
cd /srv/hello || exit 1
sed -i '1a [ -e rested ] || { touch rested; kill -TERM 1; sleep 5; exit 1; }' visits
rm -f rested
