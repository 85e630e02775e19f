#!/bin/sh
# A learner's whole way through hello-lab with `lab`, from the start to a verified record, on a real engine.  time limit: 600 s
# shellcheck disable=SC2016 # what stands in single quotes is for shells in the lab
. "$(dirname "$0")/../lib.sh"
requires_engine
have python3 || skip "python3 is not installed"

daemons() { # pids
	for pid in $(processes); do
		case $(readlink "/proc/$pid/exe") in */labd) echo "$pid" ;; esac
	done
}

# --- start, status ---------------------------------------------------------------------------

run lab catalog
expect_status 0
expect_out '^hello-lab +foundation'
run lab catalog --show hello-lab
expect_out '^== greet: Greet by name'
run lab status
expect_status 0
expect_err 'no lab is started'
run lab shell
expect_status 3

# Two at once: one daemon, one session, both get its name.
lab start hello-lab >"$tmp/one" 2>"$tmp/one.err" &
first=$!
run lab start hello-lab
expect_status 0
wait "$first" || fail "the other start: $(cat "$tmp/one.err")"
session=$(cat "$tmp/out")
expect_equal "the session of both" "$session" "$(cat "$tmp/one")"
expect_equal "daemons" 1 "$(daemons | wc -l)"

run lab status
expect_out "^$session +ready +1/1"
run lab status hello-lab
expect_out '^ports: hello \(hello:7000\)'
expect_out '^visits +- +40.00 attainable +Count every visitor'
run lab status -o json
python3 -c 'import json, sys; assert json.load(sys.stdin)["sessions"][0]["state"] == "ready"' <"$tmp/out" || fail "status -o json"
run lab status -o name
expect_equal "status -o name" "$session" "$(cat "$tmp/out")"
run lab --host unix:/nonexistent status
expect_status 4

# --- commands --------------------------------------------------------------------------------

run lab exec -- sh -c 'echo out; echo err >&2; exit 7'
expect_status 7
expect_equal "stdout" out "$(cat "$tmp/out")"
expect_equal "stderr" err "$(cat "$tmp/err")"
run lab exec hello-lab -s hello -w /tmp -e A='b c' -- sh -c 'pwd; echo "$A"'
expect_equal "folder and variable" "/tmp
b c" "$(cat "$tmp/out")"
run lab exec --wrap -- sh -c 'printf "a\0\377"; exit 3'
expect_status 1
expect_out '"ran":true,"exit":3,"stdout":"a\\u0000'
run lab exec -- /nonexistent
expect_status 3
run lab exec -s judge -- true
[ "$status" != 0 ] || fail "a hidden service took a command"
run lab exec true
expect_status 2
expect_equal "input" "one two" "$(echo one two | lab exec -i -- cat)"
expect_equal "no input without -i" "" "$(echo one two | lab exec -- cat)"
echo 'echo script; exit 4' | lab shell >"$tmp/out" && fail "the script's status was lost"
expect_equal "a script for the shell" script "$(cat "$tmp/out")"
run lab shell -c 'exit 9'
expect_status 9

# 100 MB out and 20 MB through, past a reader that sleeps first.
expect_equal "large output" 100000000 "$(lab exec -- head -c 100000000 /dev/zero | (sleep 1; wc -c))"
head -c 20000000 /dev/urandom >"$tmp/big"
expect_equal "there and back" "$(sha256sum <"$tmp/big")" "$(lab exec -i -- cat <"$tmp/big" | sha256sum)"
expect_equal "a reader that leaves" y "$(timeout 60 lab exec -- yes | head -n 1)"

for test in shell leave killed command looks; do
	run python3 tests/integration/terminal.py "$test"
	expect_status 0
done

# --- hints, checks ---------------------------------------------------------------------------

run lab check
expect_status 1
expect_out '^greet/answers +FAIL +neighbour +GET /greet/'
run lab check badge
expect_status 1
expect_out '1 quick check$'
run lab hint greet --list
expect_out '^pointer +4.00 +36.00'
run lab hint greet
expect_status 0
expect_out '^Your program gets the name as its first argument: \$1.$'
run lab hint greet
expect_status 2
expect_err 'say --yes'
run lab hint nosuch
expect_status 3
run python3 tests/integration/terminal.py questions
expect_status 0

# --- files -----------------------------------------------------------------------------------

mkdir -p "$tmp/d/.git/sub"
echo text >"$tmp/d/file"
chmod 600 "$tmp/d/file"
ln -s ../file "$tmp/d/.git/link"
run lab cp "$tmp/d" :/tmp
expect_status 0
run lab exec -- sh -c 'cd /tmp/d && cat file .git/link && stat -c %a file'
expect_equal "what was copied" "text
text
600" "$(cat "$tmp/out")"
run lab cp "$tmp/d/file" hello-lab:hello:/tmp/d/renamed
expect_status 0
mkdir "$tmp/back"
run lab cp :/tmp/d "$tmp/back"
expect_status 0
expect_equal "where it lies" "$tmp/back/d" "$(cat "$tmp/out")"
diff -r "$tmp/d" "$tmp/back/d" >"$tmp/diff" && fail "the renamed file is missing"
expect_equal "the copy" "Only in $tmp/back/d: renamed" "$(cat "$tmp/diff")"
lab cp :/tmp/d - | tar -t >"$tmp/list"
grep -qx 'd/renamed' "$tmp/list" || fail "not in the archive: $(cat "$tmp/list")"
tar -c -C "$tmp" d/file | lab cp - :/srv/hello
run lab exec -- cat d/file
expect_out '^text$'
run lab exec -- rm -r d
run lab cp :/tmp/none "$tmp/back"
expect_status 3
run lab cp "$tmp/none" :/tmp
expect_status 3
run lab cp "$tmp/d" "$tmp/e"
expect_status 2

# A tree made to write outside: what leads there, or is no file, stays behind, and is named.
run lab exec -- sh -c 'mkdir -p /tmp/evil/sub && cd /tmp/evil && echo x >a && ln -s sub l && ln -s /etc out &&
	ln -s ../../.. sub/up && ln -s ../evil up && mkfifo pipe && ln a hard'
run lab cp :/tmp/evil "$tmp/back"
expect_status 0
for left in "'evil/out' is a link" "'evil/sub/up' is a link" "'evil/up' is a link" "'evil/pipe' is a pipe" 'is a hard link'; do
	expect_err "^lab: warning: left out: .*$left"
done
expect_equal "a link inside" sub "$(readlink "$tmp/back/evil/l")"
expect_equal "what came" 3 "$(find "$tmp/back/evil" -mindepth 1 | wc -l)"
run lab exec -- sh -c 'cd /tmp/evil && for i in 1 2 3 4 5 6 7 8 9; do mkfifo $i; done'
run lab cp :/tmp/evil -
expect_status 0
expect_err '^lab: warning: left out: and 3 more$'
run lab cp :/tmp/evil/pipe "$tmp/back"
expect_status 3
expect_err "left out: 'pipe' is a pipe"

# --- ports, logs -----------------------------------------------------------------------------

run lab port
expect_out '^hello +hello +7000 +/greet/you'
lab port 0:hello >"$tmp/port" 2>"$tmp/port.err" &
forward=$!
eventually 20 grep -q '^127.0.0.1:[0-9]* hello:7000$' "$tmp/port"
url=http://$(cut -d' ' -f1 "$tmp/port")
for _ in 1 2 3; do
	curl -sf -m 20 "$url/healthz" >/dev/null || fail "the forward does not answer: $(cat "$tmp/port.err")"
done
kill -INT "$forward" 2>/dev/null || :
kill -TERM "$forward" 2>/dev/null || : # a background job of sh ignores INT
wait "$forward" && fail "a forward that was ended ends well"
run lab port 0:1@judge
[ "$status" != 0 ] || fail "a port of a hidden service was opened"
run lab port nosuch
expect_status 3

run lab exec -- sh -c 'echo a line >/proc/1/fd/1; printf "\033[2Jevil\n" >/proc/1/fd/2'
eventually 10 sh -c 'lab logs hello | grep -qF "\\x1b[2Jevil"'
run lab logs hello-lab hello --tail 1
expect_status 0
run lab logs -o json
expect_out '"service":"hello","stream":"std(out|err)","text":"a line"'

# --- solve, grade, verify --------------------------------------------------------------------

for task in greet badge visits; do
	lab exec -i -- sh <"labs/hello-lab/solution/$task.sh" || fail "the solution of $task"
done
run lab check
expect_status 0
run lab grade --receipt "$tmp/receipt.json" --format junit --out "$tmp/junit.xml"
expect_status 0
expect_out '^visits +36.00 / 40.00 +2 pass'
expect_out '^TOTAL .* PASSED'
grep -q '<testsuite' "$tmp/junit.xml" || fail "no JUnit report"
run lab history
expect_out ' hello-lab +1 +passed +[0-9.]+ % +neighbour'
lab history --receipt "$(lab history -o name | head -n 1)" | cmp - "$tmp/receipt.json" || fail "another receipt"
run lab verify "$tmp/receipt.json"
expect_status 7
expect_out 'not trusted; self-attested$'
lab verify "$tmp/receipt.json" | sed -n 's/^public key *//p' >"$tmp/key"
run lab verify "$tmp/receipt.json" --key "$tmp/key"
expect_status 0
sed 's/"passed": true/"passed": false/' "$tmp/receipt.json" >"$tmp/forged.json"
run lab verify "$tmp/forged.json" --key "$tmp/key"
expect_status 1
expect_out '^not valid: '
run lab verify labs/hello-lab/lab.yaml
expect_status 2
run lab verify "$tmp/none"
expect_status 3

# --- the life of a session -------------------------------------------------------------------

run lab pause
expect_status 0
run lab status
expect_out "^$session +paused"
run lab resume
expect_status 0
run lab extend
expect_status 0
expect_out '^20[0-9-]*T'
run lab stop
expect_status 0
run lab status
expect_out "^$session +stopped"
run lab start hello-lab
expect_status 0
run lab exec -- test -s badge
expect_status 0
run lab reset
expect_status 2
run lab reset --yes
expect_status 0
run lab exec -- test -e badge
expect_status 1

# A daemon that dies in the middle of a reset is started again by whoever waits.
lab reset --yes >"$tmp/reset" 2>"$tmp/reset.err" &
waiting=$!
eventually 20 sh -c 'lab events --session hello-lab | grep -q "state resetting"'
kill -KILL "$(daemons)"
wait "$waiting" || fail "the reset was lost: $(cat "$tmp/reset.err")"
run lab exec -- true
expect_status 0

run lab events -n 500
expect_out 'state paused'
run lab doctor
[ "$status" -le 1 ] || fail "the doctor broke"
expect_out '^engine +OK'
run lab gc
expect_status 0
run lab stop --discard --yes
expect_status 0
run lab status
expect_equal "sessions" "" "$(cat "$tmp/out")"
