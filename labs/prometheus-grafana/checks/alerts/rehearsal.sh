#!/bin/sh
# Judges: the learner's rule files against a quiet day, a blip of 10 s of everything, and four faults of
# three minutes that then end.
# Runs in promtool (no network). Reads the captured files below $LAB_ROOT; works in $LAB_SCRATCH.
# A sample every 5 s: 60 before, 36 of the fault, 60 after it. The series ALERTS is asked, because
# alert_rule_test would compare annotations and further labels, too.
# shellcheck disable=SC1091  # it exists in the image
. /opt/lab/rule-files
rule_files /srv/observe/prometheus/rules

# shellcheck disable=SC2046  # the words of the line are wanted one by one
set -- $(grep "^$LAB_PARAM_NAMES " "$LAB_CHECKS/alerts/names")
[ $# -eq 6 ] || exit 2
shift

# What serve shows when nothing is wrong; a rehearsal sets what is different.
calm() {
	good='0+100x155' bad='0+0x155' fast='0+95x155' most='0+100x155' all='0+100x155' psi='0.03+0x155' up='1+0x155'
}

series() {
	of='instance="serve:8080",job="serve"'
	echo "  - interval: 5s"
	echo "    input_series:"
	line "predict_requests_total{code=\"200\",model_version=\"r1\",$of}" "$good"
	line "predict_requests_total{code=\"500\",model_version=\"r1\",$of}" "$bad"
	line "predict_latency_seconds_bucket{le=\"0.05\",$of}" "$fast"
	for le in 0.1 0.25; do
		line "predict_latency_seconds_bucket{le=\"$le\",$of}" "$most"
	done
	for le in 0.5 1.0 2.5 +Inf; do
		line "predict_latency_seconds_bucket{le=\"$le\",$of}" "$all"
	done
	line "predict_latency_seconds_count{$of}" "$all"
	for feature; do
		if [ "$feature" = "$2" ]; then
			line "model_feature_psi{feature=\"$feature\",$of}" "$psi"
		else
			line "model_feature_psi{feature=\"$feature\",$of}" '0.03+0x155'
		fi
	done
	line "up{$of}" "$up"
	line 'up{instance="localhost:9090",job="prometheus"}' '1+0x155'
}

line() { printf "      - {series: '%s', values: '%s'}\n" "$1" "$2"; }

expect() { # SECONDS COUNT EXPRESSION
	printf "      - {eval_time: %ss, expr: 'count(%s) or vector(0)', exp_samples: [{value: %s}]}\n" "$1" "$3" "$2"
}

names='alertname=~"PredictErrorBudgetBurn|PredictLatencyHigh|FeatureDrift|TargetDown",alertstate="firing"'

never() {
	expect 770 0 "max_over_time(ALERTS{$names}[12m])"
}

# The one alert, with its labels, and no other; and none when the fault has been over for two minutes.
once() { # SECONDS ALERT-AND-LABELS
	expect "$1" 1 "ALERTS{$2,alertstate=\"firing\",model=\"eta\"}"
	expect "$1" 1 "ALERTS{$names}"
	expect 600 0 "ALERTS{$names}"
}

rehearse() { # NAME EXPECTATIONS
	rehearsal=$1
	{
		printf 'rule_files:\n'
		cat files
		printf 'evaluation_interval: 5s\ntests:\n'
		series "$one" "$two" "$three" "$four" "$five"
		printf '    promql_expr_test:\n%s\n' "$2"
	} >test.unit
	rules_pass test.unit && return
	case $rehearsal in
	quiet) said="an alert fires on a quiet day" ;;
	blip) said="an alert fires because of 10 s: of 10 % errors, slow answers, a PSI of 0.3 and a serve that is away" ;;
	*) said="three minutes of $rehearsal do not make exactly $alert fire, with model=\"eta\" and its severity" ;;
	esac
	grep -q 'time: 10m' out && ! grep -q 'time: [67]m' out &&
		said="two minutes after $rehearsal are over, $alert still fires"
	echo "FAIL: $said"
	printf '{"failed": "%s"}' "$rehearsal" >&3
	cat out
	exit 1
}

one=$1 two=$2 three=$3 four=$4 five=$5

calm
rehearse quiet "$(never)"

calm
bad='0+0x59 10 20 20+0x93'
fast='0+95x59 5605 5605 5700+95x93'
most='0+100x59 5900 5900 6000+100x93'
psi='0.03+0x59 0.3 0.3 0.03+0x93'
up='1+0x59 0 0 1+0x93'
rehearse blip "$(never)"

calm
alert=PredictErrorBudgetBurn bad='0+0x59 25+25x35 900+0x59'
rehearse "20 % errors" "$(once 420 'alertname="PredictErrorBudgetBurn",severity="page"')"

calm
alert=PredictLatencyHigh fast='0+95x59 5605+0x35 5700+95x59' most='0+100x59 5900+0x35 6000+100x59'
rehearse "slow answers" "$(once 450 'alertname="PredictLatencyHigh",severity="ticket"')"

calm
alert=FeatureDrift psi='0.03+0x59 0.3+0x35 0.03+0x59'
rehearse "a drift" "$(once 370 "alertname=\"FeatureDrift\",severity=\"ticket\",feature=\"$two\"")"

calm
away='_x36'
alert=TargetDown up='1+0x59 0+0x35 1+0x59'
good="0+100x59 $away 6000+100x59" bad="0+0x59 $away 0+0x59"
fast="0+95x59 $away 5700+95x59" most="0+100x59 $away 6000+100x59" all="0+100x59 $away 6000+100x59"
rehearse "a serve that is away" "$(once 370 'alertname="TargetDown",severity="page"')"

printf '{"failed": null}' >&3
exit 0
