#!/bin/sh
# Doubles.
cat >/srv/work/double <<'END'
#!/bin/sh
echo $(($1 * 2))
END
