#!/bin/sh
# Databases that are too old, too new, of somebody else or none, and several starts at once; needs no engine.  time limit: 60 s
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

row "four 'lab start' at once" at_once
row "a second labd on the state folder" second
row "a database of a version before the first" refused "labyard.db' is damaged \(impossible version\).*nothing was changed" sql "PRAGMA user_version = 0"
row "a newer database" refused "has version 99 and this labd knows [0-9]+: use the newer labd" sql "PRAGMA user_version = 99"
row "a file that is no database" refused "labyard.db' is damaged .*nothing was changed" no_database
row "a database of another program" refused "labyard.db' is a database of another program; nothing was changed" other_program
row "a damaged database" refused "labyard.db' is damaged .*nothing was changed" damaged
row "a database that is gone" refused "labyard.db' is missing, .*restore a backup, or remove '.*install' to begin anew" lost
rows_end
