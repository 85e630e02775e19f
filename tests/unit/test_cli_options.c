/* test_cli_options.c - the command line of `lab`, its table, help and the manual page. */
#include "cmd/lab/cli.h"
#include "tests/unit/test.h"

#include <unistd.h>

#define MAX_WORDS 16

struct line {
	struct cli cli;
	char *argv[MAX_WORDS + 1];
	int argc, first, r;
	const char *verb;
	char **words; /* the strings in argv */
};

/* As main() does it. What goes wrong is said on stderr, which nobody reads here. */
static void parse(struct line *l, const char *text)
{
	char **words = strv_split(text, ' ');

	*l = (struct line){0};
	unsetenv("LAB_OUTPUT");
	unsetenv("LAB_TIMEOUT");
	options_init(&l->cli);
	for (l->argc = 0; words[l->argc]; l->argc++)
		l->argv[l->argc] = words[l->argc];
	l->words = words;
	char *verb = options_verb(&l->argc, l->argv);
	l->verb = verb;
	l->cli.command = verb ? command_find(verb) : NULL;
	l->r = options_parse(&l->cli, l->argc, l->argv, &l->first);
}

static void done(struct line *l)
{
	options_done(&l->cli);
	strv_free(l->words);
}

static void options_stand_anywhere(void **state)
{
	struct line l;

	parse(&l, "lab -o json --timeout 5s status -q hello --watch --yes");
	assert_int_equal(l.r, 0);
	assert_string_equal(l.verb, "status");
	assert_int_equal(l.cli.format, FORMAT_JSON);
	assert_int_equal(l.cli.timeout_ms, 5000);
	assert_true(l.cli.quiet && l.cli.yes && option_given(&l.cli, "watch"));
	assert_int_equal(l.argc - l.first, 1);
	assert_string_equal(l.argv[l.first], "hello");
	done(&l);

	parse(&l, "lab -qo name catalog"); /* the value of a cluster is no verb */
	assert_string_equal(l.verb, "catalog");
	assert_int_equal(l.cli.format, FORMAT_NAME);
	done(&l);

	parse(&l, "lab -oname --host unix:/x catalog");
	assert_string_equal(l.verb, "catalog");
	assert_string_equal(l.cli.socket, "/x");
	done(&l);
}

static void a_command_keeps_its_own_options(void **state)
{
	struct line l;

	parse(&l, "lab exec hello -e A=1 -s web -e B=2 -- ls -l --all -- x");
	assert_int_equal(l.r, 0);
	assert_true(l.cli.dashes);
	assert_int_equal(l.cli.before, 1);
	assert_int_equal(l.argc - l.first, 6);
	assert_string_equal(l.argv[l.first], "hello");
	assert_string_equal(l.argv[l.first + 1], "ls");
	assert_string_equal(l.argv[l.first + 2], "-l");
	assert_string_equal(l.argv[l.first + 4], "--");
	assert_null(l.argv[l.argc]);
	assert_string_equal(option_value(&l.cli, "service"), "web");
	char *const *env = option_values(&l.cli, "env");
	assert_int_equal(strv_len(env), 2);
	assert_string_equal(env[0], "A=1");
	assert_string_equal(env[1], "B=2");
	done(&l);

	parse(&l, "lab exec -- true");
	assert_int_equal(l.cli.before, 0);
	assert_int_equal(l.argc - l.first, 1);
	done(&l);

	parse(&l, "lab exec ls -w --"); /* this "--" is a folder */
	assert_false(l.cli.dashes);
	assert_string_equal(option_value(&l.cli, "workdir"), "--");
	done(&l);
}

static void wrong_lines_are_refused(void **state)
{
	static const char *const wrong[] = {"lab status --nosuch", "lab status -x",
		"lab grade --receipt", "lab -o xml status", "lab --timeout soon status",
		"lab status --watch=1"};

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct line l;

		parse(&l, wrong[i]);
		assert_int_equal(l.r, 2);
		done(&l);
	}
}

static void the_environment_gives_defaults(void **state)
{
	struct cli c = {0};

	setenv("LAB_OUTPUT", "json", 1);
	setenv("LAB_TIMEOUT", "2m", 1);
	setenv("LAB_HOST", "unix:/run/x.sock", 1);
	options_init(&c);
	assert_int_equal(c.format, FORMAT_JSON);
	assert_int_equal(c.timeout_ms, 120000);
	assert_string_equal(c.socket, "/run/x.sock");
	options_done(&c);
	unsetenv("LAB_OUTPUT");
	unsetenv("LAB_TIMEOUT");
	unsetenv("LAB_HOST");
}

/* --- the table --- */

static void every_verb_is_whole(void **state)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		assert_non_null(cmd->run);
		assert_non_null(cmd->options);
		assert_ptr_equal(command_find(cmd->name), cmd);
		if (cmd->hidden)
			continue;
		assert_true(cmd->synopsis && cmd->summary && cmd->group && cmd->examples);
		for (const struct option_spec *o = cmd->options; o->name; o++)
			for (const struct option_spec *g = global_options; g->name; g++) {
				assert_string_not_equal(o->name, g->name);
				assert_true(!o->letter || o->letter != g->letter);
			}
	}
	assert_string_equal(command_nearest("strat"), "start");
	assert_null(command_nearest("xyzzy"));
}

static char *printed(void (*fn)(FILE *))
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);

	fn(f);
	fclose(f);
	return text;
}

/* Hyphens of options are written as \- in troff. */
static char *in_troff(const char *name)
{
	struct buf b = BUF(256);

	(void)buf_adds(&b, "\\-\\-");
	for (; *name; name++)
		(void)buf_addf(&b, *name == '-' ? "\\-" : "%c", *name);
	return buf_take(&b);
}

static void the_manual_has_every_verb_and_option(void **state)
{
	_cleanup_free_ char *page = printed(help_manual);

	for (const struct command *cmd = commands; cmd->name; cmd++) {
		_cleanup_free_ char *head = strf(".SS \"lab %s ", cmd->name);

		assert_true(!strstr(page, head) == cmd->hidden);
		for (const struct option_spec *o = cmd->options; o->name; o++) {
			_cleanup_free_ char *name = in_troff(o->name);

			assert_non_null(strstr(page, name));
		}
	}
	assert_non_null(strstr(page, "\n.SH \"EXIT STATUS\"\n"));
}

static void help_fits_a_terminal(void **state)
{
	for (const struct command *cmd = commands; cmd->name; cmd++) {
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		if (!cmd->hidden)
			help_command(f, cmd);
		fclose(f);
		char **lines = strv_split(text, '\n');
		for (char **line = lines; *line; line++)
			assert_true(strlen(*line) <= 90);
		strv_free(lines);
		free(text);
	}
	_cleanup_free_ char *all = printed(help_all), *first = printed(help_short);
	assert_non_null(strstr(all, "\nKeeping the machine well:\n"));
	assert_null(strstr(all, "__complete"));
	assert_non_null(strstr(first, "lab start"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(a_command_keeps_its_own_options),
		cmocka_unit_test(wrong_lines_are_refused),
		cmocka_unit_test(the_environment_gives_defaults),
		cmocka_unit_test(every_verb_is_whole),
		cmocka_unit_test(the_manual_has_every_verb_and_option),
		cmocka_unit_test(help_fits_a_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
