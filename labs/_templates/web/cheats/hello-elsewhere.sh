#!/bin/sh
# cheat: hello/survives
# Serves the page from a folder of the container: right until somebody replaces it.
mkdir -p /tmp/pages
echo "$NAME" >/tmp/pages/hello.txt
cd /srv/web || exit 1
sed -i 's,root /srv/web/pages,root /tmp/pages,' nginx.conf
nginx -c /srv/web/nginx.conf -s reload
