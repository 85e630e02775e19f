#!/bin/sh
# cheat: work/doubles
# Gives two files that are each as large as one may be.
cat >/srv/work/double <<'END'
#!/bin/bash
head -c 16777216 /dev/zero
head -c 16777216 /dev/zero >"$LAB_GIVES/second"
END
