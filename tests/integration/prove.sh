#!/bin/sh
# lab test proves hello-lab, says of each lab that was made worse what is not proven, and leaves nothing, whoever is killed.  time limit: 900 s
. "$(dirname "$0")/../lib.sh"
requires_engine
have python3 || skip "python3 is not installed"

work=$tmp/under-work # a lab that is in no catalogue
proving=$XDG_STATE_HOME/labyard/proving

proof() { # OPTION...: of the lab under work, in two sandboxes at a time
	run lab test "$work/hello-lab" --jobs 2 "$@"
}

anew() {
	rm -rf "$work"
	mkdir "$work"
	cp -r labs/hello-lab "$work"
}

worse() { # FILE SED: one change, which has to change something
	anew
	sed -i "$2" "$work/hello-lab/$1"
	! cmp -s "labs/hello-lab/$1" "$work/hello-lab/$1" || fail "'$2' changes nothing in $1"
}

not_proven() { # STEP-AND-WHAT FIX
	expect_status 1
	expect_out "^$1"
	expect_out "^  -> .*$2"
	expect_out '^NOT PROVEN hello-lab'
}

nothing_left() {
	expect_equal "folders of proofs" '' "$(ls "$proving")"
	expect_equal "sockets of proofs" '' "$(find "$XDG_RUNTIME_DIR" -name 'proof-*')"
}

# --- a good lab, beside a learner's own session of it ------------------------------------------

lab start hello-lab -q >"$tmp/mine"
run lab test hello-lab --tier full --jobs 2 --junit "$tmp/proof.xml" -o json
expect_status 0
python3 - "$tmp/out" "$tmp/proof.xml" <<'END' || fail "the proof of hello-lab"
import json, re, sys
import xml.etree.ElementTree as ET

proof = json.load(open(sys.argv[1]))
steps = {s["step"]: s for s in proof["steps"]}
assert proof["proven"] and proof["tier"] == "full" and proof["seeds"] == 2, proof
assert list(steps) == ["lint", "build", "pristine", "solve", "leave-out", "cheats", "repeat",
    "idempotent", "reset", "persist", "hidden"], list(steps)
assert all(s["result"] == "pass" and s["ms"] >= 0 and s["cases"] for s in steps.values()), proof
names = {s: {c["name"] for c in steps[s]["cases"]} for s in steps}
assert names["leave-out"] == {"greet", "badge", "visits"}, names
assert names["cheats"] == {"badge-name", "fresh-start", "no-program", "one-counter", "one-name"}, names
assert "seed 2 visits/counts" in names["solve"] and "files of hello" in names["hidden"], names
assert proof["judged"] > 20 and proof["false_fails"] == 0, proof
assert steps["pristine"]["note"] is None, steps

# What both JUnit schemas ask of a document (no attribute at the root, sums that are right, cases
# with one outcome at most, no zone in the time).
root = ET.parse(sys.argv[2]).getroot()
assert root.tag == "testsuites" and not root.attrib
assert [s.get("name").split(".")[1] for s in root] == list(steps)
for i, suite in enumerate(root):
    assert set(suite.attrib) == {"name", "package", "id", "timestamp", "hostname", "tests",
        "failures", "errors", "skipped", "time"} and suite.get("id") == str(i)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
    assert re.fullmatch(r"\d+\.\d{3}", suite.get("time"))
    kinds = [e.tag for e in suite]
    assert kinds == ["properties"] + ["testcase"] * int(suite.get("tests")) + ["system-out", "system-err"]
    cases = suite.findall("testcase")
    assert len({c.get("name") for c in cases}) == len(cases) == len(names[list(steps)[i]])
    assert all(set(c.attrib) == {"name", "classname", "time"} and not len(c) for c in cases)
END
nothing_left
run lab catalog --show hello-lab
expect_out '^proven at .*\(full, lab .*, docker .*; flake 0/'
run lab history
expect_no_out hello-lab
run lab status
expect_out "^$(cat "$tmp/mine") +ready"
expect_equal "sessions" 1 "$(lab status -o name | wc -l)"
lab stop --discard --yes -q

# --- labs that were made worse ------------------------------------------------------------------

worse checks/greet/answers.sh '2i exit 0'
proof --tier smoke
not_proven 'pristine greet/answers: it passes in a lab that nobody has worked in' 'let it see the work'

worse cheats/no-program.sh '/^chmod/d'
proof --only cheats --task greet
not_proven 'cheats no-program: greet/script passes: it does not see the cheat' 'cheats/no-program.sh leaves out'

worse checks/visits/counts.sh "s/\"\$got\" != \"\$LAB_PARAM_CROWD\"/-z \"\$got\"/"
proof --only cheats --task visits --junit "$tmp/proof.xml"
not_proven 'cheats one-counter: visits/counts passes' 'cheats/one-counter.sh leaves out'
grep -q '<failure type="fail" message="visits/counts passes' "$tmp/proof.xml" || fail "the JUnit document of a failure"

worse checks/greet/answers.sh 's/hello:7000/judge:7000/'
sed -i 's/settle: 10s/settle: 1s/' "$work/hello-lab/lab.yaml"
proof --tier smoke
not_proven 'solve seed 1 greet/answers: it fails although all solutions were applied: GET' 'solution/greet.sh leaves undone'

# A solution that needs another one and does not say so: by what it does not do, and by how it ends.
worse lab.yaml '/^    needs: \[greet\]/d'
sed -i '3i grep -q GREETING /srv/hello/greet || exit 0' "$work/hello-lab/solution/visits.sh"
proof --only leave-out --task greet
not_proven "leave-out greet: without 'greet', visits/counts fails, too" "declare 'needs: \[greet\]' or 'affected_by: \[greet\]' on task visits"
sed -i '3s/exit 0/exit 3/' "$work/hello-lab/solution/visits.sh"
proof --only leave-out --task greet
not_proven "leave-out greet: without 'greet', solution/visits.sh ended with 3" 'affected_by: \[greet\]'

# A check that tells a learner what another one asks; no cheat for a task; a program that cannot be run.
worse checks/greet/answers.sh '2i echo "FAIL: $(tail -n 1 "$LAB_CHECKS/rush.sh")"; exit 1'
proof --only hidden
not_proven 'hidden state: the text of a check or a solution is in' 'keep checks/'

anew
proof --only cheats --task badge
expect_status 0
expect_out '^cheats +ok .* 1 of 1 cheats are caught'
rm "$work/hello-lab/cheats/badge-name.sh"
proof --only cheats --task badge
expect_status 0
expect_out '^cheats +skip .*there is no program'

worse checks/badge/kept.sh 1d
proof --junit "$tmp/proof.xml"
expect_status 8
expect_out '^[^ ]*/checks/badge/kept.sh:1:1: error\[L010\]: the program .* has no shebang'
expect_out '^NOT PROVEN hello-lab'
grep -q 'message="error\[L010\]' "$tmp/proof.xml" || fail "the JUnit document of a lab with errors"

# --- what cannot be judged ----------------------------------------------------------------------

anew
proof --timeout 1s
expect_status 5
run env DOCKER_HOST="unix://$tmp/no.sock" lab test "$work/hello-lab"
expect_status 4
expect_err 'no engine answers'
run lab test nothing-lab
expect_status 3
run lab test labs/hello-lab --tier whole
expect_status 2
expect_err 'smoke, standard or full'
nothing_left

# --- one sandbox for its author -----------------------------------------------------------------

proof --until greet
expect_status 0
host=$(sed -n 's/^  lab --host \([^ ]*\) shell .*/\1/p' "$tmp/out")
session=$(sed -n 's/^  lab --host [^ ]* shell //p' "$tmp/out")
run lab --host "$host" check "$session" greet
expect_status 0
run lab --host "$host" check "$session" badge
expect_status 1
lab --host "$host" stop --discard --yes -q "$session"

# --- whoever is killed, nothing is left ----------------------------------------------------------

sandbox_ready() { # the proof's daemon has a container: its installation is known
	install=$(cat "$proving"/hello-lab-*/state/install 2>/dev/null | tail -n 1)
	[ -n "$install" ] && objects | grep -q '^/containers/'
}

gone() {
	[ -z "$(objects)" ]
}

begin() {
	rm -rf "$proving"
	env --default-signal=INT lab test "$work/hello-lab" --tier standard --jobs 2 -q >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	eventually 60 sandbox_ready
}

daemon_of_proof() {
	for p in $(processes); do
		if tr '\0' ' ' <"/proc/$p/cmdline" | grep -q -e '/labd --proof'; then echo "$p"; fi
	done
}

no_daemon() {
	[ -z "$(daemon_of_proof)" ]
}

eventually 20 sh -c "! test -e ${host#unix:}" # the daemon of --until ends when its sandbox is gone

begin
kill -INT "$pid"
status=0
wait "$pid" || status=$?
expect_status 130
expect_equal "objects after Ctrl-C" '' "$(objects)"
nothing_left

begin
kill -KILL "$pid"
wait "$pid" 2>/dev/null || :
eventually 60 gone
eventually 20 no_daemon

begin
daemon_of_proof | xargs kill -KILL "$pid"
wait "$pid" 2>/dev/null || :
[ -n "$(objects)" ] || fail "nothing was left by a killed daemon, so nothing is shown"
run lab test "$work/hello-lab" --only build
expect_status 0
expect_equal "objects after the next proof" '' "$(objects)"
nothing_left
install=
