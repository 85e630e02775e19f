#!/bin/sh
# lab preview takes over what an author changes: texts and checks at once, services anew when their part has changed; on the fake engine.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"

cp -r tests/fault/labs "$tmp/labs"
folder=$tmp/labs/tiny-lab
DOCKER_HOST=unix://$tmp/engine.sock
export DOCKER_HOST
ENGINE=$DOCKER_HOST
printf '%s\n' 'image name=debian:12-slim' 'exec match="never-ready" exit=1' >"$tmp/plan"
"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" --plan "$tmp/plan" >"$tmp/engine.log" 2>&1 &
engine=$!
eventually 10 test -S "$tmp/engine.sock"

preview() { # OPTION...
	: >"$tmp/said"
	lab preview "$folder" "$@" >"$tmp/preview" 2>"$tmp/said" &
	preview=$!
	from=1
	told 'ready in'
	LAB_HOST=$(cut -d' ' -f2 "$tmp/preview")
	export LAB_HOST
}

said() { # EXTENDED-REGEX
	tail -n "+$from" "$tmp/said" | grep -Eq -e "$1"
}

# What it says to one change, in this order; what was said before does not count.
told() { # EXTENDED-REGEX...
	for words; do
		eventually 20 said "$words"
	done
}

change() { # FILE SED: with a new file under the old name, as editors save
	from=$(($(wc -l <"$tmp/said") + 1))
	cp "$folder/$1" "$tmp/before"
	sed -i "$2" "$folder/$1"
	! cmp -s "$tmp/before" "$folder/$1" || fail "'$2' changes nothing in $1"
}

container() { # SERVICE: its name has the number of its making
	engine_api GET "/containers/json?all=1" | grep -o "/lab-tiny-lab-[a-z0-9]*-$1-[0-9]*" | head -n 1
}

has() { # SERVICE
	[ -n "$(container "$1")" ]
}

has_no() {
	! has "$1"
}

on_volume() { # FILE
	lab exec -- cat "/srv/work/$1" 2>/dev/null
}

# --- nothing of it is the learner's ------------------------------------------------------------

run lab preview "$tmp/nowhere"
expect_status 3
run lab preview a b
expect_status 2

preview --watch
expect_equal "name" tiny-lab "$(sed 's/-[a-z0-9]* unix:.*//' "$tmp/preview")"
told 'export LAB_HOST=unix:' 'lab shell, lab check'
echo kept >"$tmp/mark"
lab cp -q "$tmp/mark" :/srv/work/ || fail "the work"
box=$(container box)
once=$(container once)

# --- texts and checks --------------------------------------------------------------------------

change lab.yaml 's/^title:.*/title: Another title/'
told '^· changed: lab.yaml$' '^· used from now on$'
run lab check work/kept
expect_out 'work/kept +FAIL +frozen'
change lab.yaml 's|There is no file /srv/work/answer|Nobody has answered yet|'
told 'changed: lab.yaml' 'used from now on'
run lab check work/kept
expect_out 'Nobody has answered yet'
run lab check work/seen
expect_out 'work/seen +PASS'
printf '#!/bin/sh\nfalse\n' >"$tmp/seen"
chmod +x "$tmp/seen"
from=$(($(wc -l <"$tmp/said") + 1))
mv "$tmp/seen" "$folder/checks/seen.sh"
told 'changed: checks/seen.sh' 'used from now on'
run lab check work/seen
expect_out 'work/seen +FAIL +neighbour'
expect_equal "container of box" "$box" "$(container box)"
expect_equal "work" kept "$(on_volume mark)"

# --- errors ------------------------------------------------------------------------------------

change lab.yaml 's/^title:/titel:/'
told "^$folder/lab.yaml:[0-9]+:1: error\[D003\]: unknown key 'titel'" 'the lab goes on as it was before'
run lab check work/seen
expect_out 'work/seen +FAIL'
change lab.yaml 's/^titel:/title:/'
told 'used from now on'
expect_equal "container of box" "$box" "$(container box)"

# --- services ----------------------------------------------------------------------------------

change compose.yaml '/^  box:/,$s/mem_limit: 32m/mem_limit: 24m/'
told 'changed: compose.yaml' 'made anew: box$' 'ready in'
[ "$(container box)" != "$box" ] || fail "box is the same container"
expect_equal "one-shot service" "$once" "$(container once)"
expect_equal "work" kept "$(on_volume mark)"

from=$(($(wc -l <"$tmp/said") + 1))
echo more >"$folder/work/more"
told 'changed: work/more' 'made anew: box' 'ready in'
expect_equal "work on a volume that begins anew" '' "$(on_volume mark || :)"

change images/box/Dockerfile '$aRUN echo hello'
told 'changed: images/box/Dockerfile' 'made anew: once, box$' 'ready in'
[ "$(container once)" != "$once" ] || fail "the one-shot service did not run again"

# What cannot be built says so, and is tried again with the next change.
change images/box/Dockerfile 's/RUN echo hello/RUN exit 3/'
told "could not be built: .*code: 3"
eventually 10 has_no box
change images/box/Dockerfile 's/RUN exit 3/RUN echo good/'
told 'ready in'

# Another service: the whole lab.
cp "$tmp/mark" "$tmp/again"
lab cp -q "$tmp/again" :/srv/work/ || fail "the work"
change compose.yaml '/^  judge:/i\  other:\n    build: {context: images/box}\n    command: [sleep, infinity]\n    networks: [front]\n    cpus: 0.1\n    mem_limit: 16m\n    x-lab: {role: fixture}\n'
told 'the whole lab begins anew' '2 services ready in'
expect_equal "work in a lab that begins anew" '' "$(on_volume again || :)"
has other || fail "the new service is not there"

# --- a change waits for who judges ---------------------------------------------------------------

change checks/seen.sh 's/false/sleep 2/'
told 'used from now on'
eventually 10 has_no judge
lab check work/seen >"$tmp/judged" 2>&1 &
checking=$!
eventually 10 has judge
change lab.yaml 's/^title:.*/title: A third title/'
told 'used from now on'
wait "$checking" || fail "the check: $(cat "$tmp/judged")"
expect_equal "what came last" definition "$(lab events | awk '$3 == "run" || $3 == "definition" { last = $3 } END { print last }')"
change checks/seen.sh 's/sleep 2/echo seen/'
told 'used from now on'

# --- a service goes that a check which was stopped had asked for ----------------------------------

change compose.yaml '$a\  zz:\n    build: {context: images/box}\n    command: [sleep, infinity]\n    networks: [front]\n    healthcheck: {test: [CMD, never-ready]}\n    cpus: 0.1\n    mem_limit: 16m\n    x-lab: {role: hidden, start: check}\n'
told 'the whole lab begins anew' '2 services ready in'
change lab.yaml '/id: seen/i\      - {id: late, vantage: neighbour, by: zz, severity: info, run: [seen.sh], timeout: 60s, fail: "There is no zz."}'
told 'used from now on'
labd_api() { # METHOD PATH OPTION...
	method=$1 path=$2
	shift 2
	curl -sS --max-time 10 --unix-socket "${LAB_HOST#unix:}" -X "$method" "$@" "http://localhost/v1$path"
}
labd_api POST "/sessions/$(lab status -o name)/checks" -d '{"only":["work/late"]}' >"$tmp/judged"
eventually 10 has zz
labd_api DELETE "/runs/$(sed 's/.*"id":\([0-9]*\).*/\1/' "$tmp/judged")" >"$tmp/stopped"
change lab.yaml '/id: late/d'
told 'used from now on'
change compose.yaml '/^  zz:/,$d'
told 'the whole lab begins anew' '2 services ready in'

# --- an upload goes where it was meant to, whatever place its service has by then ------------------

if have python3; then
	mkfifo "$tmp/rest"
	python3 - "${LAB_HOST#unix:}" "$(lab status -o name)" "$tmp/rest" >"$tmp/uploaded" <<-END &
		import io, socket, sys, tarfile
		out = io.BytesIO()
		with tarfile.open(fileobj=out, mode="w") as t:
		    t.addfile(tarfile.TarInfo("late"))
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(60)
		s.connect(sys.argv[1])
		s.sendall(f"PUT /v1/sessions/{sys.argv[2]}/files?path=/srv/work HTTP/1.1\r\nHost: localhost\r\n"
		          f"Content-Length: {len(out.getvalue())}\r\n\r\n".encode())
		open(sys.argv[3]).read()
		s.sendall(out.getvalue())
		print(s.recv(4096).decode())
	END
	upload=$!
	change compose.yaml '/^  once:/i\  aaa:\n    build: {context: images/box}\n    command: [sleep, infinity]\n    networks: [front]\n    cpus: 0.1\n    mem_limit: 16m\n    x-lab: {role: fixture}\n'
	told 'the whole lab begins anew' '3 services ready in'
	echo >"$tmp/rest"
	wait "$upload" || fail "the upload: $(cat "$tmp/uploaded")"
	grep -q '^HTTP/1.1 204' "$tmp/uploaded" || fail "the upload: $(cat "$tmp/uploaded")"
	on_volume late >/dev/null || fail "the upload went elsewhere"
fi

# --- its end -----------------------------------------------------------------------------------

run lab grade --yes
expect_out '^TOTAL '
run lab history
expect_out tiny-lab
kill "$preview"
wait "$preview" || fail "it ended with status $?"
unset LAB_HOST
expect_equal "containers" '[]' "$(engine_api GET '/containers/json?all=1')"
expect_equal "copies" '' "$(ls "$XDG_STATE_HOME/labyard/proving")"
run lab history
expect_no_out tiny-lab

# A labd that somebody ends leaves what it has made to the next one.
for signal in KILL TERM; do
	preview --watch
	expect_equal "sandboxes" 1 "$(engine_api GET '/containers/json?all=1' | grep -o -- '-box-' | wc -l)"
	for pid in $(processes); do
		if tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -e '/labd --proof'; then kill -"$signal" "$pid"; fi
	done
	status=0
	wait "$preview" || status=$?
	unset LAB_HOST
	expect_equal "status without a labd" 4 "$status"
	grep -q "has ended without removing" "$tmp/said" || fail "it does not say what stays: $(cat "$tmp/said")"
	has box || fail "nothing was left after $signal, so nothing is shown"
done

# A lab that cannot start yet is waited for; without --watch nothing is.
sed -i 's/RUN echo good/RUN exit 4/' "$folder/images/box/Dockerfile"
run lab preview "$folder"
expect_status 4
expect_err 'could not be built'
expect_equal "containers" '[]' "$(engine_api GET '/containers/json?all=1')"
expect_equal "copies" '' "$(ls "$XDG_STATE_HOME/labyard/proving")"
sed -i 's/^title:/titel:/' "$folder/lab.yaml"
run lab preview "$folder"
expect_status 8
expect_err "error\[D003\]: unknown key 'titel'"

kill "$engine"
wait "$engine" || fail "the fake engine ended with status $?"
