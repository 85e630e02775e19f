#!/bin/sh
# cheat: settle/copies
# Every message starts a training of its own.
# after: measure alert retrain gate swap settle
python - <<'EOF' || exit 1
path = "/srv/trainer/pipeline/worker.py"
text = open(path).read()
start = text.index('    if not _busy.acquire(blocking=False):\n')
end = text.index('    since = datetime')
text = (text[:start] + text[end:]).replace("        _busy.release()\n", "")
text = text.replace("            settle.cool_down()\n", "            pass\n")
open(path, "w").write(text)
EOF
sv -w 20 restart hook
