#!/bin/sh
# Reference solution of the task visits: runs in hello after that of greet, may run twice.
cd /srv/hello || exit 1
# shellcheck disable=SC2016  # $1 is the argument of greet
grep -q visitors greet || sed -i '1a echo "$1" >>visitors' greet
cat >visits <<'END'
#!/bin/sh
# visits NAME: answers GET /visits/NAME. Each visit is one line, and short appends are never mixed.
grep -cx -- "$1" visitors || true
END
chmod +x visits
