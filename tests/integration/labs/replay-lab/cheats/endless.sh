#!/bin/sh
# cheat: work/doubles
# Never ends, and neither do its children.
cat >/srv/work/double <<'END'
#!/bin/bash
trap '' TERM HUP
setsid sleep 98765 &
sleep 98765
END
