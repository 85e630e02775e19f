#!/bin/sh
# Judges: the learner's rule files against four rehearsed series: a clean day, a short blip, a real
# drift and a window of too few rows.
# Runs in promtool (no network). Reads the captured files below $LAB_ROOT; works in $LAB_SCRATCH.
# A rehearsal has all five features under this session's names, so a rule may list them.
# shellcheck disable=SC1091  # it exists in the image
. /opt/lab/rule-files
rule_files /etc/prometheus/rules
rules=$(grep -c . files)

# shellcheck disable=SC2046  # the words of the line are wanted one by one
set -- $(grep "^$LAB_PARAM_NAMES " "$LAB_CHECKS/alert/names")
[ $# -eq 6 ] || exit 2
for rehearsal in clean-day short-blip real-drift too-few-rows; do
	{
		echo "rule_files:"
		cat files
		sed -e "s/@distance@/$2/; s/@stops@/$3/; s/@weight@/$4/; s/@traffic@/$5/; s/@hour@/$6/" \
			"$LAB_CHECKS/alert/rehearsal/$rehearsal.unit"
	} >test.unit
	rules_pass test.unit && continue
	case $rehearsal in
	clean-day) said="FeatureDrift fires on a clean day (feature_psi 0.04, 500 rows)" ;;
	short-blip) said="FeatureDrift fires on a blip of 10 s (feature_psi 0.3)" ;;
	real-drift) said="60 s of feature_psi 0.3 with 500 rows do not make exactly one FeatureDrift fire, with model=\"eta\", severity=\"page\" and the feature" ;;
	too-few-rows) said="FeatureDrift fires on a window of 80 rows" ;;
	esac
	echo "FAIL: $said"
	printf '{"rules": %d, "failed": "%s"}' "$rules" "$rehearsal" >&3
	cat out
	exit 1
done
printf '{"rules": %d, "failed": null}' "$rules" >&3
exit 0
