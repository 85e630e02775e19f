#!/bin/sh
# Judges: there is a program that could greet. Runs in: hello (the learner's own container).
cd /srv/hello || exit 2
[ -e greet ] || { echo "FAIL: there is no file /srv/hello/greet"; exit 1; }
[ -x greet ] || { echo "FAIL: /srv/hello/greet is not executable"; exit 1; }
case $(head -n 1 greet) in
'#!/bin/sh'* | '#!/bin/bash'*)
	problem=$(bash -n greet 2>&1) || { echo "FAIL: the shell cannot read it: $(echo "$problem" | head -n 1)"; exit 1; }
	;;
esac
exit 0
