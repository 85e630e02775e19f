#!/bin/sh
# Reference solution of the task hello: runs in web, may run twice.
echo "$NAME" >/srv/web/pages/hello.txt
