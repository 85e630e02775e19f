#!/bin/sh
# Ctrl-C at every point of every verb: exit code 130 at once, the terminal as it was, and the daemon goes on; needs no engine.  time limit: 150 s
# shellcheck disable=SC2119 # a fake engine may have no plan
. "$(dirname "$0")/rows.sh"
have python3 || skip "python3 is not installed"

# A lab for the fake engine, with all that verbs may ask for.
cp -r tests/fault/labs/tiny-lab "$labs/"
lab=$labs/tiny-lab
sed -i -e 's/^  service: box/&\n  shell: [cat]\n  ports: [{name: web, service: box, port: 80}]/' \
	-e 's/^    points: 60/&\n    hints: [{id: nudge, cost: 10%, text: "Write the file that the check asks for."}]/' \
	-e 's/^  startup_timeout: .*/&\n  extend: {by: 10m, max: 5}/' "$lab/lab.yaml"

export LAB=tiny-lab LAB_SOCKET="$socket" LABD_SOCKET="$tmp/labd.sock" FILES="$tmp/files"
mkdir -p "$FILES/in"
mkdir -m 700 "${socket%/*}"
echo text >"$FILES/in/file"

every_verb() {
	sed -n 's/^VERB(\(.*\))$/\1/p' cmd/lab/verbs.tbl.h | sort >"$tmp/verbs"
	python3 tests/bad/interrupt.py --verbs | sort >"$tmp/tested"
	diff "$tmp/verbs" "$tmp/tested" || fail "verbs in cmd/lab and in tests/bad/interrupt.py differ"
}

interrupted() { # VERB
	rm -f "$socket"
	python3 tests/bad/interrupt.py "$1"
}

# The daemon lets nobody in before it knows its engine, for two seconds: time enough.
launching() {
	engine_fake 'fault=silence match="*"'
	rm -f "$state/lock"
	python3 tests/bad/interrupt.py --launch "$state/lock"
	engine_fake
	run lab status
	expect_status 0
	nothing_left
}

in_the_end() {
	rm "$socket"
	ln -s "$LABD_SOCKET" "$socket"
	daemon_lives
	discard
	daemon_ends
	rm -f "$socket"
}

row "every verb has its row" every_verb
engine_fake 'exec match="test -d" exit=0'
mkdir -p "$state"
labd --listen "unix:$LABD_SOCKET" >"$tmp/ready" 2>"$state/labd.log" &
eventually 10 grep -q ready "$tmp/ready"
python3 tests/bad/interrupt.py --talkers >"$tmp/talkers"
while read -r verb; do
	row "Ctrl-C in lab $verb" interrupted "$verb"
done <"$tmp/talkers"
row "what is left after all of them" in_the_end
row "Ctrl-C while the daemon starts" launching
rows_end
