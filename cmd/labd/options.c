/* options.c - what labd was told. */
#include "cmd/labd/options.h"

#include "base/conf.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"
#include "base/xdg.h"

#include <getopt.h>
#include <inttypes.h>

#define HOUR_MS INT64_C(3600000)

#define KEY(name, type, member, low, high, help)                                                   \
	{                                                                                          \
		name, type, offsetof(struct options, member), low, high, help                      \
	}
static const struct conf_key keys[] = {
	KEY("engine", CONF_STRING, engine, 0, 0,
		"unix:///path or tcp://host:port; found when absent"),
	KEY("labs", CONF_STRING, labs, 0, 0, "folder of the catalogue"),
	KEY("state", CONF_STRING, state, 0, 0, "folder of database, evidence and key"),
	KEY("listen", CONF_STRING, listen, 0, 0, "unix:PATH"),
	KEY("max_sessions", CONF_INT, max_sessions, 1, 4096, "labs that may be live at once"),
	KEY("max_expires", CONF_DURATION_MS, max_expires_ms, 60000, 30 * 24 * HOUR_MS,
		"no lab runs longer, whatever it says"),
	KEY("subnets", CONF_STRING, subnets, 0, 0, "addresses that lab networks are cut from"),
	KEY("log_level", CONF_STRING, log_level, 0, 0, "error, warn, info or debug"),
};
#undef KEY

enum {
	OPT_CONFIG = 256,
	OPT_SELF_STARTED,
	OPT_IDLE_EXIT,
	OPT_PROOF,
	OPT_CHECK,
	OPT_DUMP,
	OPT_VERSION,
	OPT_HELP,
	OPT_KEY
};

/* Settings have an option of the same name, with '-' for '_'. */
static const struct option longs[] = {
	{"config", required_argument, NULL, OPT_CONFIG},
	{"engine", required_argument, NULL, OPT_KEY},
	{"labs", required_argument, NULL, OPT_KEY + 1},
	{"state", required_argument, NULL, OPT_KEY + 2},
	{"listen", required_argument, NULL, OPT_KEY + 3},
	{"max-sessions", required_argument, NULL, OPT_KEY + 4},
	{"max-expires", required_argument, NULL, OPT_KEY + 5},
	{"subnets", required_argument, NULL, OPT_KEY + 6},
	{"log-level", required_argument, NULL, OPT_KEY + 7},
	{"self-started", no_argument, NULL, OPT_SELF_STARTED},
	{"idle-exit", required_argument, NULL, OPT_IDLE_EXIT},
	{"proof", no_argument, NULL, OPT_PROOF},
	{"check-config", no_argument, NULL, OPT_CHECK},
	{"dump-config", no_argument, NULL, OPT_DUMP},
	{"version", no_argument, NULL, OPT_VERSION},
	{"help", no_argument, NULL, OPT_HELP},
	{0},
};

void options_help(FILE *to)
{
	fputs("usage: labd [OPTION...]\n"
	      "The daemon behind 'lab'. It stays in the foreground and logs to stderr.\n\n"
	      "  --config FILE         read this instead of $XDG_CONFIG_HOME/labyard/labd.conf\n"
	      "  --listen unix:PATH    where clients connect\n"
	      "  --state DIR           database, evidence and key\n"
	      "  --labs DIR            the catalogue\n"
	      "  --engine URL          unix:///path or tcp://host:port\n"
	      "  --max-sessions N      labs that may be live at once\n"
	      "  --max-expires TIME    no lab runs longer\n"
	      "  --subnets CIDR        addresses that lab networks are cut from\n"
	      "  --log-level LEVEL     error, warn, info or debug\n"
	      "  --self-started        end when no lab has been live for a while\n"
	      "  --idle-exit TIME      for how long (10m)\n"
	      "  --proof               discard everything and end when stdin, a pipe, ends (lab "
	      "test)\n"
	      "  --check-config        read options and file, say what is wrong, end\n"
	      "  --dump-config         print what is in force as labd.conf, end\n"
	      "  --version, --help\n\n"
	      "See labd(8) and labd.conf(5).\n",
		to);
}

/* --- reading --- */

/* What argv said, kept apart until the file has been read. */
struct told {
	const char *value[ARRAY_SIZE(keys)];
};

static int read_argv(struct options *o, struct told *t, int argc, char **argv, struct err *e)
{
	int c;

	opterr = 0;
	optind = 1;
	while ((c = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (c == ':')
			return err_set(e, ERR_USAGE, "option '%s' needs a value", argv[optind - 1]);
		if (c == '?')
			return err_set(e, ERR_USAGE, "option '%s' is not known: see 'labd --help'",
				argv[optind - 1]);
		if (c >= OPT_KEY)
			t->value[c - OPT_KEY] = optarg;
		else if (c == OPT_CONFIG)
			str_set(&o->config, optarg);
		else if (c == OPT_IDLE_EXIT && str_duration_ms(optarg, &o->idle_exit_ms, e) < 0)
			return err_wrap(e, "--idle-exit");
		o->self_started |= c == OPT_SELF_STARTED;
		o->proof |= c == OPT_PROOF;
		o->check_config |= c == OPT_CHECK;
		o->dump_config |= c == OPT_DUMP;
		o->version |= c == OPT_VERSION;
		o->help |= c == OPT_HELP;
	}
	if (optind < argc)
		return err_set(e, ERR_USAGE, "'%s' is no option: see 'labd --help'", argv[optind]);
	return 0;
}

static int read_file(struct options *o, struct err *e)
{
	_cleanup_free_ char *folder = NULL;

	if (o->config && !fs_exists(o->config))
		return err_set(e, ERR_NOT_FOUND, "the configuration '%s' is not there", o->config);
	if (!o->config) {
		folder = xdg_config();
		o->config = strf("%s/labd.conf", folder);
	}
	return conf_read(o->config, keys, ARRAY_SIZE(keys), o, e);
}

static int apply(struct options *o, const struct told *t, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (t->value[i] &&
			conf_set(keys, ARRAY_SIZE(keys), o, keys[i].key, t->value[i], e) < 0)
			return e->code;
	return 0;
}

/* --- what nobody said --- */

/* Beside the built program, else below the installed prefix. */
static char *find(const char *beside, const char *installed)
{
	_cleanup_free_ char *dir = fs_program_dir();
	_cleanup_free_ char *path = strf("%s/%s", dir, beside);
	char *real = realpath(path, NULL);

	return real ? real : strf("%s/%s", LABYARD_PREFIX, installed);
}

static void set_default(char **value, char *take)
{
	if (*value)
		free(take);
	else
		*value = take;
}

static void defaults(struct options *o)
{
	_cleanup_free_ char *socket = xdg_socket();

	set_default(&o->state, xdg_state());
	set_default(&o->listen, strf("unix:%s", socket));
	set_default(&o->labs, find("../../labs", "share/labyard/labs"));
	set_default(&o->lab_fetch, find("lab-fetch", "libexec/labyard/lab-fetch"));
	set_default(&o->subnets, xstrdup("10.213.0.0/16"));
	set_default(&o->log_level, xstrdup("info"));
}

static int check(const struct options *o, struct err *e)
{
	static const char *const levels[] = {"error", "warn", "info", "debug"};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (streq(levels[i], o->log_level)) {
			log_set_level((enum log_level)i);
			return options_socket(o)
				       ? 0
				       : err_set(e, ERR_USAGE,
						 "listen '%s' is not understood: write unix:/PATH",
						 o->listen);
		}
	return err_set(e, ERR_USAGE, "log_level '%s' is not one of error, warn, info, debug",
		o->log_level);
}

int options_read(struct options *o, int argc, char **argv, struct err *e)
{
	struct told t = {0};
	int r;

	*o = (struct options){
		.max_sessions = 8, .max_expires_ms = 12 * HOUR_MS, .idle_exit_ms = 600000};
	r = read_argv(o, &t, argc, argv, e);
	if (r < 0 || o->version || o->help)
		return r;
	if ((r = read_file(o, e)) < 0 || (r = apply(o, &t, e)) < 0)
		return r;
	defaults(o);
	return check(o, e);
}

void options_done(struct options *o)
{
	conf_done(keys, ARRAY_SIZE(keys), o);
	free(o->config);
	free(o->lab_fetch);
}

const char *options_socket(const struct options *o)
{
	return str_starts(o->listen, "unix:/") ? o->listen + strlen("unix:") : NULL;
}

/* --- writing --- */

static void dump_value(const struct options *o, const struct conf_key *k, FILE *to)
{
	const void *at = (const char *)o + k->offset;

	if (k->type == CONF_STRING && !*(char *const *)at)
		fprintf(to, "# %s =\n", k->key);
	else if (k->type == CONF_STRING)
		fprintf(to, "%s = %s\n", k->key, *(char *const *)at);
	else if (k->type == CONF_DURATION_MS)
		fprintf(to, "%s = %" PRId64 "s\n", k->key, *(const int64_t *)at / 1000);
	else
		fprintf(to, "%s = %" PRId64 "\n", k->key, *(const int64_t *)at);
}

void options_dump(const struct options *o, FILE *to)
{
	fprintf(to, "# in force; file: %s\n", o->config);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		fprintf(to, "\n# %s\n", keys[i].help);
		dump_value(o, &keys[i], to);
	}
}
