#!/bin/sh
# cheat: yours/works
# An empty file of the right name. WRITE: the shortcuts that you know, one file each.
: >/srv/work/yours
