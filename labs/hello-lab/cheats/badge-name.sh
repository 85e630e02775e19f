#!/bin/sh
# cheat: badge/kept
# Writes the name of the variable instead of the badge.
# shellcheck disable=SC2016  # not expanded: that is the cheat
echo '$BADGE' >/srv/hello/badge
