#!/bin/sh
# cheat: greet/script
# Writes a greeting into the file, and takes the bit away that makes it a program.
echo 'Hello!' >/srv/hello/greet
chmod a-x /srv/hello/greet
