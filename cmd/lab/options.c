/*
 * options.c - the command line, from the command table.
 */
#include "base/map.h"
#include "cmd/lab/cli.h"

#include <getopt.h>
#include <unistd.h>

#define MAX_OPTIONS 48
#define FIRST_CODE  256

/* --- what was given --- */

static void free_list(void *list)
{
	strv_free(list);
}

static bool take_format(struct cli *c, const char *word)
{
	static const char *const words[] = {"table", "json", "name"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(word, words[i])) {
			c->format = (enum format)i;
			return true;
		}
	return false;
}

static void take_host(struct cli *c, const char *host)
{
	str_set(&c->socket, str_starts(host, "unix:") ? host + strlen("unix:") : host);
}

void options_init(struct cli *c)
{
	const char *format = getenv("LAB_OUTPUT"), *timeout = getenv("LAB_TIMEOUT"),
		   *no_color = getenv("NO_COLOR"), *host = getenv("LAB_HOST");

	c->set = map_new(free);
	c->many = map_new(free_list);
	c->tty_out = isatty(STDOUT_FILENO);
	c->tty_err = isatty(STDERR_FILENO);
	c->color = c->tty_out && !(no_color && *no_color);
	if (format)
		(void)take_format(c, format); /* a bad default is no default */
	if (host && *host)
		take_host(c, host);
	if (timeout)
		(void)str_duration_ms(timeout, &c->timeout_ms, NULL);
}

void options_done(struct cli *c)
{
	map_free(c->set);
	map_free(c->many);
	free(c->socket);
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

static int take_global(struct cli *c, const char *name, const char *value)
{
	struct err e = ERR_NONE;

	if (streq(name, "output") && !take_format(c, value))
		return fail_usage(c, "'%s' is not an output format: table, json or name", value);
	if (streq(name, "timeout") && str_duration_ms(value, &c->timeout_ms, &e) < 0)
		return fail_usage(c, "--timeout: %s", e.text);
	if (streq(name, "host"))
		take_host(c, value);
	c->quiet |= streq(name, "quiet");
	c->yes |= streq(name, "yes");
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

/* Does this word of global options take the next word with it ("-o", "-qo", "--output")? */
static bool takes_next(const char *word)
{
	for (const struct option_spec *o = global_options; o->name; o++)
		if (o->arg && word[1] == '-' && streq(word + 2, o->name))
			return true;
	for (const char *p = word + 1; word[1] != '-' && *p; p++)
		for (const struct option_spec *o = global_options; o->name; o++)
			if (o->arg && o->letter == *p)
				return !p[1]; /* "-ojson" has its value already */
	return false;
}

char *options_verb(int *argc, char **argv)
{
	for (int i = 1; i < *argc && !streq(argv[i], "--"); i++) {
		char *word = argv[i];

		if (word[0] == '-' && word[1]) {
			i += takes_next(word);
			continue;
		}
		memmove(&argv[i], &argv[i + 1], (size_t)(*argc - i) * sizeof(char *));
		--*argc;
		return word;
	}
	return NULL;
}

/* --- parsing --- */

struct parser {
	struct option list[MAX_OPTIONS];
	const struct option_spec *spec[MAX_OPTIONS];
	char letters[2 * MAX_OPTIONS + 3];
	size_t n;
};

static void add(struct parser *p, const struct option_spec *o)
{
	size_t at = strlen(p->letters);

	for (; o && o->name && p->n < MAX_OPTIONS - 1; o++) {
		p->spec[p->n] = o;
		p->list[p->n] = (struct option){o->name, o->arg ? required_argument : no_argument,
			NULL, FIRST_CODE + (int)p->n};
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
 * getopt hands out the arguments in their order ('-'), so that we know which of them stand before
 * "--": what follows it may be a command of somebody else's. They are gathered at the front of
 * argv, where every place has been read before.
 */
int options_parse(struct cli *c, int argc, char **argv, int *ret_first)
{
	struct parser p = {.letters = "-:"};
	const char *last = NULL; /* argument of the last option */
	int code, n = 1, r;

	add(&p, global_options);
	add(&p, c->command ? c->command->options : NULL);
	optind = 0; /* begin anew, also for the third time in one process */
	opterr = 0;
	while ((code = getopt_long(argc, argv, p.letters, p.list, NULL)) != -1) {
		if (code == 1) {
			argv[n++] = optarg;
			continue;
		}
		const struct option_spec *o = code == '?' || code == ':' ? NULL : chosen(&p, code);

		if (!o)
			return bad_option(c, argv, code);
		if (is_global(o->name) && (r = take_global(c, o->name, optarg)) != 0)
			return r;
		remember(c, o->name, optarg ? optarg : "");
		last = optarg;
	}
	c->before = n - 1;
	c->dashes = optind > 1 && argv[optind - 1] != last && streq(argv[optind - 1], "--");
	/* What is left goes behind those before; the caller sees argv[first..argc). */
	int left = argc - optind;
	memmove(&argv[argc - left - (n - 1)], &argv[1], (size_t)(n - 1) * sizeof(char *));
	*ret_first = argc - left - (n - 1);
	c->no_wait = option_given(c, "no-wait");
	c->quiet |= c->format == FORMAT_JSON && !c->tty_err; /* errors alone are on stderr then */
	return 0;
}
