#!/bin/sh
# A full disk under the state folder: running labs go on, what needs the disk is refused, and all is well when there is room again.  time limit: 90 s
# shellcheck disable=SC2119 # a fake engine may have no plan
# A mount of its own goes with the namespace, however this test ends.
[ -n "${BAD_NAMESPACE:-}" ] || ! unshare --mount true 2>/dev/null || BAD_NAMESPACE=yes exec unshare --mount "$0"
. "$(dirname "$0")/rows.sh"
[ -n "${BAD_NAMESPACE:-}" ] || skip "this user may not mount: run as root"
unset BAD_NAMESPACE
mkdir -p "$state"
why=$(mount -t tmpfs -o size=2m,mode=700 tmpfs "$state" 2>&1) || skip "no small disk can be mounted: $why"
make_lab good
make_lab other

fill() {
	! cat /dev/zero >"$state/filler" 2>/dev/null || fail "the disk is not full"
}

make_room() {
	rm "$state/filler"
}

# $1: what the disk is of; $2: what is asked for.
no_room() { # EXTENDED-REGEX COMMAND...
	words=$1
	shift
	run "$@"
	expect_status 4
	expect_err "^lab: error\[4\]: .*$words"
	daemon_lives
}

full() {
	engine_fake
	run lab start good
	expect_status 0
	fill
	no_room "'$state/labs/.*No space left on device" lab start other
	expect_err "^  'lab gc' shows what can go"
	run lab status -o name
	expect_out '^good-'
	expect_no_out '^other-'
	run lab exec good -- echo hi
	expect_status 0
	expect_out '^hi$'
	no_room "cannot write the database '.*': .*free space on its disk" lab check good
	no_room "cannot write the database '.*': .*free space on its disk" lab grade good
	no_room "cannot write the database '.*': .*free space on its disk" lab extend good
	run lab status good
	expect_out 'good-[a-z0-9]+ +ready'
	run lab doctor
	expect_status 1
	expect_out '^disk +FAIL'
	expect_out '^database +FAIL'
	make_room
	eventually 20 lab check good
	run lab exec good -- true
	expect_status 0
	run lab history
	expect_equal "grades" "" "$(cat "$tmp/out")"
	discard
}

# What was asked for while the disk was full is done as soon as there is room.
full_at_the_end() {
	engine_fake
	run lab start good
	expect_status 0
	fill
	no_room "cannot write the database '.*': .*free space on its disk" lab stop --discard --yes good
	make_room
	eventually 20 holds nothing_left
}

# That a session is gone could not be written: it is there again, and so is its definition.
gone_unwritten() {
	engine_fake 'fault=status match="POST /networks/create" status=409 text="x already exists"' \
		'fault=status match="POST /volumes/create" status=409 text="x already exists"'
	run lab start good
	expect_status 4
	fill
	no_room "cannot write the database '.*': .*free space on its disk" lab stop --discard --yes good
	eventually 5 says /v1/sessions '"sessions":\[\]'
	kill -KILL "$(daemons)"
	eventually 10 no_daemon
	make_room
	engine_back
	run lab status good
	expect_out '^good-[a-z0-9]+  failed: .*already exists'
	run lab resume good
	expect_status 0
	discard
}

# Killed while its disk is full, and started again on it.
full_at_the_beginning() {
	engine_fake
	run lab start good
	expect_status 0
	fill
	kill -KILL "$(daemons)"
	eventually 10 no_daemon
	run lab status
	expect_status 4
	expect_err "^lab: error\[4\]: .*'$state/.*(No space left on device|disk is full)"
	make_room
	run lab status good
	expect_status 0
	expect_out 'good-[a-z0-9]+ +ready'
	discard
}

row "a full disk" full
row "... while a lab is discarded" full_at_the_end
row "... and the daemon is killed, too" gone_unwritten
row "... while the daemon starts" full_at_the_beginning
rows_end
daemon_ends
umount -l "$state"
