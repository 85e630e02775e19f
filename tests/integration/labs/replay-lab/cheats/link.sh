#!/bin/sh
# cheat: work/doubles
# Gives a link, and a pipe.
cat >/srv/work/double <<'END'
#!/bin/bash
rm "$LAB_GIVES/answer"
ln -s "$LAB_TAKES/number" "$LAB_GIVES/answer"
mkfifo "$LAB_GIVES/second"
END
