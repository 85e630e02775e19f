#!/bin/sh
# A build that fails and a service that never gets healthy: their last lines are shown, and nothing is left.  time limit: 90 s
. "$(dirname "$0")/rows.sh"
requires_engine

failing_build() {
	make_lab failing
	mkdir -p "$lab/images/box"
	cat >"$lab/images/box/Dockerfile" <<-END
		FROM debian:12-slim
		RUN echo "first words" && echo "last words, ${tmp##*.}" >&2 && exit 3
	END
	sed -i 's|^    image: debian:12-slim|    build: {context: images/box}|' "$lab/compose.yaml"
	run lab start failing
	expect_status 4
	expect_err '^last lines of .*box'
	expect_err '^  \| [^ ]*first words'
	expect_err "^  \| [^ ]*last words, ${tmp##*.}\$"
	expect_err "error\[4\]: 'failing-[a-z0-9]+' is failed: image .*box.* could not be built: .*3"
	engine_api GET '/containers/json?all=1' >"$tmp/list"
	! grep -q "last words, ${tmp##*.}" "$tmp/list" || fail "the container of the build is still there"
	daemon_lives
	discard
}

unhealthy() {
	make_lab sick 'startup_timeout: 5s'
	sed -i -e '0,/command: .*/s//command: [sh, -c, "echo words of box; exec sleep infinity"]\n    healthcheck: {test: [CMD, sh, -c, "echo no pulse yet; exit 1"], timeout: 2s}/' "$lab/compose.yaml"
	run lab start sick
	expect_status 5
	expect_err "error\[5\]: 'sick-[a-z0-9]+' is failed: service 'box' was not ready within 5.0 s: no pulse yet"
	expect_err '^last lines of box:$'
	expect_err '^  \| words of box$'
	expect_err "^  'lab resume sick-[a-z0-9]+' tries again"
	run lab status
	expect_out '^sick-[a-z0-9]+ +failed '
	discard
}

# It ends again and again; what it said is shown.
dying() {
	make_lab dying 'startup_timeout: 30s'
	sed -i '0,/command: .*/s//command: [sh, -c, "echo no config >\&2; exit 7"]\n    healthcheck: {test: [CMD, sh, -c, "exit 1"]}/' "$lab/compose.yaml"
	run lab start dying
	expect_status 4
	expect_err "error\[4\]: 'dying-[a-z0-9]+' is failed: service 'box' ended [0-9]+ times, last with exit code 7"
	expect_err '^last lines of box:$'
	expect_err '^  \| no config$'
	discard
}

row "a failing build" failing_build
row "a service that never gets healthy" unhealthy
row "a service that ends" dying
rows_end
