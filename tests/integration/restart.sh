#!/bin/sh
# Labs go on while the daemon ends, comes back, or is killed, and clients hear of it.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"
requires_engine
python3 -c 'import jsonschema, yaml' 2>/dev/null || skip "python3-jsonschema and python3-yaml are not installed"

mkdir -p "$XDG_STATE_HOME/labyard"
python3 tests/integration/restart.py "$XDG_RUNTIME_DIR/labyard/labd.sock" "$XDG_STATE_HOME/labyard/labd.log"
