#!/bin/sh
# engine keeps to the engine that the user named, as labd does, and says so when it does not answer.
. "$(dirname "$0")/../lib.sh"

unset DOCKER_HOST DOCKER_CONTEXT DOCKER_CONFIG
run env DOCKER_HOST="unix://$tmp/none.sock" scripts/engine
expect_status 4
expect_err "DOCKER_HOST is 'unix://$tmp/none.sock', but no engine answers there"

# A context's folder is named by the hash of its name.
context=$HOME/.docker/contexts/meta/$(printf away | sha256sum | cut -d' ' -f1)
mkdir -p "$context"
echo '{"Name":"away","Endpoints":{"docker":{"Host":"unix:///nowhere/away.sock","SkipTLSVerify":false}}}' >"$context/meta.json"
echo '{"auths": {}, "currentContext": "away"}' >"$HOME/.docker/config.json"
run scripts/engine
expect_status 4
expect_err "the docker context 'away' is 'unix:///nowhere/away.sock', but no engine answers there"

run env DOCKER_CONTEXT=lost scripts/engine
expect_status 4
expect_err "the docker context 'lost' does not exist"

run scripts/engine --suite potato
expect_status 2
