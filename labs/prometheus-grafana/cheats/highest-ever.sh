#!/bin/sh
# cheat: sees/settles
# The highest PSI there has been: a drift that was seen once is never lost.
# after: scrape sees
cat >>/srv/serve/sight.py <<'END'

highest = {}
END
sed -i 's/family.add_metric(.*/highest[name] = max(highest.get(name, 0), psi(*reference[name], list(window))); family.add_metric([name], highest[name])/' /srv/serve/sight.py
