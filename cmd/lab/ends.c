/* ends.c - errors, advice and questions: what the user reads when something is not simply done. */
#include "cmd/lab/cli.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <stdarg.h>
#include <unistd.h>

static int fail_json(const struct err *e, char *const *advice, const char *ref)
{
	_cleanup_buf_ struct buf b = BUF(64 * 1024);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/error/v1");
	json_put_int(&w, "code", err_exit(e->code));
	json_put_str(&w, "kind", err_kind(e->code));
	json_put_str(&w, "message", e->text);
	json_put_strv(&w, "advice", advice);
	json_put_str(&w, "ref", ref);
	json_end(&w);
	fprintf(stderr, "%s\n", buf_str(&b));
	return err_exit(e->code);
}

int fail_with(const struct cli *c, const struct err *e, char *const *advice, const char *ref)
{
	_cleanup_free_ char *text = visible(e->text);

	progress_clear((struct cli *)c);
	(void)fflush(stdout);
	if (c->format == FORMAT_JSON)
		return fail_json(e, advice, ref);
	if (e->code != ERR_CANCELED)
		fprintf(stderr, "lab: error[%d]: %s\n", err_exit(e->code), text);
	for (size_t i = 0; advice && advice[i] && i < 2; i++) {
		_cleanup_free_ char *line = visible(advice[i]);

		fprintf(stderr, "  %s\n", line);
	}
	if (ref)
		fprintf(stderr, "  ref: %s\n", ref);
	return err_exit(e->code);
}

int fail(const struct cli *c, const struct err *e)
{
	return fail_with(c, e, c->client ? client_advice(c->client) : NULL, c->client ? client_ref(c->client) : NULL);
}

int fail_usage(const struct cli *c, const char *fmt, ...)
{
	struct err e = ERR_NONE;
	va_list ap;

	va_start(ap, fmt);
	err_setv(&e, ERR_USAGE, fmt, ap);
	va_end(ap);
	_cleanup_free_ char *how = c->command ? strf("'lab help %s' shows how it is used", c->command->name) : xstrdup("'lab help' shows all verbs");
	char *advice[] = {how, NULL};
	return fail_with(c, &e, advice, NULL);
}

enum answer ask(const struct cli *c, const char *fmt, ...)
{
	char line[16];
	va_list ap;

	if (c->yes)
		return ANSWER_YES;
	if (!isatty(STDIN_FILENO) || !c->tty_err)
		return ANSWER_CANNOT;
	progress_clear((struct cli *)c);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" [y/N] ", stderr);
	if (!fgets(line, sizeof(line), stdin))
		return ANSWER_NO;
	return line[0] == 'y' || line[0] == 'Y' ? ANSWER_YES : ANSWER_NO;
}
