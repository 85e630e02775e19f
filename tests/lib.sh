# Sourced by the test scripts: a home of the test's own, what to expect, and leaving nothing behind.
# shellcheck shell=sh
#
#	#!/bin/sh
#	# One sentence: what this test proves.  time limit: 60 s
#	. "$(dirname "$0")/../lib.sh"
#	requires_engine
#	run lab catalog
#	expect_status 0
#	expect_out '^hello-lab '
#
# 'run' keeps what a command wrote in $tmp/out and $tmp/err and its exit code in $status. The first
# expectation that does not hold ends the test and shows all three. 'lab' and 'labd' are those just
# built; state, cache, configuration and runtime folder lie below $tmp. At the end sessions are
# discarded, labd is stopped, and an object that is still in the engine makes the test fail.
set -eu

# shellcheck source=../scripts/common.sh
. "$(dirname "$0")/../../scripts/common.sh"
TOP=$(cd "$(dirname "$0")/../.." && pwd)
cd "$TOP"
BUILD=${BUILD:-build/asan}
PATH=$TOP/$BUILD:$PATH
user_home=$HOME
tmp=$(mktemp -d "${TMPDIR:-/tmp}/labyard-test.XXXXXX")
HOME=$tmp/home
XDG_CONFIG_HOME=$tmp/config XDG_STATE_HOME=$tmp/state XDG_CACHE_HOME=$tmp/cache XDG_RUNTIME_DIR=$tmp/run
export BUILD PATH HOME XDG_CONFIG_HOME XDG_STATE_HOME XDG_CACHE_HOME XDG_RUNTIME_DIR
mkdir "$HOME" "$XDG_CONFIG_HOME" "$XDG_STATE_HOME" "$XDG_CACHE_HOME" "$XDG_RUNTIME_DIR"
chmod 700 "$XDG_RUNTIME_DIR"
trap 'leave $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

skip() { # REASON
	echo "$*" >&2
	exit 77
}

# The engine that scripts/run-tests chose; for a test run by hand, the one that answers.
requires_engine() {
	[ -z "${NO_ENGINE:-}" ] || skip "$NO_ENGINE"
	if ! HOME=$user_home engine_find; then
		skip "no Docker Engine answers: run 'scripts/engine'"
	fi
	export DOCKER_HOST="$ENGINE"
}

# --- expectations ----------------------------------------------------------------------------

run() { # COMMAND...
	command=$* status=0
	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null || status=$?
}

fail() { # MESSAGE
	{
		echo "FAIL: $*"
		if [ -n "${command:-}" ]; then
			echo "after: $command"
			echo "status: $status"
			sed 's/^/stdout: /' "$tmp/out"
			sed 's/^/stderr: /' "$tmp/err"
		fi
	} >&2
	exit 1
}

expect_status() { # CODE
	[ "$status" = "$1" ] || fail "expected exit code $1"
}

expect_out() { # EXTENDED-REGEX
	grep -Eq -e "$1" "$tmp/out" || fail "expected '$1' on stdout"
}

expect_err() { # EXTENDED-REGEX
	grep -Eq -e "$1" "$tmp/err" || fail "expected '$1' on stderr"
}

expect_no_out() { # EXTENDED-REGEX
	! grep -Eq -e "$1" "$tmp/out" || fail "did not expect '$1' on stdout"
}

expect_equal() { # WHAT EXPECTED ACTUAL
	[ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"
}

# Waits until a command succeeds; a condition that never comes is a failure.
eventually() { # SECONDS COMMAND...
	deadline=$(($(date +%s) + $1))
	limit=$1
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(date +%s)" -lt "$deadline" ] || fail "not within $limit seconds: $*"
		sleep 0.1
	done
}

# --- leaving ---------------------------------------------------------------------------------

# Processes that were started with this test's state folder.
processes() {
	grep -lz "^XDG_STATE_HOME=$XDG_STATE_HOME\$" /proc/[0-9]*/environ 2>/dev/null |
		sed 's|/proc/\([0-9]*\)/.*|\1|'
}

quiet() {
	[ -z "$(processes)" ]
}

leave() { # STATUS
	trap - EXIT
	code=$1
	rm -rf "$tmp"
	exit "$code"
}
