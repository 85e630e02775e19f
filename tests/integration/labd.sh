#!/bin/sh
# labd reads its settings, keeps its folder to itself, outlives an engine that is away, and ends as asked.  time limit: 60 s
. "$(dirname "$0")/../lib.sh"

# --- settings

run labd --version
expect_status 0
expect_out '^labd [0-9]+\.'
run labd --no-such-option
expect_status 2
expect_err "error\[2\]: option '--no-such-option' is not known"
run labd --config "$tmp/none.conf" --check-config
expect_status 3
mkdir "$XDG_CONFIG_HOME/labyard"
conf=$XDG_CONFIG_HOME/labyard/labd.conf
printf 'max_sessions = 3\nlog_level = loud\n' >"$conf"
run labd --check-config
expect_status 2
expect_err "log_level 'loud'"
printf 'max_sessions = 3\n' >"$conf"
run labd --dump-config --max-expires 2h
expect_status 0
expect_out '^max_sessions = 3$'
expect_out '^max_expires = 7200s$'
expect_out "^listen = unix:$XDG_RUNTIME_DIR/labyard/labd.sock\$"
cp "$tmp/out" "$tmp/again.conf"
run labd --config "$tmp/again.conf" --dump-config
expect_out '^max_expires = 7200s$'
sed 's/max_sessions/max_session/' "$tmp/again.conf" >"$tmp/wrong.conf"
run labd --config "$tmp/wrong.conf" --check-config
expect_status 2
expect_err 'wrong.conf:[0-9]+.*max_session'
rm "$conf"

# --- an engine that is away, and comes

socket=$XDG_RUNTIME_DIR/labyard/labd.sock
ask() { # PATH [CURL-OPTION...]
	path=$1
	shift
	curl -sS --max-time 10 --unix-socket "$socket" "$@" "http://localhost$path"
}
says() { # PATH EXTENDED-REGEX
	ask "$1" >"$tmp/answer" && grep -Eq -e "$2" "$tmp/answer"
}

state=$XDG_STATE_HOME/labyard
mkdir -p "$state"
labd --engine "unix://$tmp/engine.sock" >"$tmp/ready" 2>"$state/labd.log" &
first=$!
eventually 10 grep -q "^labd .* ready on unix:$socket\$" "$tmp/ready"
expect_equal "mode of the socket" 600 "$(stat -c %a "$socket")"
expect_equal "mode of its folder" 700 "$(stat -c %a "${socket%/*}")"
eventually 10 says /v1/version '"state":"unreachable"'
says /v1/version "$tmp/engine.sock" || fail "the error does not name the engine"
run ask /v1/sessions -d '{"lab":"hello-lab"}' -o "$tmp/answer" -w '%{http_code}'
expect_out '^503$'
grep -q '"kind":"unreachable"' "$tmp/answer" || fail "$(cat "$tmp/answer")"
run ask /readyz -o /dev/null -w '%{http_code}'
expect_out '^503$'
run ask /v1/doctor
expect_out '"name":"engine","status":"FAIL"'
run ask /healthz
expect_out '^ok$'
"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" >"$tmp/engine.log" 2>&1 &
engine=$!
eventually 10 says /v1/version '"state":"ok"'
run ask /readyz
expect_out '^ok$'
kill "$engine"
eventually 5 says /v1/version '"state":"unreachable"'

# --- one daemon per folder and per socket

run labd --listen "unix:$tmp/other/labd.sock"
expect_status 4
expect_err "error\[4\]: another labd \(process $first\) uses the folder '$state'"
run labd --state "$tmp/state2"
expect_status 4
expect_err "labd.sock"
says /v1/version '"live_sessions":0' || fail "the first daemon does not answer any more"

# --- the end

ask '/v1/events?follow=true' >"$tmp/follower" &
follower=$!
sleep 0.3
kill -TERM "$first"
status=0
wait "$first" || status=$?
expect_equal "exit code after SIGTERM" 0 "$status"
status=0
wait "$follower" || status=$?
expect_equal "exit code of a follower" 0 "$status"
[ ! -e "$socket" ] || fail "the socket is still there"

labd --engine "unix://$tmp/engine.sock" --self-started --idle-exit 700ms >"$tmp/ready" 2>>"$state/labd.log" &
second=$!
eventually 10 grep -q ready "$tmp/ready"
says /v1/version '"self_started":true' || fail "it does not say that it ends by itself"
sleep 0.4
says /v1/version . || fail "it does not answer"
sleep 0.5
says /v1/version . || fail "it ended although somebody asked"
eventually 5 test ! -e "$socket"
status=0
wait "$second" || status=$?
expect_equal "exit code of a daemon that ended by itself" 0 "$status"
rm -f "$state/install" # nothing was made in an engine
