/*
 * main.c - `lab`: find the verb, read its options, run it.
 */
#include "base/log.h"
#include "cmd/lab/cli.h"
#include "cmd/lab/client.h"
#include "cmd/lab/interrupt.h"
#include "cmd/lab/output.h"

#include <langinfo.h>
#include <locale.h>
#include <signal.h>

/* Texts of labs are UTF-8 everywhere; only then do tables know how wide they are. */
static void choose_charset(void)
{
	if (!setlocale(LC_CTYPE, "") || !streq(nl_langinfo(CODESET), "UTF-8"))
		(void)setlocale(LC_CTYPE, "C.UTF-8"); /* without it tables are a little off */
}

static int without_verb(struct cli *c, int argc, char **argv)
{
	int first, r = options_parse(c, argc, argv, &first);

	if (r != 0)
		return r;
	if (option_given(c, "version"))
		printf("lab %s\n", LABYARD_VERSION);
	else if (option_given(c, "help"))
		help_all(stdout);
	else
		help_short(stdout);
	return 0;
}

static int with_verb(struct cli *c, const char *verb, int argc, char **argv)
{
	int first, r;

	c->command = command_find(verb);
	if (!c->command) {
		const char *near = command_nearest(verb);

		return near ? fail_usage(c, "'%s' is not a verb (did you mean '%s'?)", verb, near)
			    : fail_usage(c, "'%s' is not a verb", verb);
	}
	if (c->command->hidden)
		return c->command->run(c, argc - 1, argv + 1);
	r = options_parse(c, argc, argv, &first);
	if (r != 0)
		return r;
	if (option_given(c, "help")) {
		help_command(stdout, c->command);
		return 0;
	}
	return c->command->run(c, argc - first, argv + first);
}

/* What a shell reports for a program that was ended by a signal. */
static int code_of(int r)
{
	int signo = interrupt_signal();

	return r == 130 && signo ? 128 + signo : r;
}

int main(int argc, char **argv)
{
	struct cli c = {0};

	choose_charset();
	(void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is a failed write, not a death */
	log_set_level(LOG_LEVEL_ERROR);
	options_init(&c);
	char *verb = options_verb(&argc, argv);
	int r = verb ? with_verb(&c, verb, argc, argv) : without_verb(&c, argc, argv);
	progress_clear(&c);
	if ((fflush(stdout) != 0 || ferror(stdout)) && r == 0)
		r = 4;
	client_free(c.client);
	options_done(&c);
	return code_of(r);
}
