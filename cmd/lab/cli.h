/*
 * cli.h - what the verbs of `lab` share: the command table, the options of this run, its ends.
 *
 * One verb is one file with one function. The table (commands.c) says everything about a verb once:
 * parsing, --help, completion and the manual page all come from it.
 */
#pragma once

#include "base/buf.h"
#include "base/str.h"
#include "codec/json.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_NAME };

/* What a word on the command line stands for: completion asks the daemon for the live ones. */
enum word_kind {
	WORD_NONE,
	WORD_LAB,
	WORD_SESSION,
	WORD_TASK,
	WORD_CHECK, /* a task, or task/check */
	WORD_SERVICE,
	WORD_PORT,
	WORD_VERB,
	WORD_FILE,
	WORD_PLACE,  /* a file, or SESSION:SERVICE:/path */
	WORD_SHELL,  /* that completion scripts are made for */
	WORD_FORMAT, /* of output */
	WORD_REPO,
	WORD_REPO_VERB, /* add, list, ... */
	WORD_VARIANT,   /* of the lab that is named */
};

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
	const char *synopsis;              /* after `lab NAME ` */
	const char *summary;               /* one line */
	const char *group;                 /* heading in `lab help` */
	const char *details;               /* a paragraph, or NULL */
	const struct option_spec *options; /* of this verb; ends with a NULL name */
	enum word_kind words[2];           /* first, and further arguments */
	const char *examples;              /* lines */
	const char *exits;                 /* lines beyond the common ones, or NULL */
	bool hidden;                       /* not for people; gets its words as they are */
	/* argv[0] is the first argument; returns the exit code. */
	int (*run)(struct cli *c, int argc, char **argv);
};

extern const struct command commands[]; /* ends with a NULL name */
extern const struct option_spec global_options[];
const struct command *command_find(const char *name); /* NULL when there is none */
const char *command_nearest(const char *word);        /* "did you mean", or NULL */

/* One run of the program. */
struct cli {
	const struct command *command;
	struct map *set;  /* options of the verb that were given: name -> value ("" for flags) */
	struct map *many; /* name -> char **, for options that may be given more than once */
	enum format format;
	bool quiet, yes, color, no_wait;
	int64_t timeout_ms; /* 0 = the verb's own */
	int before;         /* arguments before "--"; all when there is none */
	bool dashes;        /* there was a "--" */
	char *socket;       /* --host unix:PATH, or NULL */
	struct client *client;
	bool tty_out, tty_err;
};

bool option_given(const struct cli *c, const char *name);
const char *option_value(const struct cli *c, const char *name);   /* NULL when not given */
char *const *option_values(const struct cli *c, const char *name); /* NULL when not given */

/* --- ends: all print to stderr and return the exit code --- */

/* "lab: error[CODE]: text", or the JSON error object with -o json. */
int fail(const struct cli *c, const struct err *e);
/* The same with advice (at most two lines) and the daemon's reference. */
int fail_with(const struct cli *c, const struct err *e, char *const *advice, const char *ref);
/* Wrong use: text, then how to see the right one. Exit code 2. */
int fail_usage(const struct cli *c, const char *fmt, ...) format_printf(2, 3);

/*
 * Ask before something is lost or paid. Returns 0 to go on, else the exit code: the user said no,
 * or there is no terminal and no --yes (then it is said), or Ctrl-C.
 */
int confirm(const struct cli *c, const char *fmt, ...) format_printf(2, 3);

/* --- the command line (options.c) --- */

/* Take the verb out of argv, so that options may surround it; NULL without one. */
char *options_verb(int *argc, char **argv);
/* Parse the options of argv for a command (NULL = none); *ret_first is the index of the first
 * argument. Returns 0 or an exit code. */
int options_parse(struct cli *c, int argc, char **argv, int *ret_first);
void options_init(struct cli *c); /* defaults and the environment */
void options_done(struct cli *c);

/* --- help (help.c) --- */

/* Help of one verb, or of all. */
void help_command(FILE *f, const struct command *cmd);
void help_short(FILE *f);
void help_all(FILE *f);
void help_manual(FILE *f); /* lab(1) as troff */
void help_paragraph(FILE *f, const char *text); /* broken between words */

/* --- shared by verbs --- */

/* Follow a bring-up to its end and print it (cmd_start.c); `session`: the answer to the request. */
int start_follow(struct cli *c, const struct json *session);
/* The same without a result on stdout: the session that is ready, or why there is none. */
int start_await(struct cli *c, const struct json *session, struct json **ret, struct err *e);

struct problems;
/* What is wrong with a lab, as `lab lint` shows it, without warnings: on stderr (cmd_lint.c). */
void problems_tell(const struct problems *found);

/* Where the interface has a lab (cmd_catalog.c): of "slug", "repo/slug" or "repo/slug@commit" each
 * part stays a part. The caller owns it. */
char *lab_path(const char *name);

/* The catalogue's folder, as labd finds it (cmd_catalog.c); the caller owns it. */
char *labs_folder(void);

/* One line (cmd_events.c); false when nobody reads any more. */
bool event_print(struct cli *c, const struct json *ev);

/* --- verbs --- */
#define VERB(name) int cmd_##name(struct cli *c, int argc, char **argv);
#include "cmd/lab/verbs.tbl.h"
#undef VERB
