#!/bin/sh
# setup installs what is missing and only that, in one call, and says who may do it when the user may not.
. "$(dirname "$0")/../lib.sh"

# Stands for a program of the system: says what it was asked, then does as told.
stand_in() { # NAME BODY
	printf '#!/bin/sh\necho "%s $*" >>"%s/asked"\n%s\n' "$1" "$tmp" "$2" >"$tmp/bin/$1"
	chmod +x "$tmp/bin/$1"
}
setup() {
	rm -f "$tmp/asked"
	run env PATH="$tmp/bin:$PATH" scripts/setup "$@"
}

mkdir "$tmp/bin"
all_but() { # PACKAGE: all others are installed
	stand_in dpkg-query 'shift 3; for p; do [ "$p" = '"$1"' ] || echo "installed $p"; done'
}
stand_in apt-get 'exit 0'
stand_in id 'echo 0'

all_but nothing
setup build test
expect_status 0
expect_equal "calls when nothing is missing" '' "$(grep apt-get "$tmp/asked")"

all_but libyaml-dev
setup build test
expect_status 0
expect_err '^installing libyaml-dev$'
expect_equal "calls to install" 1 "$(grep -c 'apt-get .* install .* libyaml-dev$' "$tmp/asked")"

# Lists of packages that are out of date: once more with new ones.
stand_in apt-get 'case $* in *update*) touch "$0.fresh" ;; *) [ -e "$0.fresh" ] ;; esac'
setup
expect_status 0
expect_equal "what apt-get did last" 1 "$(tail -n 1 "$tmp/asked" | grep -c install)"

stand_in apt-get 'echo "E: no room" >&2; exit 100'
setup
expect_status 3
expect_err '^E: no room$'
expect_err 'apt-get could not install libyaml-dev'

stand_in id 'echo 1000'
stand_in sudo 'exit 1'
setup
expect_status 3
expect_err "run 'sudo apt-get install libyaml-dev'$"
expect_equal "calls of a user who may not" '' "$(grep apt-get "$tmp/asked")"

setup nonsense
expect_status 2
