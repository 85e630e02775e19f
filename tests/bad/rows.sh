# Sourced by the tests of this folder: rows that are reported one by one, labs made from one template, and what must not be left.
# shellcheck shell=sh
#
#	. "$(dirname "$0")/rows.sh"
#	engine_fake                 # or requires_engine
#	it_is_refused() {
#		make_lab some-lab
#		run lab start some-lab
#		expect_status 8
#		nothing_left
#	}
#	row "a lab that is wrong" it_is_refused
#	rows_end
#
# Each row begins and ends without a session; the daemon lives through all of them.

# shellcheck source=../lib.sh
. "$(dirname "$0")/../lib.sh"

labs=$tmp/labs state=$XDG_STATE_HOME/labyard socket=$XDG_RUNTIME_DIR/labyard/labd.sock
TMPDIR=$tmp/tmp
export TMPDIR
mkdir "$labs" "$TMPDIR" "$XDG_CONFIG_HOME/labyard"
echo "labs = $labs" >"$XDG_CONFIG_HOME/labyard/labd.conf"
rows=0

# For 'eventually': an expectation that does not hold yet is no failure.
holds() (
	"$@"
)

# Runs one row in a shell of its own, and reports it in TAP.
row() { # NAME FUNCTION...
	rows=$((rows + 1)) name=$1
	shift
	set +e
	(
		set -e
		"$@"
	) >"$tmp/row" 2>&1 # not in a condition: 'set -e' would not hold there
	result=$?
	set -e
	case $result in
	0) echo "ok $rows - $name" ;;
	77) echo "ok $rows - $name # SKIP $(tail -n 1 "$tmp/row")" ;;
	*)
		sed 's/^/# /' "$tmp/row"
		echo "not ok $rows - $name"
		lab stop --all --discard --yes >/dev/null 2>&1 </dev/null || :
		;;
	esac
}

rows_end() {
	echo "1..$rows"
	[ ! -e "$tmp/engine.pid" ] || unset ENGINE # it ends with this test, and all it has with it
}

# --- engines ---------------------------------------------------------------------------------

# A fake engine of this test's own with what tests/fake/fakeengine.h calls a plan, in the place of
# the one before. It has the image of every lab. The daemon is a new one, too: it knows nothing.
engine_fake() { # [PLAN-LINE...]
	daemon_ends
	engine_back "$@"
}

# The same under a daemon that stays.
engine_back() { # [PLAN-LINE...]
	engine_gone
	printf '%s\n' 'image name=debian:12-slim' "$@" >"$tmp/plan"
	"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" --plan "$tmp/plan" >"$tmp/engine.out" 2>&1 &
	echo $! >"$tmp/engine.pid"
	ENGINE=unix://$tmp/engine.sock
	export DOCKER_HOST="$ENGINE"
	eventually 10 grep -q ready "$tmp/engine.out"
}

engine_gone() {
	[ -e "$tmp/engine.pid" ] || return 0
	kill -KILL "$(cat "$tmp/engine.pid")" 2>/dev/null || :
	eventually 10 has_ended "$(cat "$tmp/engine.pid")"
	rm -f "$tmp/engine.pid" "$tmp/engine.sock" "$tmp/engine.out"
}

# --- the daemon ------------------------------------------------------------------------------

# pids of the daemons of this test
daemons() {
	for pid in $(processes); do
		case $(readlink "/proc/$pid/exe") in */labd) echo "$pid" ;; esac
	done
}

ask() { # PATH [CURL-OPTION...]
	path=$1
	shift
	curl -sS --max-time 20 --unix-socket "$socket" "$@" "http://localhost$path"
}

says() { # PATH EXTENDED-REGEX
	ask "$1" | grep -Eq -e "$2"
}

no_daemon() {
	[ -z "$(daemons)" ]
}

daemon_ends() {
	# shellcheck disable=SC2046 # a list of pids
	[ -z "$(daemons)" ] || kill $(daemons)
	eventually 20 no_daemon
}

daemon_lives() {
	expect_equal "/healthz" ok "$(ask /healthz)"
}

# --- labs ------------------------------------------------------------------------------------

# A lab of one learner's service 'box', a grading service 'judge' and one check, checks/seen.sh,
# which passes. The last argument is a line for its session in lab.yaml, like "startup_timeout: 5s".
make_lab() { # SLUG [SESSION-KEY]
	lab=$labs/$1
	mkdir -p "$lab/checks" "$lab/solution" "$lab/tasks"
	echo "# $1" >"$lab/README.md"
	echo "Be there." >"$lab/tasks/01-be.md"
	printf '#!/bin/sh\n: be\n' >"$lab/solution/be.sh"
	printf '#!/bin/sh\nexit 0\n' >"$lab/checks/seen.sh"
	chmod +x "$lab/checks/seen.sh" "$lab/solution/be.sh"
	cat >"$lab/lab.yaml" <<-END
		format: 1
		slug: $1
		title: A lab that goes wrong
		summary: One service, one check, and whatever a test breaks of it.
		version: 1.0.0
		level: foundation
		paths: [tests]
		minutes: 5
		authors: [The Labyard authors]
		licence: Apache-2.0
		session:
		  cpu: 1
		  memory: 128MiB
		  disk: 64MiB
		  expires: 1h
		  ${2:-startup_timeout: 60s}
		entry: {service: box}
		tasks:
		  - id: be
		    title: Be there
		    points: 100
		    checks:
		      - {id: seen, vantage: neighbour, run: [seen.sh], timeout: 3s, fail: "Nothing was seen in the lab."}
		grading: {mode: practice, pass_mark: 70, budget: 60s, by: judge}
	END
	cat >"$lab/compose.yaml" <<-END
		name: $1
		networks:
		  net: {}
		services:
		  box:
		    image: debian:12-slim
		    command: [sleep, infinity]
		    networks: [net]
		    stop_grace_period: 0s
		    cpus: 0.5
		    mem_limit: 32m
		    pids_limit: 64
		    x-lab: {role: learner}
		  judge:
		    image: debian:12-slim
		    command: [sleep, infinity]
		    networks: [net]
		    stop_grace_period: 0s
		    cpus: 0.5
		    mem_limit: 64m
		    pids_limit: 64
		    x-lab: {role: hidden, start: check}
	END
}

# 100 000 opening brackets, and as many that close.
brackets() { # [COUNT]
	awk -v n="${1:-100000}" 'BEGIN { for (i = 0; i < n; i++) printf "["; for (i = 0; i < n; i++) printf "]" }'
}

# --- what must not be left -------------------------------------------------------------------

# No session, nothing with our label in the engine, no process but the daemon, no temporary file.
one_copy() { # of definitions: the last one stays
	[ "$(find "$state/labs" -mindepth 1 -maxdepth 1 2>/dev/null | wc -l)" -le 1 ]
}

nothing_left() {
	run lab status -o name
	expect_equal "sessions" "" "$(cat "$tmp/out")"
	install=$(cat "$state/install")
	expect_equal "left in the engine" "" "$(objects)"
	running=$(processes)
	expect_equal "daemons" 1 "$(daemons | wc -l)"
	expect_equal "processes" "$(daemons)" "$(echo "$running" | grep -vxF "$(cat "$tmp/engine.pid" 2>/dev/null || echo none)")"
	expect_equal "temporary files" "" "$(ls -A "$TMPDIR")"
	eventually 5 one_copy
	expect_equal "left in the state folder" "" \
		"$(find "$state" -name '*.tmp' -o -name '*.part')"
}

# The same, once the session that a row got as far as is discarded.
discard() {
	run lab stop --all --discard --yes
	expect_status 0
	nothing_left
}
