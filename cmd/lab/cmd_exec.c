/* cmd_exec.c - `lab exec`: a command in a lab, its streams and its exit status. */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"
#include "cmd/lab/remote.h"

#define MAX_WRAPPED (1u << 20)

/* One document instead of streams; the exit code tells whether it ran well. */
static int run_wrapped(struct cli *c, struct remote_spec *spec)
{
	_cleanup_buf_ struct buf out = BUF(MAX_WRAPPED), err = BUF(MAX_WRAPPED),
				 text = BUF(32 << 20);
	struct json_writer w;
	struct err e = ERR_NONE;
	int status;

	spec->out = &out;
	spec->err = &err;
	if (remote_run(c, spec, &status, &e) < 0)
		return fail(c, &e);
	json_begin(&w, &text, c->tty_out);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/exec/v1");
	json_put_bool(&w, "ran", true);
	json_put_int(&w, "exit", status);
	json_put_strn(&w, "stdout", buf_str(&out), out.len);
	json_put_strn(&w, "stderr", buf_str(&err), err.len);
	json_end(&w);
	puts(buf_str(&text));
	return status ? 1 : 0;
}

static int run(struct cli *c, const char *session, char *const *command)
{
	bool wrap = option_given(c, "wrap");
	bool tty = option_given(c, "tty") ||
		   (!wrap && !option_given(c, "no-tty") && remote_on_terminal());
	struct remote_spec spec = {
		.session = session,
		.service = option_value(c, "service"),
		.user = option_value(c, "user"),
		.workdir = option_value(c, "workdir"),
		.argv = command,
		.tty = tty,
		.input = tty || option_given(c, "interactive"),
	};
	_cleanup_(strv_freep) char **env = strv_copy(option_values(c, "env"));
	const char *term = getenv("TERM");
	struct err e = ERR_NONE;
	int status;

	if (tty && term && *term)
		strv_take(&env, strf("TERM=%s", term));
	spec.env = env;
	if (wrap)
		return run_wrapped(c, &spec);
	return remote_run(c, &spec, &status, &e) < 0 ? fail(c, &e) : status;
}

int cmd_exec(struct cli *c, int argc, char **argv)
{
	const struct json *s;
	struct client *k;
	struct err e = ERR_NONE;

	if (!c->dashes)
		return fail_usage(c, "put -- before the command");
	if (c->before > 1)
		return fail_usage(c, "one session at a time");
	if (argc == c->before)
		return fail_usage(c, "which command?");
	if (option_given(c, "tty") && (option_given(c, "no-tty") || option_given(c, "wrap")))
		return fail_usage(c, "-t goes neither with -T nor with --wrap");
	if (client_open(&k, c, &e) < 0 || client_session(k, c->before ? argv[0] : NULL, &s, &e) < 0)
		return fail(c, &e);
	return run(c, json_str_or(json_get(s, "name"), ""), argv + c->before);
}
