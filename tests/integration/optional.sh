#!/bin/sh
# A part that is judged only on request: a plain grade names the option, and the grade that asks for it judges it.  time limit: 120 s
. "$(dirname "$0")/../lib.sh"
requires_engine

# hello-lab, with its last task as a distinction whose phase is an option.
mkdir -p "$tmp/labs" "$XDG_CONFIG_HOME/labyard"
cp -r labs/hello-lab "$tmp/labs/optional-lab"
sed -i -e 's/^slug: hello-lab/slug: optional-lab/' \
	-e '/id: greet$/,/id: badge$/s/points: 40/points: 60/' \
	-e '/id: badge$/,/id: visits$/s/points: 20/points: 40/' \
	-e 's/^    title: Count every visitor/&\n    distinction: true/' \
	-e 's/{id: rush,/& option: crowd,/' "$tmp/labs/optional-lab/lab.yaml"
# Names that the shell which asks uses itself are the learner's to give.
sed -i -e 's/^name: hello-lab/name: optional-lab/' -e 's|^      BADGE:|      d: /nowhere\n      w: "1"\n&|' \
	"$tmp/labs/optional-lab/compose.yaml"
echo "labs = $tmp/labs" >"$XDG_CONFIG_HOME/labyard/labd.conf"

run lab lint "$tmp/labs/optional-lab"
expect_status 0
run lab start optional-lab
expect_status 0
for task in greet badge visits; do
	lab exec -i -- sh <"labs/hello-lab/solution/$task.sh" || fail "the solution of $task"
done

run lab grade -o json
expect_status 0
expect_out "\"check\":\"visits/counts\".*\"message\":\"optional: 'lab grade --with crowd' judges it\""
run lab grade --with crowds
expect_status 3
expect_err "no optional part 'crowds'"
run lab grade --with crowd -o json
expect_status 0
expect_out '"check":"visits/counts","task":"visits","verdict":"pass"'
