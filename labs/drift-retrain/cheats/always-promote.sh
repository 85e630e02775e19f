#!/bin/sh
# cheat: gate/refuses-garbage
# What is newer is better.
# after: measure alert retrain gate swap settle quarantine
python - <<'EOF' || exit 1
path = "/srv/trainer/pipeline/gate.py"
text = open(path).read()
old = '    new, old = score(challenger, recent), score(champion, recent)\n'
assert old in text
open(path, "w").write(text.replace(old, '    return Decision(True, "newer", {})\n'))
EOF
sv -w 20 restart hook
