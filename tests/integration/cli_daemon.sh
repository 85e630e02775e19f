#!/bin/sh
# How `lab` finds, starts and replaces its daemon, and what it generates for shells and manuals; needs no engine.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"
have python3 || skip "python3 is not installed"
DOCKER_HOST=unix://$tmp/no-engine
export DOCKER_HOST
socket=$XDG_RUNTIME_DIR/labyard/labd.sock

version() {
	python3 - "$socket" <<-'END'
		import http.client, json, socket, sys
		c = http.client.HTTPConnection("localhost")
		c.sock = socket.socket(socket.AF_UNIX)
		c.sock.connect(sys.argv[1])
		c.request("GET", "/v1/version")
		v = json.load(c.getresponse())
		print(v["version"], v["pid"])
	END
}

# --- starting --------------------------------------------------------------------------------

# A daemon that ends at once: its last words are ours.
mkdir -p "$XDG_CONFIG_HOME/labyard"
mkfifo "$tmp/leave"
echo 'nonsense = 1' >"$XDG_CONFIG_HOME/labyard/labd.conf"
run lab status
expect_status 4
expect_err "^lab: error\[4\]: labd ended at once: .*'nonsense'"
rm "$XDG_CONFIG_HOME/labyard/labd.conf"

# Nothing is completed, and nobody started, while no daemon runs; labs are known all the same.
run lab __complete status ''
expect_status 0
expect_equal "completion without a daemon" "" "$(cat "$tmp/out")"
run lab __complete start he
expect_out '^hello-lab	'
expect_equal "daemons" "" "$(processes)"

# Four at once share one daemon.
for i in 1 2 3 4; do
	lab catalog -o name >"$tmp/list.$i" 2>&1 &
done
wait
for i in 1 2 3 4; do
	grep -qx hello-lab "$tmp/list.$i" || fail "one of four: $(cat "$tmp/list.$i")"
done
ours=$(version)
kill "${ours#* }"
eventually 20 has_ended "${ours#* }"

# A daemon that leaves still holds its folder when its socket has gone: the next one waits for that.
log=$XDG_STATE_HOME/labyard/labd.log
python3 -c 'import fcntl, sys
lock = open(sys.argv[1], "w")
fcntl.flock(lock, fcntl.LOCK_EX)
print("locked", flush=True)
sys.stdin.read()' "$XDG_STATE_HOME/labyard/lock" <"$tmp/leave" >"$tmp/leaving" &
leaving=$!
exec 9>"$tmp/leave"
eventually 10 grep -q locked "$tmp/leaving"
lab catalog -o name >"$tmp/list" 2>&1 9>&- &
early=$!
eventually 10 grep -q 'uses the folder.*: waiting for its end' "$log"
exec 9>&-
wait "$leaving"
wait "$early" || fail "while a daemon left: $(cat "$tmp/list")"
grep -qx hello-lab "$tmp/list" || fail "while a daemon left: $(cat "$tmp/list")"
ours=$(version)
kill "${ours#* }"
eventually 20 has_ended "${ours#* }"

# --- replacing -------------------------------------------------------------------------------

# Plays a daemon of another version until it is told to end.
impostor() { # SELF_STARTED LIVE API
	python3 - "$socket" "$@" >"$tmp/impostor" 2>&1 <<-'END' &
		import http.server, json, os, signal, socketserver, sys
		path, self_started, live, api = sys.argv[1], sys.argv[2] == "true", int(sys.argv[3]), int(sys.argv[4])
		class Handler(http.server.BaseHTTPRequestHandler):
		    protocol_version = "HTTP/1.1"
		    def do_GET(self):
		        body = json.dumps({"version": "0.0.1", "api": api, "pid": os.getpid(), "self_started": self_started,
		            "live_sessions": live} if self.path == "/v1/version" else {"labs": []}).encode()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(body)))
		        self.end_headers()
		        self.wfile.write(body)
		    def log_message(self, *a): pass
		    def address_string(self): return ""
		class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
		    daemon_threads = True
		def leave(*a):
		    os.unlink(path)
		    os._exit(0)
		signal.signal(signal.SIGTERM, leave)
		server = Server(path, Handler)
		print("listening", flush=True)
		server.serve_forever()
	END
	impostor=$!
	eventually 10 grep -q listening "$tmp/impostor"
}

rm -f "$socket"
impostor true 0 1
run lab catalog -o name
expect_status 0
expect_out '^hello-lab$'
wait "$impostor" || fail "the other version was not asked to leave"
new=$(version)
expect_equal "version" "$(lab --version | sed 's/^lab //')" "${new% *}"
kill "${new#* }"
eventually 20 has_ended "${new#* }"
rm -f "$socket"

# Who has started a daemon that is not needed any more takes it away: it would begin to serve when the other one leaves.
mkdir "$tmp/bin"
cp "$BUILD/lab" "$tmp/bin/"
printf '#!/bin/sh\nexec sleep 98765\n' >"$tmp/bin/labd" # is slow
chmod +x "$tmp/bin/labd"
slow_daemon() {
	for slow in $(processes); do
		! grep -qz '^98765$' "/proc/$slow/cmdline" || return 0
	done
	return 1
}
"$tmp/bin/lab" catalog >"$tmp/list" 2>&1 &
early=$!
eventually 10 slow_daemon
impostor false 0 1
wait "$early" || fail "another daemon came first: $(cat "$tmp/list")"
has_ended "$slow" || fail "the daemon that was not needed is still there"
kill "$impostor"
wait "$impostor" || :

# One with running labs goes on serving; another API is warned of. So does one that was not self-started.
for words in "true 1 2" "false 0 1"; do
	# shellcheck disable=SC2086 # three words
	impostor $words
	run lab catalog
	expect_status 0
	case $words in
	*2) expect_err '^lab: warning: labd 0.0.1 has running labs and speaks another API' ;;
	*) expect_equal "warnings" "" "$(cat "$tmp/err")" ;;
	esac
	kill "$impostor"
	wait "$impostor" || :
done

# --- for shells and readers ------------------------------------------------------------------

for shell in bash zsh fish; do
	lab completion "$shell" >"$tmp/completion.$shell"
	if have "$shell"; then
		"$shell" -n "$tmp/completion.$shell" || fail "the completion for $shell is no script"
	fi
done
bash -c '
	. "$1"
	complete_line() { # LINE
		COMP_LINE=$1 COMP_POINT=${#1} COMPREPLY=()
		_lab 2>/dev/null
		printf "%s\n" "${COMPREPLY[@]}"
	}
	[ "$(complete_line "lab sta")" = "start
status" ] || exit 1
	[ "$(complete_line "lab lint tests/integ")" = tests/integration ] || exit 2
	[ "$(complete_line "lab start --see")" = --seed ] || exit 3
	[ "$(complete_line "lab catalog --show hel")" = hello-lab ] || exit 4
' bash "$tmp/completion.bash" || fail "completion in bash"
run lab completion tcsh
expect_status 2

if have man && have groff; then
	MANWIDTH=80 man --warnings -l "$BUILD/lab.1" >"$tmp/page" 2>"$tmp/warnings"
	expect_equal "warnings of groff" "" "$(cat "$tmp/warnings")"
	grep -q 'lab exec \[SESSION\] -- COMMAND' "$tmp/page" || fail "the manual page has no 'lab exec'"
fi

# --- new -------------------------------------------------------------------------------------

mkdir "$tmp/new"
for template in basic web ml; do
	run lab new "lab-$template" --template "$template" --dir "$tmp/new"
	expect_status 0
	expect_out "^$tmp/new/lab-$template/checks/yours/"
	grep -rq 'WRITE:' "$tmp/new/lab-$template" || fail "the template $template marks nothing"
done
run lab lint --strict "$tmp/new"
expect_status 0
expect_err '3 labs, 0 errors, 0 warnings'
run grep -rE '@(slug|title)@' "$tmp/new"
expect_status 1
expect_equal "title" 'title: "Lab basic"' "$(sed -n 's/^\(title: "[^"]*"\).*/\1/p' "$tmp/new/lab-basic/lab.yaml")"
echo mine >"$tmp/new/lab-web/README.md"
run lab new lab-web --dir "$tmp/new"
expect_status 4
expect_equal "what was there" mine "$(cat "$tmp/new/lab-web/README.md")"
run lab new lab-two --dir "$tmp/new" --template wed
expect_status 2
expect_err "did you mean 'web'"
run lab new Lab_2 --dir "$tmp/new"
expect_status 2
run lab new lab-two --dir "$tmp/nowhere"
expect_status 3
expect_equal "nothing else was made" "lab-basic lab-ml lab-web" "$(cd "$tmp/new" && find . -mindepth 1 -maxdepth 1 | sort | sed 's,./,,' | xargs)"
run lab new lab-two --dir "$tmp/new" -o name
expect_equal "name" lab-two "$(cat "$tmp/out")"

# --- pack ------------------------------------------------------------------------------------

# The same files under other times, owners' rights and a cache that nobody wants: the same bytes.
mkdir "$tmp/one" "$tmp/two"
cp -r labs/_images labs/_lib labs/drift-retrain "$tmp/one"
(umask 077 && cp -r "$tmp/one/." "$tmp/two" && mkdir "$tmp/two/_lib/labkit/__pycache__" && echo x >"$tmp/two/_lib/labkit/__pycache__/x.pyc")
find "$tmp/two" -exec touch -d '2001-02-03 04:05:06' {} +
run lab pack "$tmp/one/drift-retrain" --out "$tmp/one.tar"
expect_status 0
expect_equal "path and digest" "$tmp/one.tar sha256:$(sha256sum <"$tmp/one.tar" | cut -d' ' -f1)" "$(cat "$tmp/out")"
run lab pack "$tmp/two/drift-retrain/" --out "$tmp/two.tar"
expect_status 0
cmp "$tmp/one.tar" "$tmp/two.tar" || fail "the same lab gave other bytes"
run lab pack drift-retrain --out "$tmp/three.tar" -o json
expect_status 0
cmp "$tmp/one.tar" "$tmp/three.tar" || fail "the lab of the catalogue gave other bytes"
python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["version"] == "1.0.0" and len(d["lab_digest"]) == 64' <"$tmp/out" || fail "pack -o json"

# What comes out is the lab: nothing is missing, nothing else is there, and programs are still programs.
mkdir "$tmp/unpacked"
tar -xf "$tmp/one.tar" -C "$tmp/unpacked"
diff -r -x __pycache__ "$tmp/one/drift-retrain" "$tmp/unpacked/drift-retrain" || fail "the lab changed on its way"
for part in _images/world _lib/labkit; do
	[ -d "$tmp/unpacked/$part" ] || fail "$part is missing"
done
[ -x "$tmp/unpacked/drift-retrain/checks/alert/rule-unit.sh" ] || fail "a check cannot be run any more"
run lab lint "$tmp/unpacked"
expect_status 0
run lab pack "$tmp/unpacked/drift-retrain" --out "$tmp/again.tar"
cmp "$tmp/one.tar" "$tmp/again.tar" || fail "packed again it has other bytes"
run lab pack "$tmp/new/lab-web" --out "$tmp/web.tar"
expect_status 0
expect_equal "a lab that stands on nothing" lab-web "$(tar -tf "$tmp/web.tar" | cut -d/ -f1 | sort -u)"

sed -i 's/^title:/titel:/' "$tmp/new/lab-web/lab.yaml"
run lab pack "$tmp/new/lab-web" --out "$tmp/broken.tar"
expect_status 8
expect_err "lab.yaml:[0-9]+:1: error\[D003\]: unknown key 'titel'"
[ ! -e "$tmp/broken.tar" ] || fail "a lab with errors was packed"
run lab pack helo-lab --out "$tmp/none.tar"
expect_status 3
expect_err "did you mean 'hello-lab'"
run lab pack labs/hello-lab --out "$tmp/nowhere/x.tar"
expect_status 4
rm -r "$tmp/new/lab-web"

# --- lint ------------------------------------------------------------------------------------

run lab lint labs
expect_status 0
run lab lint --strict labs/hello-lab
expect_status 0
cp -r labs/hello-lab "$tmp/hello-lab"
sed -i 's/^title:/titel:/' "$tmp/hello-lab/lab.yaml"
run lab lint "$tmp"
expect_status 8
expect_out "hello-lab/lab.yaml:5:1: error\[D003\]: unknown key 'titel'"
run lab lint "$tmp/nowhere"
expect_status 3
run lab lint -o json "$tmp/hello-lab"
python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["errors"] == len(d["problems"]) == 2' <"$tmp/out" || fail "lint -o json"
run lab lint --explain l011
expect_status 0
expect_out "^L011 \\(warning\\): "
expect_out "^Right:"
run lab lint --explain L11
expect_status 2
expect_err "did you mean .L011"
run lab lint --explain L011 -o json
python3 -c 'import json, sys; d = json.load(sys.stdin); assert d["code"] == "L011" and d["why"] and d["example"]' <"$tmp/out" || fail "lint --explain -o json"
