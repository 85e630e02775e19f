#!/bin/sh
# What a grade holds, files and ports, is held from what was on its way when it began, too; needs no engine.  time limit: 60 s
. "$(dirname "$0")/rows.sh"
have python3 || skip "python3 is not installed"

make_lab held

# The grade waits for its grading service, which takes two seconds to make.
graded() { # PYTHON, with say(text) to labd, grade(), and answer() for the first line and the rest
	run lab start held
	expect_status 0
	python3 - "$socket" "$(cat "$tmp/out")" <<-END >"$tmp/said"
		import socket, sys, subprocess
		name = sys.argv[2]
		s = socket.socket(socket.AF_UNIX)
		s.settimeout(20)
		s.connect(sys.argv[1])
		def say(text):
		    s.sendall(text.replace("\n", "\r\n").encode())
		def grade():
		    subprocess.run(["lab", "grade", name, "--no-wait", "--yes"], check=True, stdout=subprocess.DEVNULL)
		def answer():
		    text = b""
		    while b"until it ends" not in text and b"HTTP/1.1 204" not in text and (piece := s.recv(65536)):
		        text += piece
		    print(text.decode(errors="replace"))
		$1
	END
	grep -q '^HTTP/1.1 409' "$tmp/said" || fail "it was not held: $(cat "$tmp/said")"
	grep -q "a grade of '.*' is running: its $2 are held until it ends" "$tmp/said" || fail "$(cat "$tmp/said")"
	run lab status
	expect_out ' grading '
	discard
}

# The archive, which is two empty blocks, ends when the grade has begun.
upload() {
	engine_fake 'fault=delay ms=2000 match="POST /containers/create*" n=2'
	graded 'say(f"PUT /v1/sessions/{name}/files?path=/tmp HTTP/1.1\nHost: localhost\nTransfer-Encoding: chunked\n\n200\n" + "\0" * 512 + "\n"); grade(); say("200\n" + "\0" * 512 + "\n0\n\n"); answer()' files
}

# The container's address is asked for when the grade begins.
port() {
	engine_fake 'fault=delay ms=2000 match="POST /containers/create*" n=2' 'fault=late ms=700 match="GET /containers/?*/json*"'
	graded 'say(f"GET /v1/sessions/{name}/forward?port=80 HTTP/1.1\nHost: localhost\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\nSec-WebSocket-Protocol: labyard.forward.v1\n\n"); grade(); answer()' ports
}

row "an upload that began before the grade" upload
row "a port that was asked for before the grade" port
rows_end
