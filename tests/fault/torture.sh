#!/bin/sh
# labd killed, and its engine broken, at a sample of all points; nothing is lost or left.  time limit: 240 s
. "$(dirname "$0")/../lib.sh"

"$BUILD/torture" --every 16
