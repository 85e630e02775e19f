#!/bin/sh
# cheat: word/written
# Writes the name of the variable instead of the word. A cheat is proved by being refused.
# shellcheck disable=SC2016  # not expanded: that is the cheat
echo '$WORD' >/srv/work/word
