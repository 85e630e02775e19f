#!/bin/sh
# The runner counts cases, and sees failures, crashes, time-outs and processes left behind.
. "$(dirname "$0")/../lib.sh"

# A test of the given body, run as the runner runs it.
judge() { # BODY
	printf '#!/bin/sh\n%s\n' "$1" >"$tmp/test"
	chmod +x "$tmp/test"
	run env RESULTS="$tmp" scripts/run-test "$tmp/test" sample
	counted=$(cat "$tmp/sample.count")
}

judge 'exit 0'
expect_status 0
expect_out '^PASS  sample \(1, '
expect_equal "a script that passes" '1 0 0' "$counted"

judge 'echo reason >&2; exit 77'
expect_status 0
expect_out '^SKIP  sample .*: reason$'
expect_equal "a script that skips" '0 0 1' "$counted"

judge 'echo what went wrong; exit 3'
expect_status 1
expect_out '^FAIL  sample '
expect_out 'what went wrong'
expect_equal "a script that fails" '0 1 0' "$counted"

judge 'printf "1..3\nok 1 - a\nnot ok 2 # SKIP b\nok 3 - c\n"'
expect_status 0
expect_equal "three cases, one skipped" '2 0 1' "$counted"

judge 'printf "1..2\nok 1 - a\nnot ok 2 - b\n"; exit 1'
expect_status 1
expect_equal "two cases, one failed" '1 1 0' "$counted"

judge 'printf "1..5\nok 1 - a\n"; kill -SEGV $$'
expect_status 1
expect_equal "a program that dies after the first of five cases" '1 4 0' "$counted"

judge 'printf "1..1\nok 1 - a\n"; exit 1'
expect_status 1
expect_equal "a program that fails after its last case" '1 1 0' "$counted"

judge '# time limit: 1 s
exec sleep 60'
expect_status 1
expect_out 'out of time'
expect_equal "a script that hangs" '0 1 0' "$counted"

judge 'setsid sleep 61 >/dev/null 2>&1 & exit 0'
expect_status 1
expect_out 'left running: [0-9]+ sleep 61'
expect_equal "a script that leaves a process" '0 1 0' "$counted"
