#!/bin/sh
# A check of captured files sees what is there now, not what an earlier check saw, and judges nothing of more than is captured.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"
requires_engine

run lab start hello-lab
expect_status 0
lab exec -i -- sh <labs/hello-lab/solution/badge.sh || fail "the solution of badge"
run lab check badge
expect_status 0
run lab exec -- rm /srv/hello/badge
expect_status 0
run lab check badge
expect_status 1
expect_out '^badge/kept +FAIL +frozen'

# Too much is nobody's failure, and nothing of it is judged: neither a check nor a grade counts.
run lab exec -- truncate -s 65M /srv/hello/log
expect_status 0
run lab check badge
expect_status 4
expect_out "^badge/kept +ERROR +frozen .*'/srv/hello' of 'hello'.* 64\.0 MiB.*remove"
run lab exec -- rm /srv/hello/log
expect_status 0
run lab check badge
expect_status 1
expect_out '^badge/kept +FAIL +frozen'
