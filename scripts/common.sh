# Sourced by the scripts beside it: messages, becoming root, and talking to the Docker Engine.
# shellcheck shell=sh disable=SC2034 # variables used by those scripts
#
# Exit codes they share: 2 wrong usage, 3 something is missing that this user may not install,
# 4 no Docker Engine, or no image, can be had on this machine.

# A service or CI may give us no HOME.
HOME=${HOME:-/root}
TOP=$(cd "$(dirname "$0")/.." && pwd)
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/labyard

say() {
	printf '%s\n' "$*" >&2
}

die() { # CODE MESSAGE
	code=$1
	shift
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit "$code"
}

have() {
	command -v "$1" >/dev/null 2>&1
}

# True when as_root will work; asks for a password where there is a terminal to ask on.
may_be_root() {
	[ "$(id -u)" = 0 ] && return 0
	have sudo || return 1
	sudo -n true 2>/dev/null || { [ -t 0 ] && [ -t 2 ] && sudo -v; }
}

as_root() {
	if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The first string value of KEY in a JSON FILE that a program wrote; empty when there is none.
json_string() { # KEY FILE
	[ -r "$2" ] || return 0
	tr -d '\n' <"$2" | grep -o "\"$1\"[[:space:]]*:[[:space:]]*\"[^\"]*\"" | head -n 1 |
		sed 's/.*"\([^"]*\)"$/\1/'
}

# --- the engine ------------------------------------------------------------------------------
# ENGINE is its URL (unix:///path or tcp://host:port), ENGINE_CERTS the folder of its TLS keys.

engine_api() { # METHOD PATH [CURL-OPTION...]
	engine_method=$1 engine_path=$2
	shift 2
	case $ENGINE in
	unix://*)
		curl -sS -X "$engine_method" --unix-socket "${ENGINE#unix://}" "$@" "http://engine$engine_path"
		;;
	tcp://*)
		if [ -n "$ENGINE_CERTS" ]; then
			curl -sS -X "$engine_method" --cacert "$ENGINE_CERTS/ca.pem" \
				--cert "$ENGINE_CERTS/cert.pem" --key "$ENGINE_CERTS/key.pem" \
				"$@" "https://${ENGINE#tcp://}$engine_path"
		else
			curl -sS -X "$engine_method" "$@" "http://${ENGINE#tcp://}$engine_path"
		fi
		;;
	*)
		echo "'$ENGINE' is neither unix:// nor tcp://" >&2
		return 1
		;;
	esac
}

engine_answers() {
	engine_api GET /_ping -f --max-time 5 -o /dev/null 2>/dev/null
}

# One line: the URL first (that word is for scripts), then what answers there.
engine_describe() { # HOW
	engine_api GET /_ping -D - -o /dev/null | tr -d '\r' | awk -v url="$ENGINE" -v how="$1" '
		tolower($1) == "server:" { name = $2; sub("/", " ", name) }
		tolower($1) == "api-version:" { api = $2 }
		END { printf "%s %s, API %s, %s\n", url, name, api, how }'
}

# Finds the engine by the rules of labd: DOCKER_HOST, the current context, the rootless socket,
# the system's socket. What the user named must answer, for labd will not look elsewhere.
# Returns 1 when nothing is named and nothing answers; ENGINE is then the system's socket.
engine_find() {
	have curl || die 3 "curl is missing: run 'make setup'"
	engine_config=${DOCKER_CONFIG:-$HOME/.docker} ENGINE_CERTS=''
	if [ -n "${DOCKER_HOST:-}" ]; then
		ENGINE=$DOCKER_HOST
		[ -z "${DOCKER_TLS_VERIFY:-}" ] || ENGINE_CERTS=${DOCKER_CERT_PATH:-$engine_config}
		engine_answers || die 4 "DOCKER_HOST is '$ENGINE', but no engine answers there: start it or unset DOCKER_HOST"
		return 0
	fi
	engine_context=${DOCKER_CONTEXT:-$(json_string currentContext "$engine_config/config.json")}
	if [ "${engine_context:-default}" != default ]; then
		engine_id=$(printf %s "$engine_context" | sha256sum | cut -d' ' -f1)
		ENGINE=$(json_string Host "$engine_config/contexts/meta/$engine_id/meta.json")
		[ -n "$ENGINE" ] || die 4 "the docker context '$engine_context' does not exist: run 'docker context use default'"
		[ ! -d "$engine_config/contexts/tls/$engine_id/docker" ] ||
			ENGINE_CERTS=$engine_config/contexts/tls/$engine_id/docker
		engine_answers || die 4 "the docker context '$engine_context' is '$ENGINE', but no engine answers there: start it or run 'docker context use default'"
		return 0
	fi
	for engine_socket in "${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/docker.sock" /var/run/docker.sock; do
		ENGINE=unix://$engine_socket
		[ ! -S "$engine_socket" ] || ! engine_answers || return 0
	done
	return 1
}

# --- tests and labs --------------------------------------------------------------------------

# The source of a test: of the program build/MODE/tests/DIR/test_x it is tests/DIR/test_x.c.
test_source() { # TEST
	case $1 in
	build/*) echo "${1#build/*/}.c" ;;
	*) echo "$1" ;;
	esac
}

# The base images that the bundled labs are built on.
base_images() {
	grep -rhoE '^FROM debian:[0-9]+-slim' "$TOP/labs" | sed 's/^FROM //' | sort -u
}
