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

# Where process 1 reaps none, an orphan that has ended stays a zombie: of its threads one is left.
has_ended() { # PID
	case $(cat "/proc/$1/status" 2>/dev/null) in
	'' | *State:?Z*Threads:?1[!0-9]*) ;;
	*) return 1 ;;
	esac
}

# --- leaving nothing behind --------------------------------------------------------------------

# What was started with this test's state folder and still runs.
processes() (
	state=$XDG_STATE_HOME
	unset XDG_STATE_HOME
	grep -lz "^XDG_STATE_HOME=$state\$" /proc/[0-9]*/environ 2>/dev/null | sed 's|^/proc/\([0-9]*\)/.*|\1|'
)

stop_processes() {
	for signal in TERM KILL; do
		for _ in $(seq 50); do
			pids=$(processes)
			[ -n "$pids" ] || return 0
			# shellcheck disable=SC2086 # a list of pids
			kill "-$signal" $pids 2>/dev/null
			sleep 0.1
		done
	done
}

# Paths of the API of what carries the label of this test's installation.
objects() {
	filter="filters=%7B%22label%22%3A%5B%22labd.install%3D$install%22%5D%7D"
	engine_api GET "/containers/json?all=1&$filter" | grep -o '"Id":"[^"]*"' | sed 's|.*:"\(.*\)"|/containers/\1?force=1\&v=1|'
	engine_api GET "/networks?$filter" | grep -o '"Id":"[^"]*"' | sed 's|.*:"\(.*\)"|/networks/\1|'
	engine_api GET "/volumes?$filter" | grep -o '"Name":"[^"]*"' | sed 's|.*:"\(.*\)"|/volumes/\1|'
}

leave() { # STATUS
	trap - EXIT INT TERM
	set +e
	result=$1
	install=$(cat "$XDG_STATE_HOME/labyard/install" 2>/dev/null)
	[ -z "$install" ] || timeout 60 lab stop --all --discard --yes >"$tmp/out" 2>"$tmp/err"
	stop_processes
	if [ -n "$install" ] && [ -n "${ENGINE:-}" ]; then
		left=$(objects)
		if [ -n "$left" ]; then
			printf 'FAIL: left in the engine after "lab stop --all --discard":\n%s\n' "$left" >&2
			sed 's/^/lab stop: /' "$tmp/out" "$tmp/err" >&2
			[ "$result" != 0 ] || result=1
			for object in $left; do engine_api DELETE "$object" -o /dev/null; done
		fi
	fi
	if [ "$result" != 0 ] && [ "$result" != 77 ]; then
		tail -n 30 "$XDG_STATE_HOME"/labyard/*.log >&2 2>/dev/null
	fi
	rm -rf "$tmp"
	exit "$result"
}
