#!/bin/sh
# Databases that are too old, too new, of somebody else or none, definitions that are lost, and several starts at once; needs no engine.  time limit: 90 s
# shellcheck disable=SC2119 # a fake engine may have no plan
. "$(dirname "$0")/rows.sh"
have python3 || skip "python3 is not installed"
make_lab good
db=$state/labyard.db

sql() { # STATEMENTS
	python3 -c 'import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.executescript(sys.argv[2])
c.close()' "$db" "$1"
}

contents() {
	find "$state" -name labyard.db -o -name install -o -name record.key | sort | xargs sha256sum
}

# A daemon was here, and somebody did something to its database. Nobody may touch that.
refused() { # EXTENDED-REGEX COMMAND...
	words=$1
	shift
	engine_fake
	run lab status
	daemon_ends
	cp -r "$state" "$tmp/saved"
	"$@"
	before=$(contents)
	run lab start good
	expect_status 4
	expect_err "^lab: error\[4\]: labd ended at once: labd: error\[4\]: .*$words"
	expect_equal "lines of the error" 1 "$(wc -l <"$tmp/err")"
	expect_equal "processes" "$(cat "$tmp/engine.pid")" "$(processes)"
	expect_equal "files" "$before" "$(contents)"
	[ ! -e "$socket" ] || fail "the socket is still there"
	rm -rf "$state"
	mv "$tmp/saved" "$state"
	run lab status
	expect_status 0
}

no_database() {
	rm -f "$db-wal" "$db-shm"
	echo "Dear diary, today I learned about magic numbers." >"$db"
}

other_program() {
	rm -f "$db" "$db-wal" "$db-shm"
	sql "CREATE TABLE recipes (name)"
}

damaged() {
	sql "PRAGMA wal_checkpoint(TRUNCATE)"
	dd if=/dev/urandom of="$db" bs=1024 seek=5 count=8 conv=notrunc 2>/dev/null
}

lost() {
	rm -f "$db" "$db-wal" "$db-shm"
}

at_once() {
	engine_fake
	for i in 1 2 3 4; do
		lab start good >"$tmp/start.$i" 2>"$tmp/start.$i.err" &
		echo $! >"$tmp/start.$i.pid"
	done
	for i in 1 2 3 4; do
		wait "$(cat "$tmp/start.$i.pid")" || fail "one of four: $(cat "$tmp/start.$i.err")"
		expect_equal "session $i" "$(cat "$tmp/start.1")" "$(cat "$tmp/start.$i")"
	done
	expect_equal "daemons" 1 "$(daemons | wc -l)"
	run lab status -o name
	expect_equal "sessions" "$(cat "$tmp/start.1")" "$(cat "$tmp/out")"
	engine_api GET '/containers/json?all=1' >"$tmp/list"
	expect_equal "containers" 1 "$(grep -o '"Id"' "$tmp/list" | wc -l)"
	discard
}

definition_of() { # SESSION
	echo "$state/labs/$(lab status "$1" -o json | python3 -c 'import json, sys; print(json.load(sys.stdin)["lab_digest"])')"
}

gone() { # DEFINITION
	rm -r "$1"
}

cut_off() { # DEFINITION
	echo "format: 1" >"$1/good/lab.yaml"
}

# Its session is all that is lost: it says why, what it has can be removed, and the others go on.
definition_lost() { # COMMAND EXTENDED-REGEX
	engine_fake
	make_lab other
	for slug in good other; do
		run lab start "$slug"
		expect_status 0
	done
	lost=$(definition_of good)
	daemon_ends
	"$1" "$lost"
	rm -f "$state/labd.log"
	run lab status
	expect_status 0
	expect_out '^good-[a-z0-9]+ +failed '
	expect_out '^other-[a-z0-9]+ +ready '
	expect_err "^  'good-[a-z0-9]+' is failed: its definition cannot be read: .*$lost.*$2"
	expect_equal "lines in the log" 1 "$(grep -c "error session: 'good-[a-z0-9]*' is failed: its definition cannot be read: .*$lost" "$state/labd.log")"
	run lab status good
	expect_out "^good-[a-z0-9]+  failed: its definition cannot be read: .*$lost.*$2"
	run lab exec other -- true
	expect_status 0
	for verb in "start good" "resume good" "reset good --yes"; do
		# shellcheck disable=SC2086 # words
		run lab $verb
		expect_status 4
		expect_err "^lab: error\[4\]: 'good-[a-z0-9]+' cannot be re.*: its definition cannot be read: .*; 'lab stop --discard good-[a-z0-9]+' removes it"
	done
	run lab exec good -- true
	expect_status 4
	expect_err "the definition of 'good' cannot be read: 'lab status' says more"
	run lab stop --discard --yes good
	expect_status 0
	install=$(cat "$state/install")
	objects >"$tmp/left"
	[ -s "$tmp/left" ] || fail "the other lab has lost its objects"
	run lab stop other
	expect_status 0
	run lab start good
	expect_status 0
	discard
}

# In one step, too: the copy that is of no use is made anew.
definition_anew() {
	engine_fake
	run lab start good
	lost=$(definition_of good)
	daemon_ends
	cut_off "$lost"
	run lab start good --fresh --yes
	expect_status 0
	daemon_ends
	run lab status
	expect_out '^good-[a-z0-9]+ +ready '
	discard
}

second() {
	engine_fake
	run lab start good
	run labd --listen "unix:$tmp/other/labd.sock"
	expect_status 4
	expect_err "error\[4\]: another labd \(process $(daemons)\) uses the folder '$state'"
	[ ! -e "$tmp/other/labd.sock" ] || fail "the second one listens"
	run lab exec good -- true
	expect_status 0
	discard
}

row "a stored definition that is gone" definition_lost gone 'is not the folder of a lab'
row "a stored definition that is damaged" definition_lost cut_off 'lab.yaml:1:1: error'
row "... and the lab is started anew" definition_anew
row "four 'lab start' at once" at_once
row "a second labd on the state folder" second
row "a database of a version before the first" refused "labyard.db' is damaged \(impossible version\).*nothing was changed" sql "PRAGMA user_version = 0"
row "a newer database" refused "has version 99 and this labd knows [0-9]+: use the newer labd" sql "PRAGMA user_version = 99"
row "a file that is no database" refused "labyard.db' is damaged .*nothing was changed" no_database
row "a database of another program" refused "labyard.db' is a database of another program; nothing was changed" other_program
row "a damaged database" refused "labyard.db' is damaged .*nothing was changed" damaged
row "a database that is gone" refused "labyard.db' is missing, .*restore a backup, or remove '.*install' to begin anew" lost
rows_end
