#!/bin/sh
# An author's way: a new lab has no faults, starts, judges its example right, and fails only where it is not written.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"
requires_engine

mkdir -p "$tmp/labs" "$XDG_CONFIG_HOME/labyard"
echo "labs = $tmp/labs" >"$XDG_CONFIG_HOME/labyard/labd.conf"
run lab new quiet-box --dir "$tmp/labs"
expect_status 0
expect_out "^$tmp/labs/quiet-box/lab.yaml\$"
run lab lint --strict "$tmp/labs"
expect_status 0

run lab start quiet-box
expect_status 0
run lab check
expect_status 1
expect_out 'word/written +FAIL +frozen +there is no file'
expect_out 'yours/works +FAIL'
lab exec -i -- sh <"$tmp/labs/quiet-box/solution/word.sh" || fail "the solution of word"
run lab grade -o json
expect_status 1
expect_out '"check":"word/written","task":"word","verdict":"pass"'
expect_out '"check":"yours/works","task":"yours","verdict":"fail"'

# The cheat that comes with the example is refused.
lab exec -i -- sh <"$tmp/labs/quiet-box/cheats/word-name.sh" || fail "the cheat of word"
run lab check word
expect_status 1
expect_out 'word/written +FAIL +frozen +/srv/work/word holds something else'

# A new session begins with the lab as it is now.
sed -i 's/there is no file \/srv\/work\/word/nothing is written/' "$tmp/labs/quiet-box/checks/word/written.sh"
run lab start quiet-box --fresh --yes
expect_status 0
run lab check word
expect_status 1
expect_out 'word/written +FAIL +frozen +nothing is written'

# What is not written cannot be judged, and costs nobody anything.
lab exec -i -- sh <"$tmp/labs/quiet-box/cheats/yours-empty.sh" || fail "the cheat of yours"
run lab check yours
expect_status 4
expect_out 'yours/works +ERROR'

# A lock names what the images hold, and is told when an archive has something else.
run lab pack "$tmp/labs/quiet-box" --check-lock
expect_status 3
expect_err "'lab pack --lock' writes it"
run lab pack "$tmp/labs/quiet-box" --lock -o json
expect_status 0
expect_out '"file":"'"$tmp"'/labs/quiet-box/lab.lock","images":2,"packages":[0-9]{2,}'
run lab lint --strict "$tmp/labs"
expect_status 0
dpkg=$(lab exec -- dpkg-query -W -f '${Version}' dpkg)
grep -q "^ *\"dpkg\": \"$dpkg\"" "$tmp/labs/quiet-box/lab.lock" || fail "the lock does not say which dpkg"
sed -i 's/"dpkg": ".*"/"dpkg": "0.1"/' "$tmp/labs/quiet-box/lab.lock"
run lab pack "$tmp/labs/quiet-box" --check-lock
case $status in
1) expect_out "^debian:12-slim +dpkg +0\\.1 +[0-9]" ;;
*) # no archive can be reached from here
	expect_status 4
	expect_err "the packages of image 'debian:12-slim' cannot be listed"
	;;
esac
expect_equal "images of questions" '' "$(engine_api GET '/images/json?filters=%7B%22reference%22%3A%5B%22labyard/packages%22%5D%7D' | tr -d '[] \n')"

# A preview takes over what is changed, with an engine that really makes it.
rm "$tmp/labs/quiet-box/lab.lock"
lab preview "$tmp/labs/quiet-box" --watch >"$tmp/preview" 2>"$tmp/said" &
preview=$!
eventually 30 grep -q 'ready in' "$tmp/said"
LAB_HOST=$(cut -d' ' -f2 "$tmp/preview")
export LAB_HOST
lab exec -i -- sh <"$tmp/labs/quiet-box/solution/word.sh" || fail "the solution of word"
sed -i 's/nothing is written/not a word/' "$tmp/labs/quiet-box/checks/word/written.sh"
eventually 30 grep -q 'used from now on' "$tmp/said"
run lab check word
expect_status 0
sed -i 's/mem_limit: [0-9]*m/mem_limit: 60m/' "$tmp/labs/quiet-box/compose.yaml"
eventually 30 grep -q 'made anew: box' "$tmp/said"
eventually 30 sh -c '[ "$(grep -c "ready in" "$1")" = 2 ]' - "$tmp/said"
run lab check word
expect_status 0
kill "$preview"
wait "$preview" || fail "the preview ended with status $?"
unset LAB_HOST
