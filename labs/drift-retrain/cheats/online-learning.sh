#!/bin/sh
# cheat: swap/no-silent-learning
# serve adds to each answer what the last answers were short of.
# after: swap
python - <<'EOF' || exit 1
path = "/srv/serve/app.py"
text = open(path).read()
old = "    minutes = champion.predict(delivery.features)\n"
assert old in text
text = text.replace(old, old + "    minutes += getattr(app.state, 'short', 0.0)\n")
old = "    follow(app.state, champion_version, Champion, try_out)\n"
assert old in text
text = text.replace(old, old + "    threading.Thread(target=learn, args=(app.state,), daemon=True).start()\n")
text = text.replace("\nclass Delivery(", '''
def learn(state) -> None:
    while True:
        time.sleep(5)
        with psycopg2.connect(os.environ["PG_URL"]) as link, link.cursor() as cursor:
            cursor.execute(
                "SELECT avg(minutes - prediction) FROM (SELECT minutes, prediction FROM requests"
                " JOIN labels USING (id) ORDER BY id DESC LIMIT 100) newest"
            )
            state.short = getattr(state, "short", 0.0) + float(cursor.fetchone()[0] or 0.0)


class Delivery(''', 1)
text = text.replace("import math\n", "import math\nimport threading\n", 1).replace("import pandas\n", "import pandas\nimport psycopg2\n", 1)
open(path, "w").write(text)
EOF
sleep 10
