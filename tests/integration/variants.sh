#!/bin/sh
# A lab with variants starts as the first whose images the engine has, or as the one that is asked for; on the fake engine.  time limit: 60 s
. "$(dirname "$0")/../lib.sh"

# tiny-lab, whose service 'once' is there only with an image that nobody here can build.
tool=tool/tool:1@sha256:$(printf '%064d' 7)
cp -r tests/fault/labs "$tmp/labs"
sed -i "s|^tasks:|variants:\n  - {id: with+tool, profiles: [tool], note: The real tool.}\n  - {id: plain}\n&|" "$tmp/labs/tiny-lab/lab.yaml"
cat >>"$tmp/labs/tiny-lab/compose.yaml" <<END

  tool:
    profiles: [tool]
    image: $tool
    command: [sleep, infinity]
    networks: [front]
    cpus: 0.1
    mem_limit: 16m
    x-lab: {role: fixture}
END
mkdir -p "$XDG_CONFIG_HOME/labyard" "$XDG_STATE_HOME/labyard"
echo "labs = $tmp/labs" >"$XDG_CONFIG_HOME/labyard/labd.conf"
DOCKER_HOST=unix://$tmp/engine.sock
export DOCKER_HOST

engine() { # [PLAN-LINE...]: a new one, and a labd on it
	rm -f "$tmp/engine.sock" "$tmp/ready"
	{
		echo 'image name=debian:12-slim'
		for line; do echo "$line"; done
	} >"$tmp/plan"
	"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" --plan "$tmp/plan" >"$tmp/engine.log" 2>&1 &
	engine=$!
	eventually 10 test -S "$tmp/engine.sock"
	labd_start
}

labd_start() {
	labd >"$tmp/ready" 2>>"$XDG_STATE_HOME/labyard/labd.log" &
	labd=$!
	eventually 20 grep -q ready "$tmp/ready"
}

stop() {
	lab stop --all --discard --yes >"$tmp/out" 2>"$tmp/err" || fail "nothing can be stopped"
	kill "$labd" && wait "$labd"
	kill "$engine" && wait "$engine"
}

services() {
	run lab status tiny-lab -o json
	python3 -c 'import json, sys; d = json.load(sys.stdin); print(d["variant"], *sorted(s["name"] for s in d["services"]))' <"$tmp/out"
}

run lab lint --strict "$tmp/labs/tiny-lab"
expect_no_out 'error'

# --- without the image -------------------------------------------------------------------------

engine
run lab start tiny-lab
expect_status 0
expect_err '^· tiny-lab 1.0.0 as plain, engine '
expect_equal "the lab without its tool" "plain bench box judge once" "$(services)"
run lab start tiny-lab --variant plain
expect_status 0
run lab start tiny-lab --variant with+tool
expect_status 4
expect_err "runs as the variant 'plain': 'lab start tiny-lab --variant with\+tool --fresh' discards it"
run lab start tiny-lab --variant other --fresh --yes
expect_status 3
expect_err "there is no variant 'other' of this lab; it has 'with\+tool', 'plain'"
run lab status
expect_out '^tiny-lab-.* ready ' # nothing was discarded for what cannot be started
run lab start tiny-lab --variant with+tool --fresh --yes
expect_status 4
expect_err "image '$tool' is missing and could not be pulled"
run lab doctor
expect_out '^labs +'
expect_no_out 'tool/tool'
run lab catalog --show tiny-lab
expect_out '^as with\+tool: The real tool. \(with images from a registry\)$'
run lab __complete start tiny-lab --variant ''
expect_equal "variants to choose from" "" "$(cat "$tmp/out")"
run lab __complete test "$tmp/labs/tiny-lab" --variant ''
expect_out '^with\+tool	The real tool.$'
expect_out '^plain	'
stop

# --- with it -----------------------------------------------------------------------------------

engine "image name=$tool"
run lab start tiny-lab
expect_status 0
expect_err '^· tiny-lab 1.0.0 as with\+tool, engine '
expect_equal "the lab with its tool" "with+tool bench box judge once tool" "$(services)"

# It stays what it is, also for a labd that finds it.
kill "$labd" && wait "$labd"
labd_start
expect_equal "the lab after a restart" "with+tool bench box judge once tool" "$(services)"
run lab start tiny-lab
expect_status 0
stop

# --- where a registry has it -------------------------------------------------------------------

engine "registry name=$tool"
run lab start tiny-lab --variant with+tool
expect_status 0
expect_equal "the lab with its fetched tool" "with+tool bench box judge once tool" "$(services)"
stop
