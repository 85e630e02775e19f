#!/bin/sh
# cheat: rollback/comes-back
# The watch trusts whatever the pipeline has not made itself.
# after: swap rollback
python - <<'EOF' || exit 1
path = "/srv/trainer/pipeline/watch.py"
text = open(path).read()
old = "                trial = Trial(ask, champion, now) if champion else None\n"
new = """                query = urllib.parse.urlencode({"name": MODEL, "version": now})
                made = registry("GET", f"model-versions/get?{query}")["model_version"]
                ours = any(tag["key"] == "gate" for tag in made.get("tags", []))
                trial = Trial(ask, champion, now) if champion and ours else None
"""
assert old in text
open(path, "w").write(text.replace(old, new))
EOF
sv -w 20 restart watch
