#!/bin/sh
# Labs that are wrong are refused with file, line and column before anything is made; needs no engine.  time limit: 60 s
# shellcheck disable=SC2119 # a fake engine may have no plan
. "$(dirname "$0")/rows.sh"
engine_fake

# The lab is refused by whoever reads it, with the same words, and the next one is not.
refused() { # EXTENDED-REGEX
	for verb in start lint test; do
		case $verb in start) run lab start "${lab##*/}" ;; *) run lab $verb "$lab" ;; esac
		expect_status 8
		cat "$tmp/out" "$tmp/err" >"$tmp/said"
		grep -Eq -e "$1" "$tmp/said" || fail "lab $verb does not say '$1'"
		[ "$(wc -c <"$tmp/said")" -lt 4000 ] || fail "lab $verb says too much"
		! grep -q "$(printf '\033')" "$tmp/said" || fail "lab $verb speaks to the terminal"
	done
	nothing_left
	daemon_lives
}

malformed() {
	make_lab malformed
	echo 'more: {cpu: 1' >>"$lab/$1"
	refused "malformed/$1:[0-9]+:[0-9]+: error\[D001\]: did not find expected ',' or '}'"
}

unknown_in_lab() {
	make_lab unknown
	sed -i 's/^title:/titel:/' "$lab/lab.yaml"
	refused "unknown/lab.yaml:3:1: error\[D003\]: unknown key 'titel'.* 'title'"
}

unknown_in_compose() {
	make_lab unknown
	sed -i 's/^    mem_limit: 32m/    mem_limt: 32m/' "$lab/compose.yaml"
	refused "unknown/compose.yaml:11:5: error\[C[0-9]+\]: .*'mem_limt'"
}

forbidden() { # LINE-OF-A-SERVICE
	make_lab forbidden
	sed -i "s|^    networks: \[net\]|    $1|;" "$lab/compose.yaml"
	refused "forbidden/compose.yaml:8:[0-9]+: error\[C[0-9]+\]: ('${1%%:*}' |'type: bind' )"
}

nested() { # FILE
	make_lab nested
	{ printf 'x: '; brackets; echo; } >>"$lab/$1"
	refused "nested/$1:[0-9]+:[0-9]+: error\[D[0-9]+\]: .*deep"
}

# In one body that is small enough to be read, and in one that is not.
nested_body() {
	run lab catalog
	for count in 30000 100000; do
		brackets $count >"$tmp/body"
		run ask /v1/sessions -H 'Content-Type: application/json' --data-binary "@$tmp/body" -o "$tmp/answer" -w '%{http_code}'
		case $count in 30000) expect_out '^4(00|13)$' ;; *) expect_out '^413$' ;; esac
		grep -Eq '"detail":"[^"]*(levels deep|larger|KiB|bytes)' "$tmp/answer" || fail "$(head -c 500 "$tmp/answer")"
	done
	nothing_left
	daemon_lives
}

hostile_name() {
	make_lab hostile
	echo text >"$lab/checks/$(printf 'a\033[31m')"
	refused 'hostile/checks/a.*\[31m:1:1: error\[L070\]: .*control character'
}

row "malformed YAML in lab.yaml" malformed lab.yaml
row "malformed YAML in compose.yaml" malformed compose.yaml
row "an unknown key in lab.yaml" unknown_in_lab
row "an unknown key in compose.yaml" unknown_in_compose
for line in 'privileged: true' 'network_mode: host' 'pid: host' 'ports: ["80:80"]' 'devices: [/dev/kvm]' \
	'cap_add: [SYS_ADMIN]' 'security_opt: ["seccomp=unconfined"]' 'volumes: [{type: bind, source: /var/run/docker.sock, target: /s}]'; do
	row "a forbidden key: $line" forbidden "$line"
done
row "a file whose name speaks to the terminal" hostile_name
row "100 000 nested brackets in lab.yaml" nested lab.yaml
row "100 000 nested brackets in compose.yaml" nested compose.yaml
row "100 000 nested brackets in the body of a request" nested_body
rows_end
