#!/bin/sh
# cheat: visits/counts
# One counter for everybody, whoever is asked for.
# after: greet
cd /srv/hello || exit 1
sed -i '1a echo x >>visitors' greet
printf '%s\n' '#!/bin/sh' 'grep -c x visitors' >visits
chmod +x visits
