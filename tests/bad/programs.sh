#!/bin/sh
# Check programs that print without end, never end, leave children or end by a signal: a verdict, and no process or memory is left of them.  time limit: 90 s
. "$(dirname "$0")/rows.sh"
requires_engine

# A lab whose check is the program on stdin. A second check of the same kind passes.
make_check() { # SLUG VANTAGE
	make_lab "$1"
	cp "$lab/checks/seen.sh" "$lab/checks/next.sh"
	cat >"$lab/checks/seen.sh"
	sed -i -e "s/vantage: neighbour,/vantage: $2,/" \
		-e 's/^\( *\)- {id: seen.*/&\n\1- {id: next, vantage: '"$2"', run: [next.sh], fail: "Nothing was seen in the lab."}/' "$lab/lab.yaml"
}

# Kilobytes of memory that the daemon has.
memory() {
	sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$(daemons)/status"
}

# The verdict; the next program in the same container is judged; and what is left is nothing.
judged() { # STATUS EXTENDED-REGEX
	run lab start "${lab##*/}"
	expect_status 0
	before=$(memory)
	run lab check
	expect_status "$1"
	expect_out "^be/seen +$2"
	expect_out '^be/next +PASS'
	[ "$(wc -c <"$tmp/out")" -lt 10000 ] || fail "lab check says too much"
	[ $(($(memory) - before)) -lt 65536 ] || fail "the daemon took $(($(memory) - before)) kB"
	daemon_lives
	eventually 5 no_child
	discard
}

# In no container of this test is there a process of a check program (they end with 'sleep 98765').
no_child() {
	engine_api GET "/containers/json?filters=%7B%22label%22%3A%5B%22labd.install%3D$(cat "$state/install")%22%5D%7D" >"$tmp/list"
	grep -o '"Id":"[^"]*"' "$tmp/list" | cut -d'"' -f4 | while read -r id; do
		engine_api GET "/containers/$id/top"
	done >"$tmp/top"
	grep -q 'sleep infinity' "$tmp/top" || return 1
	! grep -q 'sleep 98765' "$tmp/top"
}

flood() { # VANTAGE
	make_check flood "$1" <<-'END'
		#!/bin/sh
		exec head -c 1000000000 /dev/zero
	END
	judged 4 'ERROR .*the check program wrote more than is allowed'
}

# The signal for a file that is too large is ignored: the program goes on with errors.
deaf_flood() {
	make_check deaf "$1" <<-'END'
		#!/bin/sh
		trap '' XFSZ
		head -c 1000000000 /dev/zero
		exit 0
	END
	judged 4 'ERROR .*the check program wrote more than is allowed'
}

endless() {
	make_check endless "$1" <<-'END'
		#!/bin/sh
		trap '' TERM
		sleep 98765
		while :; do :; done
	END
	judged 5 'TIME .*the check ran out of time'
}

# What it had written when its time was over is told, and it alone.
unfinished() {
	make_check unfinished "$1" <<-'END'
		#!/bin/sh
		echo 'FAIL: not this'
		echo 'the answer so far'
		printf proof >&3
		sleep 98765
	END
	run lab start unfinished
	expect_status 0
	run lab check -o json
	expect_status 5
	expect_out '"verdict":"timeout",.*"message":"the check ran out of time",.*"output":"the answer so far\\n"'
	run lab grade
	expect_out '^be +50.00 .*1 not judged'
	expect_equal "evidence" proof "$(find "$state/evidence" -path '*/be/seen/evidence.json' -exec cat {} +)"
	discard
}

forks() {
	make_check forks "$1" <<-'END'
		#!/bin/sh
		for i in 1 2 3; do sleep 98765 & done
		exit 0
	END
	judged 0 PASS
}

# A child in a session of its own, of a check of a grade: it goes when the grade is over.
detaches() {
	make_check detaches inside <<-'END'
		#!/bin/sh
		setsid sleep 98765 >/dev/null 2>&1 &
		until grep -qx sleep /proc/$!/comm; do :; done
	END
	run lab start detaches
	expect_status 0
	run lab grade
	expect_out '^be +100.00 '
	eventually 5 no_child
	discard
}

# The process table of the container is full until the program is killed.
fork_bomb() {
	make_check bomb "$1" <<-'END'
		#!/bin/bash
		trap '' TERM
		bomb() { sleep 98765 & bomb | bomb; }
		bomb 2>/dev/null
		sleep 98765
	END
	judged 5 'TIME .*the check ran out of time'
}

# The shell that asks for programs is in the same group, and asks for the next one.
group() { # VANTAGE BEFORE AFTER STATUS EXTENDED-REGEX
	make_check group "$1" <<-END
		#!/bin/sh
		$2
		kill 0
		$3
	END
	judged "$4" "$5"
}

signal() { # VANTAGE SIGNAL NUMBER
	make_check signal "$1" <<-END
		#!/bin/sh
		kill -$2 \$\$
	END
	judged 4 "ERROR .*the check program was ended by signal $3"
}

row "a check program that prints 1 GB" flood neighbour
row "... and takes no notice of its limit" deaf_flood neighbour
row "... in the learner's container" flood inside
row "a check program that never ends" endless neighbour
row "... in the learner's container" endless inside
row "a check program that prints and never ends" unfinished neighbour
row "a check program that leaves children" forks neighbour
row "... in the learner's container" forks inside
row "... in a session of their own" detaches
row "a check program that fills the process table" fork_bomb neighbour
row "a check program that ends its process group" group neighbour '' 'exit 0' 4 'ERROR .*ended by signal 15'
row "... itself not" group neighbour "trap '' TERM" 'sleep 1; exit 1' 1 'FAIL .*Nothing was seen'
row "... and never ends" group neighbour "trap '' TERM" 'sleep 98765' 5 'TIME .*ran out of time'
row "... in the learner's container" group inside '' 'exit 0' 4 'ERROR .*ended by signal 15'
row "a check program that is ended by KILL" signal neighbour KILL 9
row "a check program that is ended by SEGV" signal neighbour SEGV 11
rows_end
