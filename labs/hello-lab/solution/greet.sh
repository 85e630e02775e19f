#!/bin/sh
# Reference solution of the task greet: runs in hello, may run twice.
cat >/srv/hello/greet <<'END'
#!/bin/sh
# greet NAME: answers GET /greet/NAME.
printf '%s, %s!\n' "$GREETING" "$1"
END
chmod +x /srv/hello/greet
