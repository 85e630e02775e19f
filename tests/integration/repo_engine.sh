#!/bin/sh
# A lab from git on a real engine: its images come from the commit that was asked for, and a force-push or a removal of the repository takes nothing from the session.  time limit: 180 s
. "$(dirname "$0")/../lib.sh"
requires_engine
for program in git python3; do have $program || skip "$program is not installed"; done

export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example
served=$tmp/labs.git work=$tmp/work

# What the image says of itself is new in each run, so that no build of another run is found.
publish() { # WORD: it becomes the served commit, and the word of its image
	echo "$1 $$ $(date +%s)" >"$work/hello-lab/images/hello/word"
	git -C "$work" add -A
	git -C "$work" commit -qm "$1"
	git -C "$work" push -q --force "$served" HEAD:refs/heads/main
	git -C "$served" gc -q --prune=now # nothing of what it replaces is left
	git -C "$work" rev-parse HEAD
}
field() { # PYTHON-EXPRESSION of the document d on stdout
	python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); print(eval(sys.argv[2]))' "$tmp/out" "$1"
}
expect_word() { # WORD: of the image that the session stands on
	run lab exec -- cat /usr/local/share/word
	expect_status 0
	expect_out "^$1 $$ "
}
leave_no_image() { # STATUS
	set +e
	lab stop --all --discard --yes >/dev/null 2>&1
	ours=$(cat "$XDG_STATE_HOME/labyard/install")
	engine_api GET "/images/json?filters=%7B%22label%22%3A%5B%22labd.install%3D$ours%22%5D%7D" >"$tmp/images"
	grep -o '"Id":"[^"]*"' "$tmp/images" | sed 's/.*:"\(.*\)"/\1/' | while read -r image; do
		engine_api DELETE "/images/$image?force=1" -o /dev/null
	done
	leave "$1"
}

trap 'leave_no_image $?' EXIT
git init -q --bare -b main "$served"
git init -q -b main "$work"
cp -r labs/hello-lab "$work"
sed -i 's|^COPY .*|&\nCOPY word /usr/local/share/word|' "$work/hello-lab/images/hello/Dockerfile"
first=$(publish first)
run lab repo add "$served"
expect_status 0
expect_out '^labs/hello-lab +new'
second=$(publish second)
run lab repo sync
expect_out '^labs/hello-lab +changed +'"$(echo "$second" | cut -c 1-12)"

# An earlier commit, whose image is made now.
run lab start "labs/hello-lab@$(echo "$first" | cut -c 1-12)"
expect_status 0
session=$(cat "$tmp/out")
expect_word first
lab exec -i -- sh <labs/hello-lab/solution/greet.sh || fail "the solution of greet"

# Another history, in which neither commit is; then no repository at all.
git -C "$work" checkout -q --orphan anew
third=$(publish third)
run lab repo sync
expect_out '^labs/hello-lab +changed +'"$(echo "$third" | cut -c 1-12)"
run lab check greet
expect_status 0
run lab stop
expect_status 0
run lab start labs/hello-lab # the work is there, and so is its image
expect_status 0
expect_equal "session after a force-push" "$session" "$(cat "$tmp/out")"
expect_word first
run lab check greet
expect_status 0
run lab repo remove labs --yes
expect_status 0
run lab grade --yes -o json
expect_equal "lab of the grade" labs/hello-lab "$(field 'd["lab"]')"
expect_equal "verdict of the work" True "$(field '[t["passed"] for t in d["grade"]["tasks"] if t["id"] == "greet"][0]')"
lab history --receipt "$(field 'd["id"]')" >"$tmp/receipt"
run lab verify "$tmp/receipt" -o json
expect_equal "commit of the record" "git:$first" "$(field 'd["commit"]')"

# The repository once more: the session it gave is still the same, the next one is of its commit.
run lab repo add "$served"
expect_status 0
run lab start "labs/hello-lab@$third"
expect_status 4
run lab start "labs/hello-lab@$third" --fresh --yes
expect_status 0
expect_word third
