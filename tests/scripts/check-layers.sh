#!/bin/sh
# check-layers finds each kind of wrong arrow, and nothing in a tree that has none.
. "$(dirname "$0")/../lib.sh"

# One line of source, at a place of a small tree that is in order.
source_file() { # PATH TEXT
	mkdir -p "$tmp/tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$tmp/tree/$1"
}
in_order() {
	rm -rf "$tmp/tree"
	source_file lib/base/err.h '#include <stddef.h>'
	source_file lib/ev/loop.h '#include "base/err.h"'
	source_file lib/ev/loop.c '#include <uv.h>'
	source_file lib/codec/json.h '#include "base/err.h"'
	source_file lib/session/session.h '#include "codec/json.h"'
	source_file cmd/labd/main.c '#include "session/session.h"'
}
complains() { # REGEX
	run scripts/check-layers "$tmp/tree"
	expect_status 1
	expect_out "$1"
	expect_equal "lines of complaint" 1 "$(wc -l <"$tmp/out")"
	in_order
}

in_order
run scripts/check-layers "$tmp/tree"
expect_equal "complaints about a tree in order" '' "$(cat "$tmp/out")"
expect_status 0

source_file lib/base/bad.c '#include "session/session.h"'
complains '^lib/base/bad.c:1: "session/session.h" points upward: lib/base \(base\) may not know lib/session \(domain\)$'

source_file lib/codec/bad.c '#include <uv.h>'
complains '^lib/codec/bad.c:1: <uv.h> belongs to lib/ev/ alone$'

source_file lib/codec/bad.c '#include <zlib.h>'
complains '^lib/codec/bad.c:1: <zlib.h> has no owner'

source_file lib/codec/bad.c '#include "ev/gone.h"'
complains '^lib/codec/bad.c:1: "ev/gone.h" is not in the tree$'

source_file lib/extra/new.c '#include "base/err.h"'
complains '^lib/extra/new.c: lib/extra has no layer'

source_file lib/base/err.h '#include "list.h"'
source_file lib/base/list.h '#include "err.h"'
complains 'cycle of headers$'

source_file lib/ev/uv_types.h '#include <uv.h>'
source_file lib/ev/pump.h '#include "uv_types.h"'
source_file lib/session/bad.c '#include "ev/pump.h"'
complains '^lib/session/bad.c:1: "ev/pump.h" carries <uv.h> out of lib/ev$'

source_file lib/ev/bad.c '#include "codec/json.h"'
source_file lib/codec/bad.c '#include "ev/loop.h"'
run scripts/check-layers "$tmp/tree"
expect_status 1
expect_out '^lib/ev/bad.c:1: "codec/json.h" is part of a cycle: lib/codec reaches lib/ev as well$'
expect_out '^lib/codec/bad.c:1: "ev/loop.h" is part of a cycle: lib/ev reaches lib/codec as well$'
