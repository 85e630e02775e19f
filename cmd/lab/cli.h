/*
 * cli.h - what the verbs of `lab` share: the command table, the options of this run, its ends.
 *
 * One verb is one file with one function. The table (commands.c) says everything about a verb once: parsing, --help,
 * completion and the manual page all come from it.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_NAME };

/* What a word on the command line stands for: completion asks the daemon for the live ones. */
enum word_kind { WORD_NONE, WORD_LAB, WORD_SESSION, WORD_TASK, WORD_CHECK, WORD_SERVICE, WORD_PORT, WORD_VERB, WORD_FILE, WORD_SHELL };

struct option_spec {
	const char *name; /* long, without dashes */
	char letter;      /* 0 = none */
	const char *arg;  /* name of its argument; NULL = a flag */
	enum word_kind completes;
	const char *help;
};

struct cli;

struct command {
	const char *name;
	const char *synopsis; /* after `lab NAME ` */
	const char *summary;  /* one line */
	const char *group;    /* heading in `lab help` */
	const char *details;  /* a paragraph, or NULL */
	const struct option_spec *options; /* of this verb; ends with a NULL name */
	enum word_kind words[2]; /* first, and further arguments */
	const char *examples; /* lines */
	const char *exits;    /* lines beyond the common ones, or NULL */
	bool hidden;
	int (*run)(struct cli *c, int argc, char **argv); /* argv[0] is the first argument; returns the exit code */
};

extern const struct command commands[]; /* ends with a NULL name */
extern const struct option_spec global_options[];
const struct command *command_find(const char *name);

/* One run of the program. */
struct cli {
	const struct command *command;
	struct map *set;     /* options of the verb that were given: name -> value ("" for flags) */
	struct map *many;    /* name -> char **, for options that may be given more than once */
	enum format format;
	bool quiet, yes, color, no_wait;
	int verbose;
	int64_t timeout_ms;  /* 0 = the verb's own */
	char *socket;        /* --host unix:PATH, or NULL */
	struct client *client;
	bool tty_out, tty_err;
};

bool option_given(const struct cli *c, const char *name);
const char *option_value(const struct cli *c, const char *name); /* NULL when not given */
char *const *option_values(const struct cli *c, const char *name); /* NULL when not given */

/* --- ends: all print to stderr and return the exit code --- */

/* "lab: error[CODE]: text", or the JSON error object with -o json. */
int fail(const struct cli *c, const struct err *e);
/* The same with advice (at most two lines) and the daemon's reference. */
int fail_with(const struct cli *c, const struct err *e, char *const *advice, const char *ref);
/* Wrong use: text, then how to see the right one. Exit code 2. */
int fail_usage(const struct cli *c, const char *fmt, ...) format_printf(2, 3);

/* Ask on the terminal; false without one unless --yes was given (the caller ends with 2 then). */
enum answer { ANSWER_NO, ANSWER_YES, ANSWER_CANNOT };
enum answer ask(const struct cli *c, const char *fmt, ...) format_printf(2, 3);

/* Parse the options of argv for a command; *ret_first is the index of the first argument. Returns 0 or an exit code. */
int options_parse(struct cli *c, int argc, char **argv, int *ret_first);
/* Help of one verb, or of all. */
void help_command(FILE *f, const struct command *cmd);
void help_short(FILE *f);
void help_all(FILE *f);

/* --- shared by verbs --- */
/* Follow a bring-up to its end and print it (cmd_start.c); since_ms: wall clock before the request. */
int start_follow(struct cli *c, const char *name, int64_t since_ms);

/* --- verbs --- */
#define VERB(name) int cmd_##name(struct cli *c, int argc, char **argv);
#include "cmd/lab/verbs.tbl.h"
#undef VERB
