#!/bin/sh
# A learner who fills the memory, the process table or the disk of a lab: it says so, the daemon and other labs go on, and nothing is left.  time limit: 120 s
. "$(dirname "$0")/rows.sh"
requires_engine

# Two labs, the one of the learner with a check from inside, too.
two_labs() {
	make_lab other
	make_lab "$1"
	cp "$lab/checks/seen.sh" "$lab/checks/inside.sh"
	sed -i 's/^\( *\)- {id: seen.*/&\n\1- {id: inside, severity: info, vantage: inside, run: [inside.sh], fail: "Nothing was seen in the lab."}/' "$lab/lab.yaml"
	for slug in other "$1"; do
		run lab start "$slug"
		expect_status 0
	done
}

# Whatever the learner did: the others and the daemon are as they were, and a grade has a result.
all_is_well() { # SLUG
	run lab exec other -- echo hi
	expect_status 0
	expect_out '^hi$'
	run lab status "$1"
	expect_out "^$1-[a-z0-9]+ +ready"
	run lab grade "$1"
	expect_status 0
	expect_out '^TOTAL 100.00 / 100.00 .*PASSED'
	daemon_lives
}

memory() {
	two_labs hungry
	run lab exec hungry -- tail /dev/zero
	expect_status 137
	run lab check hungry
	expect_status 0
	expect_out '^be/seen +PASS'
	all_is_well hungry
	discard
}

processes_full() {
	two_labs busy
	run lab exec busy -- bash -c 'trap "" TERM; for i in {1..100}; do sleep 98765 & done 2>/dev/null; exit 0'
	run lab exec busy -- sh -c 'true | true'
	[ "$status" != 0 ] || fail "the process table is not full"
	run lab check busy
	expect_status 4
	expect_out '^be/seen +PASS'
	expect_out '^be/inside +ERROR .*the runner ended'
	all_is_well busy
	discard
}

# An engine of our own, whose disk is small and goes with its namespace.
engine_small() {
	have dockerd || skip "dockerd is not installed here"
	unshare --mount --net --pid --fork true 2>/dev/null || skip "no engine of our own can be started here: run as root, privileged"
	mkdir "$tmp/data" "$tmp/exec"
	truncate -s 400M "$tmp/disk"
	mkfs.ext4 -q -m 0 "$tmp/disk"
	unshare --mount mount -o loop "$tmp/disk" "$tmp/data" || skip "no small disk can be mounted"
	# shellcheck disable=SC2016 # for the inner shell
	env -u XDG_STATE_HOME setsid unshare --mount --net --pid --fork --kill-child --mount-proc sh -c '
		mount -o loop "$1/disk" "$1/data" && ip link set lo up &&
		exec docker-init -- dockerd --host "unix://$1/docker.sock" --data-root "$1/data" --exec-root "$1/exec" \
			--pidfile "$1/docker.pid"' sh "$tmp" >"$tmp/dockerd.log" 2>&1 &
	echo $! >"$tmp/dockerd.pid"
	engine_api GET /images/debian:12-slim/get -o "$tmp/image.tar"
	ENGINE=unix://$tmp/docker.sock
	export DOCKER_HOST="$ENGINE"
	eventually 30 engine_answers
	engine_api POST '/images/load?quiet=1' -H 'Content-Type: application/x-tar' --data-binary "@$tmp/image.tar" -o "$tmp/load"
	rm "$tmp/image.tar"
}

# The disk is the engine's: while it is full no grade can be made, and the reason is told.
disk() {
	engine_small
	two_labs greedy
	run lab exec greedy -- sh -c 'cat /dev/zero >/fill'
	expect_status 1
	expect_err 'No space left on device'
	run lab status greedy
	expect_out '^greedy-[a-z0-9]+ +ready'
	run lab grade greedy
	expect_status 4
	expect_err "^lab: error\[4\]: 'judge': .*no space left on device"
	run lab exec greedy -- rm /fill
	expect_status 0
	all_is_well greedy
	run lab exec greedy -- sh -c 'cat /dev/zero >/fill'
	discard
	run lab start other
	expect_status 0
	discard
}

row "a learner who fills the memory" memory
row "a learner who fills the process table" processes_full
daemon_ends
row "a learner who fills the disk" disk
rows_end
daemon_ends
[ ! -e "$tmp/dockerd.pid" ] || kill -KILL "$(cat "$tmp/dockerd.pid")"
