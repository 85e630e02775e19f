#!/bin/sh
# cheat: work/doubles
# Prints for ever.
cat >/srv/work/double <<'END'
#!/bin/bash
trap '' XFSZ
yes
END
