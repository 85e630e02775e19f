/* commands.c - the command table: everything about every verb, once. */
#include "cmd/lab/cli.h"

#define END {NULL, 0, NULL, WORD_NONE, NULL}

const struct option_spec global_options[] = {
	{"output", 'o', "FORMAT", WORD_NONE, "table, json or name"},
	{"quiet", 'q', NULL, WORD_NONE, "no progress and no advice"},
	{"verbose", 'v', NULL, WORD_NONE, "more detail"},
	{"yes", 'y', NULL, WORD_NONE, "do not ask"},
	{"timeout", 0, "DURATION", WORD_NONE, "wait at most so long (90s, 15m)"},
	{"host", 0, "unix:PATH", WORD_FILE, "another daemon's socket"},
	{"no-color", 0, NULL, WORD_NONE, "no colours"},
	{"help", 'h', NULL, WORD_NONE, "show this"},
	{"version", 0, NULL, WORD_NONE, "show the version"},
	END,
};

static const struct option_spec none[] = {END};

static const struct option_spec catalog[] = {
	{"show", 0, "LAB", WORD_LAB, "story, tasks, resources and time of one lab"},
	END,
};

static const struct option_spec start[] = {
	{"fresh", 0, NULL, WORD_NONE, "discard an existing session of this lab first"},
	{"shell", 0, NULL, WORD_NONE, "open a shell when it is ready"},
	{"seed", 0, "HEX", WORD_NONE, "64 hex digits instead of a random seed (for authors)"},
	{"no-wait", 0, NULL, WORD_NONE, "do not wait until it is ready"},
	END,
};

static const struct option_spec status[] = {
	{"watch", 'w', NULL, WORD_NONE, "show every change until Ctrl-C"},
	{"all", 'a', NULL, WORD_NONE, "also sessions that are ending"},
	END,
};

static const struct option_spec check[] = {
	{"watch", 'w', NULL, WORD_NONE, "again and again until everything passes"},
	{"explain", 0, NULL, WORD_NONE, "say where each check looks from"},
	END,
};

static const struct option_spec grade[] = {
	{"receipt", 0, "FILE", WORD_FILE, "save the signed record"},
	{"format", 0, "junit|json", WORD_NONE, "also write the result in this format"},
	{"out", 0, "FILE", WORD_FILE, "to this file (- is stdout)"},
	{"with", 0, "OPTION", WORD_NONE, "also judge an optional part"},
	{"no-wait", 0, NULL, WORD_NONE, "do not wait for the end"},
	END,
};

static const struct option_spec stop[] = {
	{"discard", 0, NULL, WORD_NONE, "remove the work, too: nothing is left"},
	{"all", 'a', NULL, WORD_NONE, "every session"},
	{"wait", 0, NULL, WORD_NONE, "until everything is removed"},
	END,
};

static const struct option_spec reset[] = {
	{"service", 's', "SERVICE", WORD_SERVICE, "only this service and its volumes"},
	END,
};

#define LEARN "Working in a lab"

const struct command commands[] = {
	{"catalog", "[WORD...]", "list the labs", LEARN, NULL, catalog, {WORD_NONE, WORD_NONE},
		"  lab catalog\n  lab catalog --show drift-retrain\n", "  3  nothing matches\n", false, cmd_catalog},
	{"start", "LAB", "start a lab, or go on with it", LEARN,
		"Prints the session's name when the lab is ready. A lab that is paused or stopped goes on with its work;\n"
		"missing images are made first, which happens once.",
		start, {WORD_LAB, WORD_NONE}, "  lab start hello-lab\n  lab start drift-retrain --shell\n", NULL, false, cmd_start},
	{"status", "[SESSION]", "what is running, and what happens to it next", LEARN, NULL, status, {WORD_SESSION, WORD_NONE},
		"  lab status\n  lab status drift-retrain --watch\n", NULL, false, cmd_status},
	{"check", "[SESSION] [TASK[/CHECK]...]", "look whether your work is right so far", LEARN,
		"Quick checks change nothing and cost nothing.", check, {WORD_SESSION, WORD_CHECK},
		"  lab check\n  lab check measure alert/rule-unit\n", "  1  a check failed\n", false, cmd_check},
	{"grade", "[SESSION]", "judge everything, and record it", LEARN, NULL, grade, {WORD_SESSION, WORD_NONE},
		"  lab grade\n  lab grade --receipt drift.json --with distinction\n", "  1  graded, but not passed\n", false, cmd_grade},
	{"pause", "[SESSION]", "stand still, keep everything in memory", LEARN, NULL, none, {WORD_SESSION, WORD_NONE}, "  lab pause\n", NULL, false, cmd_pause},
	{"resume", "[SESSION]", "go on after a pause or a stop", LEARN, NULL, none, {WORD_SESSION, WORD_NONE}, "  lab resume\n", NULL, false, cmd_resume},
	{"extend", "[SESSION] [DURATION]", "more time", LEARN, NULL, none, {WORD_SESSION, WORD_NONE}, "  lab extend\n  lab extend hello-lab 15m\n", NULL, false, cmd_extend},
	{"reset", "[SESSION]", "start the lab, or one service, from new", LEARN, NULL, reset, {WORD_SESSION, WORD_NONE},
		"  lab reset\n  lab reset --service trainer --yes\n", NULL, false, cmd_reset},
	{"stop", "[SESSION]", "stop a lab; the work on its volumes is kept", LEARN,
		"Containers and networks are removed, volumes stay for the lab's keep time, so that 'lab start' goes on.\n"
		"With --discard nothing is left behind.",
		stop, {WORD_SESSION, WORD_NONE}, "  lab stop\n  lab stop hello-lab --discard --yes\n", NULL, false, cmd_stop},
	{"help", "[VERB]", "show how a verb is used", "Help", NULL, none, {WORD_VERB, WORD_NONE}, "  lab help start\n", NULL, false, cmd_help},
	{.name = NULL},
};
