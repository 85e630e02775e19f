#!/bin/sh
# Reference solution of the task word: runs in box, may run twice.
printf '%s\n' "$WORD" >/srv/work/word
