#!/bin/sh
# An engine that is not there, says no, dies in the middle or loses its answer: one clear end, and nothing is left in it.  time limit: 100 s
# shellcheck disable=SC2119 # a fake engine may have no plan
. "$(dirname "$0")/rows.sh"
make_lab good
make_lab short 'startup_timeout: 5s'

no_engine() { # URL WHAT
	export DOCKER_HOST="$1"
	run lab start good
	expect_status 4
	expect_err "^lab: error\[4\]: .*$2"
	expect_err '^  start the engine, or name one with --engine or DOCKER_HOST'
	expect_err "^  'lab doctor' says what was tried"
	run lab status
	expect_status 0
	expect_err 'no lab is started'
	run lab doctor
	expect_status 1
	expect_out '^engine +FAIL'
	[ "$(processes)" = "$(daemons)" ] || fail "something runs beside the daemon"
	daemon_ends
}

# A start that goes wrong says why and what to do, and is one step away from having left nothing.
refuses() { # PLAN-LINE EXTENDED-REGEX
	engine_fake "$1"
	run lab start good
	expect_status "${3:-4}"
	expect_err "^lab: error\[${3:-4}\]: 'good-[a-z0-9]+' is failed: .*$2"
	expect_err "^  'lab stop --discard good-[a-z0-9]+' removes it"
	run lab status
	expect_out '^good-[a-z0-9]+ +failed '
	daemon_lives
	discard
}

missing_image() {
	engine_fake
	make_lab missing
	sed -i "s|image: debian:12-slim|image: registry.invalid/none:1|" "$lab/compose.yaml"
	run lab start missing
	expect_status 4
	expect_err "error\[4\]: .*image 'registry.invalid/none:1' is missing and could not be pulled: .*scripts/base-image"
	discard
}

# The start goes on when the engine is back, and has made everything once: nothing was tried twice in the
# hope that somebody removes what is too much.
survives() { # PLAN-LINE
	engine_fake "$1"
	rm -f "$state/labd.log"
	run lab start good
	expect_status 0
	expect_equal "made without need" "" "$(grep 'no row owns it' "$state/labd.log")"
	engine_api GET '/containers/json?all=1' >"$tmp/list"
	expect_equal "containers" 1 "$(grep -o '"Id"' "$tmp/list" | wc -l)"
	engine_api GET /networks >"$tmp/list"
	expect_equal "networks" 1 "$(grep -o '"Name":"lab-good-' "$tmp/list" | wc -l)"
	run lab exec -- true
	expect_status 0
	discard
}

# It does not come back in time: the start ends, and the next engine, which knows of nothing, is no riddle.
dies() { # CALL
	engine_fake "fault=away n=1 ms=600000 match=\"$1\""
	run lab start short
	expect_status 4
	expect_err "error\[4\]: 'short-[a-z0-9]+' is failed: not ready within 5.0 s: .*engine.sock.*start Docker Engine"
	run lab status
	expect_out 'failed \(unreachable for '
	daemon_lives
	engine_back
	discard
}

port_in_use() {
	engine_fake
	run lab start good
	python3 -c 'import socket, sys
s = socket.create_server(("127.0.0.1", 0))
print(s.getsockname()[1], flush=True)
sys.stdin.read()' <"$tmp/wait" >"$tmp/port" &
	exec 9>"$tmp/wait"
	eventually 10 test -s "$tmp/port"
	port=$(cat "$tmp/port")
	run lab port "$port:80@box"
	exec 9>&-
	expect_status 2
	expect_err "^lab: error\[2\]: port $port of 127.0.0.1 is in use: choose another one, or 0 for any that is free"
	daemon_lives
	discard
}

row "no engine: nothing at its socket" no_engine "unix://$tmp/none.sock" "no engine listens at '$tmp/none.sock'"
row "no engine: nothing at its port" no_engine tcp://127.0.0.1:1 "127.0.0.1:1"
row "a missing image" missing_image
row "a container's name is in use" refuses \
	'fault=status match="POST /containers/create*" status=409 text="the name is in use by container abc"' 'the name is in use'
row "a network's name is in use" refuses \
	'fault=status match="POST /networks/create" status=409 text="network with name x already exists"' 'already exists'
row "every address range is in use" refuses \
	'fault=status match="POST /networks/create" status=403 text="Pool overlaps with other one on this address space"' \
	"no address range is left in '10.213.0.0/16'" 6
row "the engine's disk is full" refuses \
	'fault=status match="POST /containers/create*" status=500 text="write /x: no space left on device"' \
	"'box': .*no space left on device"
row "a port of the host is in use" refuses \
	'fault=status match="POST /containers/?*/start" status=500 text="Bind for 0.0.0.0:80 failed: port is already allocated"' \
	"service 'box' could not be started: .*port is already allocated"
mkfifo "$tmp/wait"
if have python3; then row "a local port is in use" port_in_use; fi
for call in 'POST /networks/create' 'POST /containers/create*' 'POST /containers/?*/start'; do
	row "the reply is lost: $call" survives "fault=cut-reply n=1 match=\"$call\""
	row "the engine dies and comes back: $call" survives "fault=away n=1 ms=1000 match=\"$call\""
done
row "the engine dies and does not come back" dies 'POST /containers/create*'
rows_end
