#!/bin/sh
# What goes wrong in the engine or in a lab ends as the manual says; on the fake engine, in time that runs faster.  time limit: 150 s
. "$(dirname "$0")/../lib.sh"

# --- a labd on a fake engine -------------------------------------------------------------------

cp -r tests/fault/labs "$tmp/labs"
lab_folder=$tmp/labs/tiny-lab
state=$XDG_STATE_HOME/labyard
mkdir -p "$state"
DOCKER_HOST=unix://$tmp/engine.sock
export DOCKER_HOST

daemon() { # [PLAN-LINE...]: both anew
	rm -f "$tmp/engine.sock"
	{
		echo 'image name=debian:12-slim'
		for line; do echo "$line"; done
	} >"$tmp/plan"
	"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" --plan "$tmp/plan" >"$tmp/engine.log" 2>&1 &
	engine=$!
	eventually 10 test -S "$tmp/engine.sock"
	labd_start
}

labd_start() {
	rm -f "$tmp/ready" # of the one before
	LD_PRELOAD=$BUILD/tests/fault/torture/fasttime.so FAST_TIME=${FAST:-8} \
		ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 \
		labd --labs "$tmp/labs" >"$tmp/ready" 2>>"$state/labd.log" &
	labd=$!
	eventually 20 grep -q ready "$tmp/ready"
}

labd_stop() {
	kill "$labd"
	wait "$labd" || fail "labd ended with status $?"
}

daemons_stop() {
	lab stop --all --discard --yes >"$tmp/out" 2>"$tmp/err" || fail "nothing can be stopped"
	labd_stop
	kill "$engine"
	wait "$engine" || fail "the fake engine ended with status $?"
}

# The container of box, when it runs or is paused.
running() {
	engine_api GET /containers/json | grep -o "lab-tiny-lab-[a-z0-9]*-box-[0-9]*"
}

metric() { # NAME
	curl -sS --unix-socket "$XDG_RUNTIME_DIR/labyard/labd.sock" http://localhost/metrics | sed -n "s/^labd_$1 //p"
}

# labd waits for an answer (besides the stream of events) whenever we look: for a late one.
engine_is_late() {
	if [ "$(metric engine_calls_in_flight)" -gt 1 ]; then looks=$((looks + 1)); else looks=0; fi
	[ "$looks" -ge 3 ]
}

# --- starts at once are no more labs than there may be ---------------------------------------------

mkdir -p "$XDG_CONFIG_HOME/labyard"
echo 'max_sessions = 2' >"$XDG_CONFIG_HOME/labyard/labd.conf"
for n in 1 2 3 4 5; do
	cp -r "$lab_folder" "$tmp/labs/tiny$n-lab"
	sed -i "s/tiny-lab/tiny$n-lab/" "$tmp/labs/tiny$n-lab/lab.yaml" "$tmp/labs/tiny$n-lab/compose.yaml"
done
daemon
starting=
for n in 1 2 3 4 5; do
	lab start "tiny$n-lab" --no-wait >/dev/null 2>&1 &
	starting="$starting $!"
done
started=0
for pid in $starting; do
	if wait "$pid"; then started=$((started + 1)); fi
done
expect_equal "labs that started" 2 "$started"
daemons_stop
rm -r "$tmp"/labs/tiny?-lab "$XDG_CONFIG_HOME/labyard/labd.conf"

# --- a service begins anew, and what it shares stays ---------------------------------------------

daemon
run lab start tiny-lab
expect_status 0
for place in /srv/work/ /srv/shelf/; do
	echo kept >"$tmp/mark"
	run lab cp "$tmp/mark" ":$place"
	expect_status 0
done
run lab reset --service box --yes
expect_status 0
expect_err "^· box: stays as it is, because other services mount it: volume 'shelf'$"
run lab exec -- cat /srv/work/mark
expect_status 1
run lab exec -- cat /srv/shelf/mark
expect_equal "on the shared volume" kept "$(cat "$tmp/out")"
run lab reset --yes
expect_status 0
run lab exec -- cat /srv/shelf/mark
expect_status 1
daemons_stop

# --- a lab that starts again while it still stops is ready when it is up again --------------------

daemon 'fault=delay match="POST /containers/*/stop" ms=500'
run lab start tiny-lab
run lab stop tiny-lab
run lab start tiny-lab
expect_status 0
run lab exec tiny-lab -- sleep 1 # longer than the stop that must not reach it
expect_status 0
daemons_stop

# --- a container that left its place, and then cannot be made, is missed by nobody ---------------

engine_is_asked() {
	[ "$(metric engine_running)" = 1 ]
}
daemon 'fault=status match="POST /containers/create" n=3 status=400 text="no place" ms=2000'
run lab start tiny-lab
expect_status 0
lab check tiny-lab work/seen >"$tmp/judged" 2>&1 &
checking=$!
eventually 5 engine_is_asked
run lab reset tiny-lab --yes
expect_status 0
wait "$checking" || :
run lab check tiny-lab work/seen # for whom the other one has to be gone
expect_status 0
daemons_stop

# --- a pause that fails is tried again, and an engine that never can says so ----------------------

daemon 'fault=status match="POST /containers/*/pause" n=1 status=500 text="unable to freeze"' \
	'fault=status match="POST /containers/*/pause" n=2 status=500 text="unable to freeze"'
run lab start tiny-lab
run lab check tiny-lab work/kept
expect_status 1
expect_out '^work/kept +FAIL +frozen'
daemons_stop

daemon 'fault=status match="POST /containers/*/pause" status=500 text="unable to freeze"'
run lab start tiny-lab
run lab check tiny-lab work/kept
expect_status 4
expect_out "^work/kept +ERROR +frozen .*'box'.*unable to freeze"
daemons_stop

# --- what came in time, and is seen with the end of the time, came once --------------------------

paused() {
	engine_api GET "/containers/json?all=1" | grep -q '"State":"paused"'
}
ENGINE=$DOCKER_HOST
daemon 'fault=late match="POST /containers/*/pause" ms=300'
run lab start tiny-lab
run lab check tiny-lab work/seen # the service of checks is up
lab check tiny-lab work/kept >"$tmp/judged" 2>&1 &
checking=$!
eventually 5 paused
kill -STOP "$labd"
sleep 2 # longer than the freeze may take, and than the answer is late
kill -CONT "$labd"
wait "$checking" || :
grep -Eq '^work/kept +(FAIL|ERROR) ' "$tmp/judged" || fail "the check: $(cat "$tmp/judged")"
unset ENGINE
daemons_stop

# --- a service that ends while its files are read is started when they have been read ------------

ENGINE=$DOCKER_HOST
daemon 'fault=delay match="GET /containers/*/archive*" n=1 ms=2500'
run lab start tiny-lab
run lab check tiny-lab work/seen # the service of checks is up
lab check tiny-lab work/kept >"$tmp/judged" 2>&1 &
checking=$!
eventually 5 paused
box=$(running)
engine_api POST "/containers/$box/stop"
sleep 1 # a restart comes 25 ms later
! running || fail "the box runs while its files are read"
wait "$checking" || :
grep -Eq '^work/kept +FAIL ' "$tmp/judged" || fail "the check: $(cat "$tmp/judged")"
eventually 10 running
unset ENGINE
daemons_stop

# --- a learner keeps no files from being judged by a file where their folder was ------------------

daemon 'fault=status match="GET /containers/*/archive*" status=500 text="lstat /var/lib/x/merged/srv/work: not a directory"'
run lab start tiny-lab
run lab check tiny-lab work/kept
expect_status 1
expect_out "^work/kept +FAIL +frozen "
daemons_stop

# --- a container that is gone is none whose files are gone ---------------------------------------

daemon 'fault=status match="GET /containers/*/archive*" status=404 text="No such container: x"'
run lab start tiny-lab
run lab check tiny-lab work/kept
expect_status 4
expect_out "^work/kept +ERROR +frozen .*No such container"
sed -i 's/run: \[say.sh\],/run: [say.sh], may_fail: true,/' "$lab_folder/lab.yaml"
run lab check tiny-lab work/again
expect_status 4
expect_out "^work/again +ERROR +replay .*No such container"
daemons_stop

# --- the container of a step ends, and its stream is cut: the next step decides -----------------

sed -i '/^  bench:/,$s/command: .*/command: [bench-life]/' "$lab_folder/compose.yaml"
daemon 'main match="bench-life" exit=1 ms=1500' 'fault=cut-stream match="POST /exec/*/start" n=3 bytes=12' \
	'fault=cut-stream match="POST /exec/*/start" n=4 bytes=12' 'fault=delay match="GET /containers/?*/json" ms=2000'
run lab start tiny-lab
run lab check tiny-lab work/again
expect_status 0
daemons_stop
sed -i 's/ may_fail: true,//' "$lab_folder/lab.yaml"
sed -i '/^  bench:/,$s/command: .*/command: [sleep, infinity]/' "$lab_folder/compose.yaml"

# --- a grade whose time is used up because the engine was away: nothing is judged by that ----------

cp -r "$lab_folder" "$tmp/saved"
sed -i 's/eventually: 60s/eventually: 10s/; s/most: 5m/most: 10s/; s/budget: 20m/budget: 20s/' "$lab_folder/lab.yaml"
sed -i 's/pulse, phase: push, vantage: neighbour, run: \[seen.sh\]/pulse, phase: push, vantage: neighbour, run: [never.sh]/' "$lab_folder/lab.yaml"
printf '#!/bin/sh\n# Is never there.\nfalse\n' >"$lab_folder/checks/never.sh"
chmod +x "$lab_folder/checks/never.sh"
nothing_is_judged() {
	run lab grade tiny-lab
	expect_status 4
	expect_err "nothing was charged, and nothing is recorded: 'still/pulse' could not be judged: the engine was away, and so"
}

FAST=30 daemon 'fault=away match="POST /containers/create*" n=3 ms=6000'
run lab start tiny-lab
expect_status 0
nothing_is_judged
run lab grade tiny-lab
expect_status 1
run lab history
expect_out '^[0-9]+ .* tiny-lab +1 +incomplete '
expect_equal "grades that were the first attempt" 2 "$(grep -Ec '^[0-9]+ .* tiny-lab +1 ' "$tmp/out")"
daemons_stop

FAST=30 daemon 'fault=away match="GET /containers/?*/logs*" n=1 ms=7000' # away already when the grade begins
run lab start tiny-lab
lab logs tiny-lab >/dev/null 2>&1 || :
eventually 5 sh -c 'lab status | grep -q unreachable'
nothing_is_judged
daemons_stop
rm -r "$lab_folder"
mv "$tmp/saved" "$lab_folder"

# --- a phase that captures again, and a check that must hold -------------------------------------

cat >"$tmp/more" <<'END'
      - {id: later, phase: push, vantage: frozen, run: [later.sh], timeout: 60s, fail: "There was no file after the push."}
      - {id: calm, phase: push, vantage: neighbour, run: [calm.sh], timeout: 60s, always_for: 16s, fail: "It was not calm."}
END
sed -i "/id: pulse/r $tmp/more" "$lab_folder/lab.yaml"
cat >"$tmp/more" <<'END'
      - {id: first, phase: rest, vantage: frozen, severity: info, run: [first.sh], timeout: 60s, fail: "There was no file before the push."}
END
sed -i "/id: later/r $tmp/more" "$lab_folder/lab.yaml"
echo '    - {id: rest, title: Rest, run: [push.sh], most: 4m, needs: [push]}' >>"$lab_folder/lab.yaml"
sed -i 's/run: \[push.sh\], most: 5m/run: [push.sh], most: 5m, capture: true/' "$lab_folder/lab.yaml"
cp "$lab_folder/checks/kept.sh" "$lab_folder/checks/later.sh"
# the second copy; the fake engine's archive of a whole volume lacks the folder's own name
sed -i 's|root/1/srv/work|root/2/srv|; s/wrote/has kept/' "$lab_folder/checks/later.sh"
sed 's|root/2|root/1|; $aprintenv LAB_ROOT' "$lab_folder/checks/later.sh" >"$lab_folder/checks/first.sh"
chmod +x "$lab_folder/checks/first.sh"
cp "$lab_folder/checks/seen.sh" "$lab_folder/checks/calm.sh"
graded() { # EXPRESSION of v (verdicts) and t (how long the push took)
	lab grade tiny-lab -o json >"$tmp/grade" 2>"$tmp/err" || [ $? = 1 ] || fail "the grade: $(cat "$tmp/err")"
	python3 - "$tmp/grade" "$1" <<-'END' || fail "$1: $(cat "$tmp/grade")"
		import json, sys
		run = json.load(open(sys.argv[1]))
		v = {c["check"].split("/")[1]: c["verdict"] for c in run["checks"]}
		o = {c["check"].split("/")[1]: c["output"] for c in run["checks"]}
		t = {p["id"]: p["took_ms"] for p in run["grade"]["phases"]}["push"]
		assert eval(sys.argv[2]), (v, t)
	END
}
have python3 || skip "python3 is not installed"
daemon
run lab start tiny-lab
expect_status 0
graded 'v["later"] == "fail" and v["calm"] == "pass" and t >= 16000'
echo kept >"$tmp/answer"
run lab cp "$tmp/answer" :/srv/work/
expect_status 0
graded 'v["later"] == v["calm"] == v["first"] == "pass" and "/lab/root/1" in o["first"]'
daemons_stop
printf '#!/bin/sh\n# Is never calm.\nfalse\n' >"$lab_folder/checks/calm.sh"
daemon
run lab start tiny-lab
graded 'v["calm"] == "fail" and t < 16000'
daemons_stop

# --- an answer of the runner that no program can have given: a grade is not stopped by it ---------

daemon 'exec match="-s LAB1" stdout="LAB1 1 0 -5 0 0 0 0\\n"'
run lab start tiny-lab
run lab check tiny-lab work/inside
expect_status 4
expect_out '^work/inside +ERROR +inside .*makes no sense'
daemons_stop
daemon 'exec match="-s LAB1" stdout="LAB1 1 137 9223372036854775807 0 0 0 0\\n"'
run lab start tiny-lab
run lab check tiny-lab work/inside
expect_status 4
expect_out '^work/inside +ERROR +inside .*makes no sense'
daemons_stop

# --- the secrets of a grade go with it, in every service that stays ------------------------------

cp -r "$lab_folder" "$tmp/saved"
for name in clerk usher; do
	sed "/^  judge:/,/^\$/!d; s/judge/$name/; s/, start: check//" "$lab_folder/compose.yaml" >"$tmp/$name"
	sed -i "/^services:/r $tmp/$name" "$lab_folder/compose.yaml"
done
sed -i 's/badge: {for: \[judge\]/badge: {for: [judge, clerk, usher]/; s/cpu: 0.5/cpu: 1/; s/128MiB/256MiB/' "$lab_folder/lab.yaml"
secret() { # SERVICE: what the engine answers to the question for its file
	name=$(engine_api GET /containers/json | grep -o "lab-tiny-lab-[a-z0-9]*-$1-[0-9]*" | head -n 1)
	engine_api GET "/containers/$name/archive?path=/lab/secrets/badge" -o /dev/null -w '%{http_code}'
}
secrets() { # CODE
	[ "$(secret clerk) $(secret usher)" = "$1 $1" ]
}
ENGINE=$DOCKER_HOST
echo 'sleep 2' >>"$lab_folder/checks/push.sh"
daemon
run lab start tiny-lab
expect_status 0
lab grade tiny-lab >"$tmp/judged" 2>&1 &
judging=$!
eventually 10 secrets 200
wait "$judging" || :
eventually 10 secrets 404
unset ENGINE
daemons_stop
rm -r "$lab_folder"
mv "$tmp/saved" "$lab_folder"

# --- a proof whose stimulus cannot be given shows nothing ------------------------------------------

cp -r "$lab_folder" "$tmp/saved"
echo 'false' >>"$lab_folder/checks/push.sh"
daemon
run lab test "$lab_folder" --only pristine
expect_status 4
expect_out "^pristine pristine grade: .*the stimulus of phase 'push' could not be given"
daemons_stop
rm -r "$lab_folder"
mv "$tmp/saved" "$lab_folder"

# --- who wants more sandboxes than the machine carries is told --------------------------------------

cp -r "$lab_folder" "$tmp/saved"
sed -i 's/^  cpu: .*/  cpu: 16/' "$lab_folder/lab.yaml"
daemon
run lab test "$lab_folder" --only build --jobs 8
expect_status 0
expect_err '^lab: warning: --jobs 8 is more than this machine carries \([1-7]\)'
run lab test "$lab_folder" --only build --jobs 1
expect_status 0
expect_equal "warnings" '' "$(grep warning "$tmp/err")"
daemons_stop
rm -r "$lab_folder"
mv "$tmp/saved" "$lab_folder"

# --- a sandbox that is kept has its own labd, whoever proves something meanwhile ----------------------

daemon
run lab test "$lab_folder" --only pristine --keep --junit "$tmp/nowhere/proof.xml"
expect_status 4
expect_err "^lab: error\[4\]: .*$tmp/nowhere/proof.xml"
host=$(sed -n 's/^  lab --host \([^ ]*\) shell .*/\1/p' "$tmp/err")
kept=$(sed -n 's/^pristine is kept: //p' "$tmp/err")
run lab test "$lab_folder" --only build
expect_status 0
! grep -q stays "$tmp/err" || fail "one that is kept is taken for one that was left"
run lab --host "$host" stop --discard --yes "$kept"
expect_status 0
eventually 20 sh -c "! test -e ${host#unix:}"
run lab test "$lab_folder" --only build
expect_status 0
expect_equal "folders of proofs" '' "$(ls "$state/proving")"
daemons_stop

# --- of a proof that keeps a sandbox and is late no other one is left ----------------------------------

cp -r "$lab_folder" "$tmp/saved"
mkdir "$lab_folder/cheats"
printf '#!/bin/true\n# cheat: work/seen\n' >"$lab_folder/cheats/fast.sh"
cp "$lab_folder/cheats/fast.sh" "$lab_folder/cheats/broken.sh"
printf '#!/bin/cat\n# cheat: work/seen\n' >"$lab_folder/cheats/slow.sh"
chmod +x "$lab_folder"/cheats/*.sh
daemon 'exec match="/bin/true"' 'exec match="/bin/cat" ms=60000' \
	'fault=status match="POST /containers/create" n=3 status=400 text="not this one"' # of broken
run lab test "$lab_folder" --only cheats --jobs 1 --keep --timeout 4s
expect_status 4
expect_out "^cheats broken: .*not this one"
expect_out "^cheats cheat slow: .*at 'run:cheats/slow.sh' the time of the whole proof was over"
host=$(sed -n 's/^  lab --host \([^ ]*\) shell .*/\1/p' "$tmp/err" | head -n 1)
sed -n 's/^cheat [a-z]* is kept: //p' "$tmp/err" | sort >"$tmp/kept"
expect_equal "sandboxes that are told of" 2 "$(wc -l <"$tmp/kept")"
expect_equal "those there are" "$(cat "$tmp/kept")" "$(lab --host "$host" status -o name | sort)"
lab --host "$host" stop --all --discard --yes -q
eventually 20 sh -c "! test -e ${host#unix:}"
daemons_stop
rm -r "$lab_folder"
mv "$tmp/saved" "$lab_folder"

# --- a check that cannot be asked costs no lab -----------------------------------------------------

daemon 'fault=status match="PUT /containers/*/archive*" n=2 status=400 text="not this one"'
run lab start tiny-lab
expect_status 0
run lab check tiny-lab work/seen
expect_status 4
expect_err "^lab: error\[4\]: volume 'judge.lab' could not be filled: .*not this one"
run lab check tiny-lab work/seen
expect_status 0
daemons_stop

daemon 'fault=status match="POST /volumes/create" n=4 status=400 text="nor this one"' # of bench
run lab start tiny-lab
expect_status 0
run lab check tiny-lab work/again # which waits for judge, too: there is time for another try
expect_status 0
daemons_stop

# --- a program that ends while labd looks whether it runs is started again at once ----------------

ENGINE=$DOCKER_HOST
daemon 'fault=late match="GET /containers/?*/json" ms=1500'
run lab start tiny-lab
expect_status 0
box=$(running)
labd_stop
FAST=1 labd_start # the listing that comes anyway is half a minute away
looks=0
eventually 10 engine_is_late # it is being asked
engine_api POST "/containers/$box/stop"
! running || fail "the box runs on"
eventually 10 running
unset ENGINE
daemons_stop

# --- labs are in one engine, and another one's word says nothing of them --------------------------

named() { # NAME: a fake engine at NAME.sock that calls itself so, as $engine
	printf '%s\n' 'image name=debian:12-slim' "engine id=$1" >"$tmp/plan"
	"$BUILD/fakeengine" --listen "unix:$tmp/$1.sock" --plan "$tmp/plan" >"$tmp/engine.log" 2>&1 &
	engine=$!
	eventually 10 test -S "$tmp/$1.sock"
}

made() { # ENGINE: what it has
	for kind in 'containers/json?all=1' volumes networks; do
		curl -sS --unix-socket "$tmp/$1.sock" "http://localhost/$kind" | grep -Eo '"(Name|Id)":"[^"]*"' || :
	done
}

labd_at() { # ENGINE
	DOCKER_HOST=unix://$tmp/$1.sock
	labd_start
}

is_empty() { # ENGINE
	[ -z "$(made "$1")" ]
}

reachable() {
	! lab status | grep unreachable
}

another="the engine at unix://$tmp/two.sock is not the one that has the labs of this labd, which was at unix://$tmp/one.sock: "
another="${another}end labd \(pid [0-9]+\) and name that one with DOCKER_HOST or --engine; when it is no more, remove '$state/engine', and they are given up"
named one
one=$engine
named two
two=$engine
labd_at one
run lab start tiny-lab
expect_status 0
echo mine >"$tmp/mark"
run lab cp "$tmp/mark" :/srv/work/
expect_status 0
made one >"$tmp/before"
labd_stop

labd_at two
for verb in 'start tiny-lab' 'exec -- true' "cp $tmp/mark :/srv/work/"; do
	# shellcheck disable=SC2086 # its words
	run lab $verb
	expect_status 4
	expect_err "$another"
done
run lab doctor
expect_status 1
expect_out "^engine +FAIL .*$another"
expect_out "ANOTHER ENGINE"
run lab status
expect_out '^tiny-lab-[a-z0-9]+ +ready \(unreachable for '
expect_equal "what the other engine was given" "" "$(made two)"
labd_stop

labd_at one
eventually 10 reachable
run lab exec -- cat /srv/work/mark
expect_equal "the work" mine "$(cat "$tmp/out")"
run lab check tiny-lab work/kept
expect_equal "what the engine has lost" "" "$(made one | grep -vxFf - "$tmp/before")"
labd_stop

# ...whether it answers elsewhere, or has another name for its place.
mv "$tmp/one.sock" "$tmp/moved.sock"
labd_at moved
eventually 10 reachable
run lab exec -- cat /srv/work/mark
expect_status 0
labd_stop

# ...until its owner lets go of it: then the lab is made anew, and what the first has is nobody's.
labd_at two
rm "$state/engine"
eventually 10 reachable
run lab start tiny-lab --fresh --yes
expect_status 0
run lab exec -- cat /srv/work/mark
expect_status 1
run lab stop --all --discard --yes
expect_status 0
labd_stop

# ...and with no labs left any engine will do.
labd_at moved
run lab start tiny-lab
expect_status 0
expect_no_out unreachable
DOCKER_HOST=unix://$tmp/engine.sock
run lab stop --all --discard --yes
expect_status 0
eventually 10 is_empty moved
labd_stop
kill "$one" "$two"

# --- ...of what a killed proof has made, neither --------------------------------------------------

left=$state/proving/tiny-lab-0123abcd
proof() { # ENGINE: one that removes first what others have left
	run env DOCKER_HOST="unix://$tmp/$1.sock" lab test "$lab_folder" --only build
}
engines=
for name in one two; do
	named $name
	engines="$engines $engine"
done
mkdir -p "$left"
: >"$left/owner"
mkfifo "$tmp/leash"
sleep 60 >"$tmp/leash" &
leash=$!
rm "$tmp/ready"
DOCKER_HOST=unix://$tmp/one.sock labd --proof --state "$left/state" --labs "$tmp/labs" \
	--listen "unix:$tmp/proof.sock" <"$tmp/leash" >"$tmp/ready" 2>"$tmp/proof.log" &
labd=$!
eventually 20 grep -q ready "$tmp/ready"
run lab --host "unix:$tmp/proof.sock" start tiny-lab
expect_status 0
kill -KILL "$labd" "$leash"
wait "$labd" "$leash" || :
proof two
expect_err "^lab: warning: what was left in '$left' stays: .*the engine at unix://$tmp/two.sock is not the one .*, which was at unix://$tmp/one.sock: "
[ -n "$(made one)" ] || fail "the engine has lost what the proof made"
[ -e "$left/state/labyard.db" ] || fail "nobody knows any more what the killed proof has made"
proof one
expect_equal "what the killed proof has left" "" "$(made one)"
[ ! -e "$left" ] || fail "what is discarded is still told of"
# shellcheck disable=SC2086 # a list of pids
kill $engines

# --- a restart warns nobody twice that the session ends -------------------------------------------

warnings() {
	lab events | grep -c "'lab extend' gives more time"
}
warned() { # TIMES
	[ "$(warnings)" = "$1" ]
}
echo 'max_expires = 15m' >"$XDG_CONFIG_HOME/labyard/labd.conf" # and so the first comes at once
daemon
run lab start tiny-lab
expect_status 0
eventually 5 warned 1
labd_stop
labd_start
run lab check tiny-lab work/seen # it has looked at the limits
expect_status 0
expect_equal "warnings after a restart" 1 "$(warnings)"
daemons_stop
rm "$XDG_CONFIG_HOME/labyard/labd.conf"

# --- a start that fails says why by its exit code ------------------------------------------------

sed -i 's/startup_timeout: 10m.*/startup_timeout: 8s/' "$lab_folder/lab.yaml"
sed -i 's/test: \[CMD, "true"\]/test: [CMD, never-ready]/' "$lab_folder/compose.yaml"
daemon 'exec match="never-ready" exit=1 stdout="still asleep"'
run lab start tiny-lab
expect_status 5
expect_err "^lab: error\[5\]: 'tiny-lab-.*' is failed: service 'box' was not ready within 8"
daemons_stop

# --- ...and once: what is read of the start that failed says nothing of the next one --------------

sed -i 's/startup_timeout: 8s/startup_timeout: 60s/' "$lab_folder/lab.yaml"
FAST=30 daemon 'exec match="never-ready" exit=1' 'fault=delay match="GET /containers/?*/logs*" n=1 ms=1500'
run lab start tiny-lab --no-wait
looks=0
eventually 10 engine_is_late # its time is over, and its last words are read
run lab stop tiny-lab
expect_status 0
began=$(date +%s%N)
run lab start tiny-lab
expect_status 5
[ $(($(date +%s%N) - began)) -gt 1500000000 ] || fail "failed before its time was over"
daemons_stop

sed -i 's/startup_timeout: 60s/startup_timeout: 10m/' "$lab_folder/lab.yaml"
daemon 'exec match="never-ready"' 'fault=status match="POST /containers/create" status=500 text="no such driver"'
run lab start tiny-lab
expect_status 4
expect_err "^lab: error\[4\]: 'tiny-lab-.*no such driver"
daemons_stop

daemon 'fault=status match="GET /images/*box*/json" status=404 text="No such image"'
run timeout 20 lab start tiny-lab
expect_status 4
expect_err "^lab: error\[4\]: 'tiny-lab-.* is failed: image '.*' was made, and is not there"
daemons_stop

daemon 'fault=status match="GET /images/*/json" status=500 text="layer does not exist"'
run timeout 20 lab start tiny-lab
expect_status 4
expect_err "^lab: error\[4\]: 'tiny-lab-.* is failed: cannot inspect the image '.*layer does not exist"
daemons_stop

# --- the copy of a definition that was left last stays, for the next start ------------------------

copies() {
	find "$state/labs" -mindepth 1 -maxdepth 1 ! -name '*.part' -printf '%i %f\n'
}

no_copies() {
	[ -z "$(copies)" ]
}

one_other_than() {
	[ "$(copies | wc -l)" = 1 ] && [ "$(copies)" != "$1" ]
}

daemon 'exec match="never-ready"'
run lab start tiny-lab
first=$(copies)
run lab stop --discard --yes
run lab start tiny-lab
expect_equal "copies" "$first" "$(copies)"
run lab stop --discard --yes
echo >>"$lab_folder/lab.yaml"
run lab start tiny-lab
run lab stop --discard --yes
eventually 10 one_other_than "$first"
labd_stop
labd_start
eventually 10 no_copies
daemons_stop

rm -f "$state/install" # nothing was made in a real engine
