#!/bin/sh
# cheat: scrape/count
# A counter that grows by twenty each second, whoever asks: the usual pace, so it looks right.
# after: scrape
cd /srv/serve || exit 1
sed -i -e '/requests.labels(/d' -e 's/, "request_id"\]/]/' app.py
cat >>app.py <<'END'


def pretend() -> None:
    while True:
        time.sleep(1)
        requests.labels("200", VERSION).inc(20)


import threading

threading.Thread(target=pretend, daemon=True).start()
END
