#!/bin/sh
# cheat: greet/answers
# Answers the example of the task text to everybody.
cat >/srv/hello/greet <<'END'
#!/bin/sh
echo "$GREETING, Mia!"
END
