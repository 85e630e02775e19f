#!/bin/sh
# cheat: yours/answers
# An empty page at the right address. WRITE: the shortcuts that you know, one file each.
# after: hello
: >/srv/web/pages/yours
