#!/bin/sh
# What a learner made runs in throw-away containers: a good program passes, a hostile one gets a clear verdict and reaches, learns and leaves nothing, also when labd is killed.  time limit: 180 s
. "$(dirname "$0")/../lib.sh"
requires_engine

lab=tests/integration/labs/replay-lab
mkdir "$XDG_CONFIG_HOME/labyard"
echo "labs = $TOP/tests/integration/labs" >"$XDG_CONFIG_HOME/labyard/labd.conf"

no_bench() { # there is no throw-away container of this installation
	filter="filters=%7B%22label%22%3A%5B%22labd.install%3D$(cat "$XDG_STATE_HOME/labyard/install")%22%2C%22labd.service%3Dbench%22%5D%7D"
	[ "$(engine_api GET "/containers/json?all=1&$filter")" = "[]" ]
}

some_bench() {
	! no_bench
}

verdict() { # FILE CHECK STATUS VERDICT EXTENDED-REGEX: of a quick check after FILE was run in the lab
	lab exec -i -- sh <"$1" || fail "$1 cannot be run"
	run lab check "$2"
	expect_status "$3"
	expect_out "^$2 +$4 +replay.*.*$5"
	eventually 10 no_bench
}

run lab start replay-lab
expect_status 0
run lab check
expect_status 1
expect_out '^work/runs +FAIL +replay'
expect_out '^work/doubles +FAIL +replay +No answer: .*"step":2,"by":"bench","exit":1,.*"gives":\["answer"\],"missing":\{"second":"it is not there"\}'

# --- hostile programs -------------------------------------------------------------------------

verdict $lab/cheats/flood.sh work/doubles 1 FAIL '.*"missing":\{"answer":"it is larger than 16 MiB'
verdict $lab/cheats/flood.sh work/runs 1 FAIL '.*ended by signal 9'
verdict $lab/cheats/endless.sh work/doubles 1 FAIL 'It did not end\.'
verdict $lab/cheats/endless.sh work/runs 5 TIME '.*ran out of time'
verdict $lab/cheats/killer.sh work/doubles 1 FAIL '.*"exit":(null|137),'
verdict $lab/cheats/killer.sh work/runs 1 FAIL '.*(signal 9|ended or spoken for)'
verdict $lab/cheats/sinker.sh work/doubles 1 FAIL 'No answer: .*"exit":(null|137),'
verdict $lab/cheats/sinker.sh work/runs 1 FAIL '.*(signal 9|ended or spoken for)'
verdict $lab/cheats/forger.sh work/doubles 1 FAIL '(Twice [0-9]+ is not|No answer): '
verdict $lab/cheats/link.sh work/doubles 1 FAIL '.*"missing":\{"answer":"it is no plain file","second":"it is no plain file"\}'
lab exec -i -- sh <$lab/cheats/heap.sh
run lab check work/doubles -o json
expect_out '"gives\\":\[\\"answer\\"\],\\"missing\\":\{\\"second\\":\\"it is larger than 16 MiB, or all files'
for _ in 1 2; do
	verdict $lab/cheats/memory.sh work/doubles 1 FAIL 'No answer: '
done
verdict $lab/cheats/spy.sh work/doubles 1 FAIL 'Twice [0-9]+ is not: interfaces: /sys/class/net/lo routes: places: '
expect_no_out 'NETWORK|BADGE|LAB_PARAM|LAB_SECRETS|LAB_CHECKS|LAB_TARGET'
expect_out '/lab/checks/\* /lab/secrets/\* /lab/step/takes/number /lab/step/takes/steps.json /run/\*\.sock /var/run/docker\.so\[c\]k '
expect_out 'user: 1000 CapEff: 0000000000000000'

# --- a grade: where no step may fail, the end of the work is the verdict --------------------------

lab exec -i -- sh <$lab/cheats/killer.sh
run lab grade --yes
expect_status 1
lab exec -i -- sh <$lab/solution/work.sh
run lab grade --yes -o json
expect_status 0
expect_out '"check":"work/survives","task":"work","verdict":"pass","reason":null,"trust":"replay","forgeable":false'
expect_out '"check":"work/runs","task":"work","verdict":"pass","reason":null,"trust":"replay","forgeable":true'
expect_out '"trust_min":"replay"'
eventually 10 no_bench

# --- stopped, and killed, in the middle of a step -----------------------------------------------

lab exec -i -- sh <$lab/cheats/endless.sh
lab check work/doubles >/dev/null 2>&1 &
checking=$!
eventually 20 some_bench
kill -INT $checking
run lab stop
expect_status 0
eventually 10 no_bench
run lab start replay-lab
expect_status 0

lab check work/doubles >/dev/null 2>&1 &
checking=$!
eventually 20 some_bench
for pid in $(processes); do
	case $(readlink "/proc/$pid/exe") in */labd) kill -KILL "$pid" ;; esac
done
wait $checking || :
some_bench || fail "nothing was left for the next daemon to remove"
run lab status
expect_status 0
eventually 20 no_bench
verdict $lab/solution/work.sh work/doubles 0 PASS ''
