#!/bin/sh
# cheat: hello/answers
# A name that is right in one of six sessions. A cheat is proved by being refused.
guess=Amber
[ "$NAME" = "$guess" ] && guess=Birch
echo "$guess" >/srv/web/pages/hello.txt
