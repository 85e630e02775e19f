#!/bin/sh
# Labs from git: add, list, sync, start and remove repositories, good ones and such that go wrong, with a real git server and a fake engine.  time limit: 240 s
. "$(dirname "$0")/../lib.sh"
for program in git python3 openssl curl; do have $program || skip "$program is not installed"; done

export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example
state=$XDG_STATE_HOME/labyard repos=$XDG_STATE_HOME/labyard/repos
served=$tmp/git work=$tmp/work
mkdir "$served"

publish() { # MESSAGE: what lies in the working tree becomes the served commit
	git -C "$work" add -A
	git -C "$work" commit -qm "$1"
	git -C "$work" push -q --force "$served/labs.git" HEAD:refs/heads/main
}
commit() {
	git -C "$work" rev-parse HEAD
}
field() { # PYTHON-EXPRESSION of the document d on stdout
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$tmp/out" "$1"
}
trees() { # REPO: how many are kept
	find "$repos/$1" -mindepth 1 -maxdepth 1 -type d | wc -l
}

git init -q --bare -b main "$served/labs.git"
git init -q -b main "$work"
cp -r tests/fault/labs/tiny-lab "$work/tiny-lab"
cp -r tests/fault/labs/tiny-lab "$work/other-lab"
sed -i 's/tiny-lab/other-lab/' "$work/other-lab/lab.yaml" "$work/other-lab/compose.yaml"
publish first
first=$(commit)

mkfifo "$tmp/end"
python3 tests/git/server.py "$served" <"$tmp/end" >"$tmp/port" 2>"$tmp/server.log" &
exec 9>"$tmp/end" # the server ends with it
eventually 10 test -s "$tmp/port"
server=https://localhost:$(cat "$tmp/port")
export SSL_CERT_FILE="$served/ca.pem"
printf '%s\n' 'image name=debian:12-slim' 'exec match="test -d" exit=0' >"$tmp/plan"
"$BUILD/fakeengine" --listen "unix:$tmp/engine.sock" --plan "$tmp/plan" >"$tmp/engine.log" 2>&1 &
export DOCKER_HOST="unix://$tmp/engine.sock"
eventually 10 test -S "$tmp/engine.sock"

# --- adding ----------------------------------------------------------------------------------

run lab repo list
expect_status 0
expect_err 'there is no repository'
run lab repo
expect_status 2
run lab repo add
expect_status 2
run lab repo add --dry-run "$server/good/labs.git"
expect_status 2
run lab repo add http://localhost/labs.git
expect_status 2
expect_err 'write https://HOST/PATH'
run lab repo add "https://bob:sesame@localhost/labs.git"
expect_status 2
! grep -q sesame "$tmp/err" || fail "a password was repeated"
run lab repo add "$server/gone/labs.git"
expect_status 3
expect_err "there is no repository at '$server/gone/labs.git'"
run lab repo add "$server/elsewhere/labs.git"
expect_status 7
expect_err 'has moved'
run lab repo add "$server/cut/labs.git"
expect_status 4
run lab repo add "$server/good/labs.git" --ref nothing
expect_status 3
expect_err "no branch or tag 'nothing'"
run lab repo list -o name
expect_equal "repositories after failures" "" "$(cat "$tmp/out")"
expect_equal "folders after failures" 0 "$(find "$repos" -mindepth 1 | wc -l)"

run lab repo add "$server/good/labs.git"
expect_status 0
expect_out '^labs/other-lab +new +'"$(echo "$first" | cut -c 1-12)"
expect_out '^labs/tiny-lab +new'
run lab repo add "$server/good/labs.git"
expect_status 4
expect_err "there is a repository 'labs' already"
run lab repo list
expect_out "^labs +HEAD +$(echo "$first" | cut -c 1-12) +2 +0 "
run lab catalog
expect_out '^labs/tiny-lab '
expect_out '^hello-lab '
run lab catalog --show labs/tiny-lab -o json
expect_equal "commit of the lab" "$first" "$(field 'd["commit"]')"
run lab __complete start labs/t
expect_out '^labs/tiny-lab'
run lab __complete repo sync ''
expect_out '^labs'

# --- starting --------------------------------------------------------------------------------

run lab start labs/none
expect_status 3
expect_err "repository 'labs' has no lab 'none'"
run lab start nobody/tiny-lab
expect_status 3
expect_err "there is no repository 'nobody'"
run lab start labs/tiny-lab
expect_status 0
session=$(cat "$tmp/out")
run lab start tiny-lab # only one repository has it
expect_equal "session of the same lab" "$session" "$(cat "$tmp/out")"

# --- grading: a grade is one of this repository's lab, and of no other with its slug -----------

run lab grade "$session" --yes -o json
expect_status 0
expect_equal "lab of the grade" labs/tiny-lab "$(field 'd["lab"]')"
grade=$(field 'd["id"]')
for lab in tiny-lab labs/tiny-lab; do
	run lab history $lab -o json
	expect_equal "grades of $lab" "['labs/tiny-lab']" "$(field '[g["lab"] for g in d["grades"]]')"
done
run lab history other/tiny-lab -o name
expect_equal "grades of another lab" "" "$(cat "$tmp/out")"
run lab catalog -o json
expect_equal "labs with a grade" "['labs/tiny-lab']" "$(field '[l["name"] for l in d["labs"] if l["best"]]')"
lab history --receipt "$grade" >"$tmp/receipt"
run lab verify "$tmp/receipt" -o json
expect_status 7
expect_equal "lab of the record" labs/tiny-lab "$(field 'd["lab"]')"
expect_equal "commit of the record" "git:$first" "$(field 'd["commit"]')"

# --- syncing ---------------------------------------------------------------------------------

run lab repo sync
expect_status 0
expect_out '^labs/tiny-lab +unchanged'
echo 'More to read.' >>"$work/tiny-lab/README.md"
mkdir "$work/media"
head -c 9000000 /dev/urandom >"$work/media/noise" # it is written in parts
publish second
second=$(commit)
run lab repo list --outdated
expect_status 0
expect_out "^labs .* $(echo "$second" | cut -c 1-12)\$"
run lab repo sync --dry-run
expect_status 0
expect_out "^labs/tiny-lab +changed +$(echo "$second" | cut -c 1-12)"
expect_out '^labs/other-lab +unchanged'
run lab repo list -o json
expect_equal "commit after a dry run" "$first" "$(field 'd["repos"][0]["commit"]')"
run lab repo sync labs -o json
expect_equal "state of the lab" changed "$(field '[l["state"] for l in d["syncs"][0]["labs"] if l["slug"] == "tiny-lab"][0]')"
run lab repo list --outdated
expect_err 'every repository is at the commit'
run lab status "$session" -o json
expect_equal "commit of the running session" "$first" "$(field 'd["commit"]')"
run lab start "labs/tiny-lab@$first" -o name
expect_equal "session of its own commit" "$session" "$(cat "$tmp/out")"
run lab start "labs/tiny-lab@$second" # it was asked for: another one is no answer
expect_status 4
expect_err "'$session' is of commit $(echo "$first" | cut -c 1-12): with --fresh it is discarded and $(echo "$second" | cut -c 1-12) started"

cmp "$work/media/noise" "$repos/labs/$second/media/noise" || fail "a large file is another"
rm -r "${work:?}/media"

# A lab with an error is rejected, and its last good commit stays.
sed -i 's/^title:.*/titel: wrong/' "$work/tiny-lab/lab.yaml"
echo 'Changed, too.' >>"$work/other-lab/README.md"
publish third
run lab repo sync
expect_status 1
expect_out "^labs/tiny-lab +rejected +$(echo "$second" | cut -c 1-12)"
expect_out '^labs/other-lab +changed'
expect_err "^labs/tiny-lab/lab.yaml:[0-9]+:[0-9]+: error\[D003\]"
run lab repo list
expect_out '^labs .* 2 +1 '
run lab catalog --show labs/tiny-lab -o json
expect_equal "commit of a rejected lab" "$second" "$(field 'd["commit"]')"
sed -i 's/^title:.*/titel: wrong/' "$work/other-lab/lab.yaml"
publish fourth
run lab repo sync
expect_status 8

# Force-push: another history, and good again.
git -C "$work" checkout -q --orphan anew
rm -rf "$work/other-lab"
cp tests/fault/labs/tiny-lab/lab.yaml "$work/tiny-lab/lab.yaml"
publish anew
run lab repo sync
expect_status 0
expect_out "^labs/tiny-lab +unchanged +$(commit | cut -c 1-12)"
expect_out '^labs/other-lab +removed'
run lab start "labs/other-lab@$(echo "$second" | cut -c 1-8)" # an earlier sync
expect_status 0
run lab start labs/tiny-lab@0000000
expect_status 3
run lab start labs/tiny-lab@xyz
expect_status 2

# A lab with something hostile in its folder is rejected, and the others are not.
good=$(commit)
cp -r "$work/tiny-lab" "$work/next-lab"
sed -i 's/tiny-lab/next-lab/' "$work/next-lab/lab.yaml" "$work/next-lab/compose.yaml"
ln -s /etc/passwd "$work/tiny-lab/link"
ln -s ../tiny-lab "$work/next-lab/tasks/more"
mkdir "$work/docs"
ln -s ../README.md "$work/docs/read-me" # no lab: nobody reads it
publish link
run lab repo sync
expect_status 8
expect_out "^labs/tiny-lab +rejected +$(echo "$good" | cut -c 1-12)"
expect_out '^labs/next-lab +rejected +-'
expect_no_out docs
expect_err '^labs/tiny-lab/link:1:1: error\[L070\]: it is a symbolic link$'
expect_err '^labs/next-lab/tasks/more:1:1: error\[L070\]: it is a symbolic link$'
run lab catalog --show labs/tiny-lab -o json
expect_equal "commit of a hostile lab" "$good" "$(field 'd["commit"]')"
run lab catalog --show "labs/tiny-lab@$(commit | cut -c 1-12)" # nobody can start the rest of it
expect_status 3
expect_err "there is no lab 'tiny-lab'"
run lab start labs/next-lab
expect_status 8
expect_err "'labs/next-lab' has never been good: next-lab/tasks/more:1:1: "
rm "$work/next-lab/tasks/more" "$work/tiny-lab/lab.yaml"
ln -s ../next-lab/lab.yaml "$work/tiny-lab/lab.yaml"
publish other-link
run lab repo sync
expect_status 1
expect_out '^labs/next-lab +new +'"$(commit | cut -c 1-12)"
expect_out "^labs/tiny-lab +rejected +$(echo "$good" | cut -c 1-12)"
expect_err '^labs/tiny-lab/lab.yaml:1:1: error\[L070\]: it is a symbolic link$'
rm -r "$work/next-lab" "$work/docs" "$work/tiny-lab/lab.yaml" "$work/tiny-lab/link"
cp tests/fault/labs/tiny-lab/lab.yaml "$work/tiny-lab"
publish good-again
good=$(commit)
run lab repo sync
expect_status 0

# What concerns every lab refuses the sync, and that and what has gone change nothing.
mkdir -p "$work/_images/base"
for link in link _images/base/link; do
	ln -s /etc/passwd "$work/$link"
	publish link
	run lab repo sync
	expect_status 7
	expect_err "'$link' is a symbolic link"
	run lab repo list
	expect_err 'the last sync failed: .*symbolic link'
	rm "$work/$link"
done
mv "$served/labs.git" "$served/away.git"
run lab repo sync
expect_status 3
run lab repo list -o json
expect_equal "commit of a repository that has gone" "$good" "$(field 'd["repos"][0]["commit"]')"
run lab catalog --show labs/tiny-lab
expect_status 0
mv "$served/away.git" "$served/labs.git"
publish without-links

# --- keys ------------------------------------------------------------------------------------

run lab repo add "$server/private/labs.git" --name private
expect_status 7
expect_err 'with --key'
echo git:wrong >"$tmp/key"
run lab repo add "$server/private/labs.git" --name private --key "$tmp/key"
expect_status 7
expect_err "chmod 600"
chmod 600 "$tmp/key"
run lab repo add "$server/private/labs.git" --name private --key "$tmp/key"
expect_status 7
expect_err 'does not accept'
echo git:sesame >"$tmp/key"
run lab repo add "$server/private/labs.git" --name private --key "$tmp/key"
expect_status 0
rm "$tmp/key"
run lab repo sync private
expect_status 0
expect_equal "mode of the key" 600 "$(stat -c %a "$repos/private/key")"
expect_equal "files that hold the key" "$repos/private/key" "$(grep -rl sesame "$state")"
run lab repo list -o json
expect_no_out sesame

# --- two with the same lab -------------------------------------------------------------------

run lab start tiny-lab
expect_status 2
expect_err "'labs/tiny-lab' or 'private/tiny-lab'"
run lab repo add "$work" --name local
expect_status 0
expect_out '^local/tiny-lab +new'
run lab repo add "$tmp" --name nothing
expect_status 3
run lab repo remove local
expect_status 2
run lab repo remove local --yes
expect_status 0
run lab repo list -o name
expect_equal "repositories" "labs
private" "$(cat "$tmp/out")"
[ ! -e "$repos/local" ] || fail "files of a removed repository are still there"
run lab repo remove labs --yes
run lab status "$session" -o json
expect_equal "a session of a removed repository" ready "$(field 'd["state"]')"
run lab start labs/tiny-lab
expect_status 3

# --- cancelled, killed -----------------------------------------------------------------------

socket=$XDG_RUNTIME_DIR/labyard/labd.sock
ask() { # PATH [CURL-OPTION...]
	path=$1
	shift
	curl -sS --max-time 20 --unix-socket "$socket" "$@" "http://localhost$path"
}
fetching() { # NAME: a part of its pack is there
	find "$repos/$1" -path '*/objects/pack/*' -type f | grep -q .
}
begin() { # NAME: one that stalls in the middle of the pack
	ask /v1/repos -d "{\"url\":\"$server/slow/labs.git\",\"name\":\"$1\"}" >"$tmp/answer"
	id=$(sed -n 's/.*"id":\([0-9]*\),.*/\1/p' "$tmp/answer")
	eventually 20 fetching "$1"
}
begin slow
run ask "/v1/syncs/$id" -X DELETE -o /dev/null -w '%{http_code}'
expect_out '^202$'
ended() { ask "/v1/syncs/$id" | grep -q '"state":"canceled"'; }
eventually 10 ended
[ ! -e "$repos/slow" ] || fail "a cancelled sync left files"
begin killed
[ -e "$repos/killed" ] || fail "the sync has no folder"
pid=$(sed -n 1p "$state/lock")
kill -KILL "$pid"
eventually 10 has_ended "$pid"
run lab repo list -o name
expect_equal "repositories after a kill" private "$(cat "$tmp/out")"
[ ! -e "$repos/killed" ] || fail "a killed sync left files"
run lab repo sync private
expect_status 0
expect_equal "trees" 1 "$(trees private)"

# --- a full disk -----------------------------------------------------------------------------

pid=$(sed -n 1p "$state/lock")
kill "$pid"
eventually 20 has_ended "$pid"
if unshare -m true 2>/dev/null; then
	# shellcheck disable=SC2016 # for the other shell
	unshare -m sh -c 'mount -t tmpfs -o size=256k tmpfs "$1" && exec labd' sh "$repos" >"$tmp/ready" 2>>"$state/labd.log" &
	eventually 20 grep -q ready "$tmp/ready"
	head -c 1000000 /dev/urandom >"$work/tiny-lab/large"
	publish large
	run lab repo add "$server/good/labs.git" --name large
	expect_status 4
	expect_err 'No space left'
	run lab repo add "$work" --name large # where the files are written
	expect_status 4
	expect_err 'No space left'
	run lab repo list -o name
	expect_equal "repositories after a full disk" private "$(cat "$tmp/out")"
fi
