/* options.c - the command line, from the command table; help of verbs. */
#include "base/map.h"
#include "cmd/lab/cli.h"

#include <getopt.h>
#include <stdarg.h>

#define MAX_OPTIONS 48
#define FIRST_CODE 256

struct parser {
	struct option list[MAX_OPTIONS];
	const struct option_spec *spec[MAX_OPTIONS];
	char letters[2 * MAX_OPTIONS + 2];
	size_t n;
};

static void add(struct parser *p, const struct option_spec *o)
{
	size_t at = strlen(p->letters);

	for (; o && o->name && p->n < MAX_OPTIONS - 1; o++) {
		p->spec[p->n] = o;
		p->list[p->n] = (struct option){o->name, o->arg ? required_argument : no_argument, NULL, FIRST_CODE + (int)p->n};
		p->n++;
		if (o->letter) {
			p->letters[at++] = o->letter;
			if (o->arg)
				p->letters[at++] = ':';
		}
	}
	p->letters[at] = '\0';
}

static const struct option_spec *chosen(const struct parser *p, int code)
{
	if (code >= FIRST_CODE)
		return p->spec[code - FIRST_CODE];
	for (size_t i = 0; i < p->n; i++)
		if (p->spec[i]->letter == code)
			return p->spec[i];
	return NULL;
}

static void remember(struct cli *c, const char *name, const char *value)
{
	char **all = map_take(c->many, name);

	if (!all)
		all = strv_new();
	strv_add(&all, value);
	map_put(c->many, name, all);
	map_put(c->set, name, xstrdup(value));
}

bool option_given(const struct cli *c, const char *name)
{
	return map_get(c->set, name) != NULL;
}

const char *option_value(const struct cli *c, const char *name)
{
	return map_get(c->set, name);
}

char *const *option_values(const struct cli *c, const char *name)
{
	return map_get(c->many, name);
}

/* --- global ones --- */

static int take_format(struct cli *c, const char *word)
{
	static const char *const words[] = {"table", "json", "name"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(word, words[i])) {
			c->format = (enum format)i;
			return 0;
		}
	return fail_usage(c, "'%s' is not an output format: table, json or name", word);
}

static int take_global(struct cli *c, const char *name, const char *value)
{
	struct err e = ERR_NONE;

	if (streq(name, "output"))
		return take_format(c, value);
	if (streq(name, "timeout") && str_duration_ms(value, &c->timeout_ms, &e) < 0)
		return fail_usage(c, "--timeout: %s", e.text);
	if (streq(name, "host"))
		str_set(&c->socket, str_starts(value, "unix:") ? value + 5 : value);
	c->quiet |= streq(name, "quiet");
	c->yes |= streq(name, "yes");
	c->verbose += streq(name, "verbose");
	if (streq(name, "no-color"))
		c->color = false;
	return 0;
}

static bool is_global(const char *name)
{
	for (const struct option_spec *o = global_options; o->name; o++)
		if (streq(o->name, name))
			return true;
	return false;
}

static int bad_option(struct cli *c, char **argv, int code)
{
	const char *word = argv[optind - 1];

	if (code == ':')
		return fail_usage(c, "option '%s' needs a value", word);
	if (optopt && optopt < FIRST_CODE)
		return fail_usage(c, "unknown option '-%c'", optopt);
	return fail_usage(c, "unknown option '%s'", word);
}

/*
 * Options may stand before and after arguments, until "--". A verb whose arguments are a command of
 * somebody else's stops at "--" only, so `lab exec -- ls -l` passes -l on.
 */
int options_parse(struct cli *c, int argc, char **argv, int *ret_first)
{
	struct parser p = {.letters = ":"};
	int code, r;

	add(&p, global_options);
	add(&p, c->command ? c->command->options : NULL);
	optind = 1;
	opterr = 0;
	while ((code = getopt_long(argc, argv, p.letters, p.list, NULL)) != -1) {
		const struct option_spec *o = code == '?' || code == ':' ? NULL : chosen(&p, code);

		if (!o)
			return bad_option(c, argv, code);
		if (is_global(o->name) && (r = take_global(c, o->name, optarg)) != 0)
			return r;
		remember(c, o->name, optarg ? optarg : "");
	}
	*ret_first = optind;
	return 0;
}

/* --- help --- */

static void print_options(FILE *f, const struct option_spec *o)
{
	for (; o && o->name; o++) {
		_cleanup_free_ char *left = o->letter
			? strf("-%c, --%s%s%s", o->letter, o->name, o->arg ? " " : "", o->arg ? o->arg : "")
			: strf("    --%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");

		fprintf(f, strlen(left) > 26 ? "  %s\n%30s%s\n" : "  %-26s%s%s\n", left, strlen(left) > 26 ? "" : "  ", o->help);
	}
}

void help_command(FILE *f, const struct command *cmd)
{
	fprintf(f, "lab %s - %s\n\nUsage: lab %s %s\n", cmd->name, cmd->summary, cmd->name, cmd->synopsis);
	if (cmd->details)
		fprintf(f, "\n%s\n", cmd->details);
	if (cmd->options && cmd->options->name) {
		fputs("\nOptions:\n", f);
		print_options(f, cmd->options);
	}
	fputs("\nOptions of every verb:\n", f);
	print_options(f, global_options);
	fputs("\nExit codes:\n  0  done; everything passed\n", f);
	if (cmd->exits)
		fputs(cmd->exits, f);
	fputs("  2  wrong use   3  not found   4  environment or engine   5  time-out   6  quota or capacity\n"
	      "  7  permission  8  invalid lab   130  interrupted\n", f);
	if (cmd->examples)
		fprintf(f, "\nExamples:\n%s", cmd->examples);
}

void help_short(FILE *f)
{
	static const char *const first[] = {"catalog", "start", "status", "shell", "check", "hint", "grade", "stop"};

	fputs("Labyard: labs you start, work in, and get graded on.\n\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(first); i++) {
		const struct command *cmd = command_find(first[i]);

		if (cmd)
			fprintf(f, "  lab %-10s %s\n", cmd->name, cmd->summary);
	}
	fputs("\n'lab help' shows all verbs, 'lab help VERB' one of them.\n", f);
}

void help_all(FILE *f)
{
	const char *group = "";

	fputs("Usage: lab [OPTION...] VERB [ARGUMENT...]\n", f);
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		if (cmd->hidden)
			continue;
		if (!streq(group, cmd->group))
			fprintf(f, "\n%s:\n", cmd->group);
		group = cmd->group;
		fprintf(f, "  %-12s %s\n", cmd->name, cmd->summary);
	}
	fputs("\nOptions of every verb:\n", f);
	print_options(f, global_options);
	fputs("\n'lab help VERB' says more.\n", f);
}
