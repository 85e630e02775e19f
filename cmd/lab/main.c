/*
 * main.c - `lab`: find the verb, read its options, run it.
 */
#include "base/log.h"
#include "base/map.h"
#include "cmd/lab/cli.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <signal.h>
#include <unistd.h>

const struct command *command_find(const char *name)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (streq(cmd->name, name))
			return cmd;
	return NULL;
}

static const char *nearest_verb(const char *word)
{
	const char *names[64];
	size_t n = 0;

	for (const struct command *cmd = commands; cmd->name && n < ARRAY_SIZE(names); cmd++)
		if (!cmd->hidden)
			names[n++] = cmd->name;
	return str_nearest(word, names, n);
}

/* Does this global option take the next word with it? */
static bool takes_value(const char *word)
{
	for (const struct option_spec *o = global_options; o->name; o++) {
		if (!o->arg)
			continue;
		if (word[1] == '-' ? streq(word + 2, o->name) : word[1] == o->letter && !word[2])
			return true;
	}
	return false;
}

/* The verb is the first word that is no option; it is taken out, so that options may surround it. */
static char *take_verb(int *argc, char **argv)
{
	for (int i = 1; i < *argc && !streq(argv[i], "--"); i++) {
		char *word = argv[i];

		if (word[0] == '-') {
			i += takes_value(word);
			continue;
		}
		memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(char *));
		--*argc;
		return word;
	}
	return NULL;
}

static void free_list(void *list)
{
	strv_free(list);
}

static void defaults(struct cli *c)
{
	const char *format = getenv("LAB_OUTPUT"), *timeout = getenv("LAB_TIMEOUT");

	c->set = map_new(free);
	c->many = map_new(free_list);
	c->tty_out = isatty(STDOUT_FILENO);
	c->tty_err = isatty(STDERR_FILENO);
	c->color = c->tty_out && !getenv("NO_COLOR");
	if (format && streq(format, "json"))
		c->format = FORMAT_JSON;
	if (timeout)
		(void)str_duration_ms(timeout, &c->timeout_ms, NULL); /* a bad default is no default */
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
		const char *near = nearest_verb(verb);

		return near ? fail_usage(c, "'%s' is not a verb (did you mean '%s'?)", verb, near) : fail_usage(c, "'%s' is not a verb", verb);
	}
	r = options_parse(c, argc, argv, &first);
	if (r != 0)
		return r;
	c->no_wait = option_given(c, "no-wait");
	if (option_given(c, "help")) {
		help_command(stdout, c->command);
		return 0;
	}
	return c->command->run(c, argc - first, argv + first);
}

int main(int argc, char **argv)
{
	struct cli c = {0};

	(void)signal(SIGPIPE, SIG_IGN); /* a reader that leaves is a failed write, not a death */
	log_set_level(LOG_LEVEL_ERROR);
	defaults(&c);
	char *verb = take_verb(&argc, argv);
	int r = verb ? with_verb(&c, verb, argc, argv) : without_verb(&c, argc, argv);
	progress_clear(&c);
	if (fflush(stdout) != 0 && r == 0)
		r = 4;
	client_free(c.client);
	map_free(c.set);
	map_free(c.many);
	free(c.socket);
	return r;
}
