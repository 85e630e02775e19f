#!/bin/sh
# Writes the file.
echo "done" >/srv/work/answer
