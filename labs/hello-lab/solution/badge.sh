#!/bin/sh
# Reference solution of the task badge: runs in hello, may run twice.
umask 077
printf '%s\n' "$BADGE" >/srv/hello/badge
