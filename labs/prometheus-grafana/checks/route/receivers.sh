#!/bin/sh
# Judges: the file is one that Alertmanager takes, and pages and tickets have receivers of their own.
# Carries no points. Runs in promtool (no network), which has amtool.
file=$LAB_ROOT/srv/observe/alertmanager/alertmanager.yml
[ -f "$file" ] || {
	echo "FAIL: there is no /srv/observe/alertmanager/alertmanager.yml"
	exit 1
}
problem=$(timeout 5 amtool check-config "$file" 2>&1) || {
	echo "FAIL: amtool check-config: $(echo "$problem" | grep -v '^$' | tail -n 1)"
	exit 1
}
receiver() { # SEVERITY
	timeout 5 amtool config routes test --config.file="$file" alertname=Any model=eta severity="$1"
}
page=$(receiver page) || exit 2
ticket=$(receiver ticket) || exit 2
case $page$ticket in
*null*)
	echo "FAIL: a page goes to '$page' and a ticket to '$ticket': nobody is told"
	exit 1
	;;
esac
[ "$page" != "$ticket" ] || {
	echo "FAIL: a page and a ticket both go to '$page'"
	exit 1
}
exit 0
