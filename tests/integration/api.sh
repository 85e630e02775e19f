#!/bin/sh
# Every operation of the interface does what openapi.yaml says, and leaves nothing behind.  time limit: 300 s
. "$(dirname "$0")/../lib.sh"
requires_engine
python3 -c 'import jsonschema, yaml' 2>/dev/null || skip "python3-jsonschema and python3-yaml are not installed"

socket=$tmp/run/labyard/labd.sock
mkdir -p "$XDG_STATE_HOME/labyard"
labd --log-level debug >"$tmp/ready" 2>"$XDG_STATE_HOME/labyard/labd.log" &
eventually 10 grep -q ready "$tmp/ready"
python3 tests/integration/api.py "$socket" "$XDG_STATE_HOME/labyard"
