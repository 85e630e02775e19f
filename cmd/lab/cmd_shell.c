/* cmd_shell.c - `lab shell`: a shell in a lab. */
#include "cmd/lab/client.h"
#include "cmd/lab/remote.h"

#include <unistd.h>

/* What a terminal can do, so that editors and pagers in the lab know it. */
static void add_terminal(char ***env)
{
	const char *term = getenv("TERM");

	if (term && *term)
		strv_take(env, strf("TERM=%s", term));
}

int shell_open(struct cli *c, const char *session)
{
	char *command[] = {
		(char *)"/bin/sh", (char *)"-c", (char *)option_value(c, "command"), NULL};
	_cleanup_(strv_freep) char **env = strv_new();
	struct remote_spec spec = {
		.session = session,
		.service = option_value(c, "service"),
		.user = option_value(c, "user"),
		.argv = command[2] ? command : NULL,
		.tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO),
		.input = true,
	};
	struct err e = ERR_NONE;
	int status;

	if (spec.tty)
		add_terminal(&env);
	spec.env = env;
	return remote_run(c, &spec, &status, &e) < 0 ? fail(c, &e) : status;
}

int cmd_shell(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	struct client *k;
	struct err e = ERR_NONE;

	if (argc > 1)
		return fail_usage(c, "one session at a time; a command goes to -c");
	if (client_open(&k, c, &e) < 0 || client_session(k, argc ? argv[0] : NULL, &s, &e) < 0)
		return fail(c, &e);
	return shell_open(c, json_str_or(json_get(s, "name"), ""));
}
