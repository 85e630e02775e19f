/* ends.c - errors, advice and questions: what the user reads when something is not simply done. */
#include "cmd/lab/cli.h"
#include "cmd/lab/client.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <unistd.h>

static int fail_json(const struct cli *c, const struct err *e, char *const *advice, const char *ref)
{
	int64_t retry_after_s = c->client ? client_retry_after_s(c->client) : 0;
	_cleanup_buf_ struct buf b = BUF(64 * 1024);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/error/v1");
	json_put_int(&w, "code", err_exit(e->code));
	json_put_str(&w, "kind", err_kind(e->code));
	json_put_str(&w, "message", e->text);
	json_put_strv(&w, "advice", advice);
	if (retry_after_s)
		json_put_int(&w, "retry_after_s", retry_after_s);
	json_put_str(&w, "ref", ref);
	json_end(&w);
	fprintf(stderr, "%s\n", buf_str(&b));
	return err_exit(e->code);
}

int fail_with(const struct cli *c, const struct err *e, char *const *advice, const char *ref)
{
	_cleanup_free_ char *text = visible(e->text);

	if (e->code == ERR_CANCELED)
		advice = NULL;
	progress_clear((struct cli *)c);
	(void)fflush(stdout);
	if (c->format == FORMAT_JSON)
		return fail_json(c, e, advice, ref);
	if (e->code != ERR_CANCELED)
		fprintf(stderr, "lab: error[%d]: %s\n", err_exit(e->code), text);
	for (size_t i = 0; !c->quiet && advice && advice[i] && i < 2; i++) {
		_cleanup_free_ char *line = visible(advice[i]);

		fprintf(stderr, "  %s\n", line);
	}
	if (ref && e->code != ERR_CANCELED)
		fprintf(stderr, "  ref: %s\n", ref);
	return err_exit(e->code);
}

int fail(const struct cli *c, const struct err *e)
{
	return fail_with(c, e, c->client ? client_advice(c->client) : NULL,
		c->client ? client_ref(c->client) : NULL);
}

int fail_usage(const struct cli *c, const char *fmt, ...)
{
	struct err e = ERR_NONE;
	va_list ap;

	va_start(ap, fmt);
	err_setv(&e, ERR_USAGE, fmt, ap);
	va_end(ap);
	_cleanup_free_ char *how =
		c->command ? strf("'lab help %s' shows how it is used", c->command->name)
			   : xstrdup("'lab help' shows all verbs");
	char *advice[] = {how, NULL};
	return fail_with(c, &e, advice, NULL);
}

/*
 * One line from the terminal. Reading would miss a signal that comes just before it, so we wait for
 * the terminal and for the signal at once.
 */
static bool read_answer(char *line, size_t n)
{
	struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};

	while (poll(fds, ARRAY_SIZE(fds), -1) < 0 && errno == EINTR && !interrupt_signal())
		;
	if (interrupt_signal() || !fds[0].revents)
		return false;
	return fgets(line, (int)n, stdin) != NULL;
}

int confirm(const struct cli *c, const char *fmt, ...)
{
	char line[16] = "", text[512];
	va_list ap;

	if (c->yes)
		return 0;
	if (!isatty(STDIN_FILENO) || !c->tty_err)
		return fail_usage(c, "nobody can be asked here: say --yes");
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	_cleanup_free_ char *shown = visible(text);
	progress_clear((struct cli *)c);
	(void)fflush(stdout);
	fprintf(stderr, "%s [y/N] ", shown);
	(void)fflush(stderr);
	if (!read_answer(line, sizeof(line)))
		fputc('\n', stderr);
	if (interrupt_signal())
		return err_exit(ERR_CANCELED);
	return line[0] == 'y' || line[0] == 'Y' ? 0 : err_exit(ERR_USAGE);
}
