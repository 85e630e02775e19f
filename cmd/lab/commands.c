/* commands.c - the command table: everything about every verb, once. */
#include "cmd/lab/cli.h"

#define END	{NULL, 0, NULL, WORD_NONE, NULL}
#define WORK	"Working in a lab"
#define RESULTS "Results"
#define AUTHOR	"Writing labs"
#define TEACH	"Teaching"
#define KEEP	"Keeping the machine well"
#define HELP	"Help"

const struct option_spec global_options[] = {
	{"output", 'o', "FORMAT", WORD_FORMAT, "table, json or name"},
	{"quiet", 'q', NULL, WORD_NONE, "no progress and no advice; tables without a heading"},
	{"yes", 'y', NULL, WORD_NONE, "do not ask"},
	{"timeout", 0, "DURATION", WORD_NONE, "wait at most so long (90s, 15m)"},
	{"host", 0, "unix:PATH", WORD_FILE, "another daemon's socket; none is started then"},
	{"no-color", 0, NULL, WORD_NONE, "no colours"},
	{"help", 'h', NULL, WORD_NONE, "show how it is used"},
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
	{"variant", 0, "VARIANT", WORD_VARIANT, "as this variant, with its images"},
	{"no-wait", 0, NULL, WORD_NONE, "do not wait until it is ready"},
	END,
};

static const struct option_spec status[] = {
	{"watch", 'w', NULL, WORD_NONE, "show every change until Ctrl-C"},
	END,
};

static const struct option_spec shell[] = {
	{"service", 's', "SERVICE", WORD_SERVICE, "in this service instead of the lab's entry"},
	{"user", 'u', "USER", WORD_NONE, "as this user"},
	{"command", 'c', "COMMAND", WORD_NONE, "run this instead of a shell"},
	END,
};

static const struct option_spec exec[] = {
	{"service", 's', "SERVICE", WORD_SERVICE, "in this service instead of the lab's entry"},
	{"user", 'u', "USER", WORD_NONE, "as this user"},
	{"workdir", 'w', "DIR", WORD_NONE, "in this folder"},
	{"env", 'e', "NAME=VALUE", WORD_NONE, "with this variable; may be given more than once"},
	{"interactive", 'i', NULL, WORD_NONE, "pass standard input on"},
	{"tty", 't', NULL, WORD_NONE, "with a terminal, whatever stdin and stdout are"},
	{"no-tty", 'T', NULL, WORD_NONE, "without a terminal"},
	{"wrap", 0, NULL, WORD_NONE, "print exit status and output as one JSON document"},
	END,
};

static const struct option_spec check[] = {
	{"watch", 'w', NULL, WORD_NONE, "again and again until everything passes"},
	{"explain", 0, NULL, WORD_NONE, "say where each check looks from"},
	END,
};

static const struct option_spec hint[] = {
	{"list", 'l', NULL, WORD_NONE, "the hints of the task and what they cost"},
	{"next", 0, NULL, WORD_NONE, "the next hint (this is what happens anyway)"},
	END,
};

static const struct option_spec grade[] = {
	{"receipt", 0, "FILE", WORD_FILE, "save the signed record"},
	{"format", 0, "junit|json", WORD_NONE, "also write the result in this format"},
	{"out", 0, "FILE", WORD_FILE, "to this file (- is stdout, and the default)"},
	{"with", 0, "OPTION", WORD_NONE, "also judge an optional part"},
	{"no-wait", 0, NULL, WORD_NONE, "do not wait for the end; prints the run's number"},
	END,
};

static const struct option_spec reset[] = {
	{"service", 's', "SERVICE", WORD_SERVICE, "only this service and volumes of its own"},
	END,
};

static const struct option_spec stop[] = {
	{"discard", 0, NULL, WORD_NONE, "remove the work, too: nothing is left"},
	{"all", 'a', NULL, WORD_NONE, "every session"},
	{"no-wait", 0, NULL, WORD_NONE, "do not wait until everything is removed"},
	END,
};

static const struct option_spec logs[] = {
	{"follow", 'f', NULL, WORD_NONE, "go on with what comes"},
	{"tail", 'n', "N", WORD_NONE, "only the last N lines of each service"},
	{"since", 0, "DURATION", WORD_NONE, "only what is not older (10m)"},
	END,
};

static const struct option_spec history[] = {
	{"limit", 'n', "N", WORD_NONE, "at most so many (100)"},
	{"receipt", 0, "RUN", WORD_NONE, "print the signed record of this run instead"},
	END,
};

static const struct option_spec verify[] = {
	{"key", 'k', "FILE", WORD_FILE, "also trust the public keys in this file"},
	END,
};

static const struct option_spec new[] = {
	{"template", 't', "basic|web|ml", WORD_NONE,
		"files of one machine (the default), a service, or a model"},
	{"dir", 'd', "DIR", WORD_FILE, "make it there instead of in this folder"},
	END,
};

static const struct option_spec lint[] = {
	{"strict", 0, NULL, WORD_NONE, "warnings are errors"},
	{"explain", 0, "CODE", WORD_NONE, "what a code means, and how it is done right"},
	END,
};

static const struct option_spec repo[] = {
	{"name", 0, "NAME", WORD_NONE, "add: its name here; else the last part of URL"},
	{"ref", 0, "REF", WORD_NONE, "add: a branch, tag or whole commit; else HEAD"},
	{"key", 0, "FILE", WORD_FILE, "add: TOKEN, USER:PASSWORD, or for ssh a private key"},
	{"outdated", 0, NULL, WORD_NONE, "list: those whose ref names another commit by now"},
	{"dry-run", 0, NULL, WORD_NONE, "sync: only say what would change"},
	END,
};

static const struct option_spec preview[] = {
	{"watch", 'w', NULL, WORD_NONE, "take over what is changed in the folder"},
	END,
};

static const struct option_spec pack[] = {
	{"out", 0, "FILE", WORD_FILE, "write it there (SLUG-VERSION.tar in this folder)"},
	{"lock", 0, NULL, WORD_NONE, "write what its images hold into lab.lock, and pack nothing"},
	{"check-lock", 0, NULL, WORD_NONE, "say what has moved since lab.lock was written"},
	END,
};

static const struct option_spec test[] = {
	{"tier", 0, "TIER", WORD_NONE, "smoke, standard or full (standard)"},
	{"variant", 0, "VARIANT", WORD_VARIANT, "of the lab; else the first without needs"},
	{"seeds", 0, "N", WORD_NONE, "grade the solution with so many seeds"},
	{"repeat", 0, "N", WORD_NONE, "repeat the quick checks so often (3)"},
	{"only", 0, "STEP", WORD_NONE, "one step, with what it stands on"},
	{"task", 0, "TASK", WORD_TASK, "leave out only this task; only the cheats of its checks"},
	{"until", 0, "TASK", WORD_TASK, "only solve up to this task, and leave the sandbox"},
	{"keep", 0, NULL, WORD_NONE, "leave the sandboxes in which something was not right"},
	{"jobs", 'j', "N", WORD_NONE, "sandboxes side by side; else what the machine carries"},
	{"junit", 0, "FILE", WORD_FILE, "also write the result as JUnit XML"},
	END,
};

static const struct option_spec gc[] = {
	{"apply", 0, NULL, WORD_NONE, "remove it"},
	{"older", 0, "DURATION", WORD_NONE, "also the work of sessions stopped for so long (7d)"},
	END,
};

static const struct option_spec events[] = {
	{"follow", 'f', NULL, WORD_NONE, "instead of the past, what comes from now on"},
	{"session", 0, "SESSION", WORD_SESSION, "of one session only"},
	{"limit", 'n', "N", WORD_NONE, "the last N of the past (1000); not with --follow"},
	END,
};

const struct command commands[] = {
	{
		.name = "catalog",
		.synopsis = "[WORD...]",
		.summary = "list the labs",
		.group = WORK,
		.options = catalog,
		.exits = "  3  nothing matches\n",
		.examples =
			"  lab catalog\n"
			"  lab catalog --show drift-retrain\n",
		.run = cmd_catalog,
	},
	{
		.name = "start",
		.synopsis = "LAB",
		.summary = "start a lab, or go on with it",
		.group = WORK,
		.details =
			"Prints the session's name when the lab is ready. A lab that is paused "
			"or stopped goes on with its work; missing images are made first, which "
			"happens once. A lab that has variants ('lab catalog --show') starts as "
			"the first of whose images the engine has all; --variant fetches them.",
		.options = start,
		.words = {WORD_LAB},
		.examples =
			"  lab start hello-lab\n"
			"  lab start drift-retrain --shell\n",
		.run = cmd_start,
	},
	{
		.name = "status",
		.synopsis = "[SESSION]",
		.summary = "what is running, and what happens to it next",
		.group = WORK,
		.options = status,
		.words = {WORD_SESSION},
		.examples =
			"  lab status\n"
			"  lab status drift-retrain --watch\n",
		.run = cmd_status,
	},
	{
		.name = "shell",
		.synopsis = "[SESSION]",
		.summary = "open a shell in a lab",
		.group = WORK,
		.details =
			"At the beginning of a line '~.' leaves the shell and '~~' types '~'. "
			"The exit code is that of the shell.",
		.options = shell,
		.words = {WORD_SESSION},
		.examples =
			"  lab shell\n"
			"  lab shell -s trainer -c 'ls -l'\n",
		.run = cmd_shell,
	},
	{
		.name = "exec",
		.synopsis = "[SESSION] -- COMMAND [ARGUMENT...]",
		.summary = "run a command in a lab",
		.group = WORK,
		.details =
			"The exit code is that of the command. On a terminal the command has "
			"one, too; otherwise its stdout and stderr stay apart, and it reads "
			"nothing without -i. With --wrap the code is 0 when the command ran and "
			"returned 0, and 1 when it ran and returned something else.",
		.options = exec,
		.words = {WORD_SESSION},
		.examples =
			"  lab exec -- ls -l\n"
			"  lab exec -s db -i -- psql <schema.sql\n",
		.run = cmd_exec,
	},
	{
		.name = "check",
		.synopsis = "[SESSION] [TASK[/CHECK]...]",
		.summary = "look whether your work is right so far",
		.group = WORK,
		.details = "Quick checks change nothing and cost nothing.",
		.options = check,
		.words = {WORD_SESSION, WORD_CHECK},
		.exits = "  1  a check failed\n",
		.examples =
			"  lab check\n"
			"  lab check measure alert/rule-unit\n",
		.run = cmd_check,
	},
	{
		.name = "hint",
		.synopsis = "[SESSION] TASK",
		.summary = "get the next hint for a task",
		.group = WORK,
		.details =
			"What a hint costs lowers what its task can still earn; you are asked "
			"first. --list shows all of them, with the texts of those you have.",
		.options = hint,
		.words = {WORD_TASK, WORD_TASK},
		.exits = "  3  there are no more hints\n",
		.examples =
			"  lab hint measure\n"
			"  lab hint measure --list\n",
		.run = cmd_hint,
	},
	{
		.name = "grade",
		.synopsis = "[SESSION]",
		.summary = "judge everything, and record it",
		.group = WORK,
		.details =
			"Shells are closed while it lasts. Ctrl-C does not end it: the next "
			"'lab history' shows what came out.",
		.options = grade,
		.words = {WORD_SESSION},
		.exits = "  1  graded, but not passed\n",
		.examples =
			"  lab grade\n"
			"  lab grade --receipt drift.json --with distinction\n",
		.run = cmd_grade,
	},
	{
		.name = "port",
		.synopsis = "[SESSION] [[LOCAL:]PORT[@SERVICE]...]",
		.summary = "reach a port of a lab from this machine",
		.group = WORK,
		.details =
			"Without a port it lists those that the lab names. PORT is a number or "
			"such a name; LOCAL is the port on 127.0.0.1, the same number when "
			"absent, any free one when 0. Prints 'LOCAL_ADDRESS TARGET' for each "
			"and forwards until Ctrl-C.",
		.options = none,
		.words = {WORD_PORT, WORD_PORT},
		.examples =
			"  lab port\n"
			"  lab port 8080:grafana 0:5432@db\n",
		.run = cmd_port,
	},
	{
		.name = "cp",
		.synopsis = "SOURCE TARGET",
		.summary = "copy files into a lab, or out of it",
		.group = WORK,
		.details =
			"One of the two is SESSION:SERVICE:PATH, or :PATH for the only session "
			"and its entry. The other is a file or folder here, or - for a tar "
			"archive on stdin or stdout. A folder that is there gets the copy as "
			"its child. Regular files, folders, and links that stay inside are "
			"copied; what else a lab holds is left out and named, and what else is "
			"here is refused. At most 64 MiB and 10 000 entries; all of it or "
			"nothing.",
		.options = none,
		.words = {WORD_PLACE, WORD_PLACE},
		.examples =
			"  lab cp greet :/srv/hello\n"
			"  lab cp drift-retrain:trainer:/srv/work .\n",
		.run = cmd_cp,
	},
	{
		.name = "logs",
		.synopsis = "[SESSION] [SERVICE]",
		.summary = "what the services of a lab write",
		.group = WORK,
		.options = logs,
		.words = {WORD_SERVICE, WORD_SERVICE},
		.examples =
			"  lab logs\n"
			"  lab logs drift-retrain serve -f --tail 20\n",
		.run = cmd_logs,
	},
	{
		.name = "pause",
		.synopsis = "[SESSION]",
		.summary = "stand still, keep everything in memory",
		.group = WORK,
		.options = none,
		.words = {WORD_SESSION},
		.examples = "  lab pause\n",
		.run = cmd_pause,
	},
	{
		.name = "resume",
		.synopsis = "[SESSION]",
		.summary = "go on after a pause or a stop",
		.group = WORK,
		.options = none,
		.words = {WORD_SESSION},
		.examples = "  lab resume\n",
		.run = cmd_resume,
	},
	{
		.name = "extend",
		.synopsis = "[SESSION] [DURATION]",
		.summary = "more time; prints the new end",
		.group = WORK,
		.options = none,
		.words = {WORD_SESSION},
		.examples =
			"  lab extend\n"
			"  lab extend hello-lab 15m\n",
		.run = cmd_extend,
	},
	{
		.name = "reset",
		.synopsis = "[SESSION]",
		.summary = "start the lab, or one service, from new",
		.group = WORK,
		.details =
			"Containers and volumes are made anew, from the same seed; what was judged "
			"before does not count any more, hints stay bought. With --service only "
			"that service begins anew, and volumes that no other service mounts; those "
			"that stay are named.",
		.options = reset,
		.words = {WORD_SESSION},
		.examples =
			"  lab reset\n"
			"  lab reset --service trainer --yes\n",
		.run = cmd_reset,
	},
	{
		.name = "stop",
		.synopsis = "[SESSION]",
		.summary = "stop a lab; the work on its volumes is kept",
		.group = WORK,
		.details =
			"Containers and networks are removed, volumes stay for the lab's keep "
			"time, so that 'lab start' goes on. With --discard nothing is left "
			"behind.",
		.options = stop,
		.words = {WORD_SESSION},
		.examples =
			"  lab stop\n"
			"  lab stop hello-lab --discard --yes\n",
		.run = cmd_stop,
	},
	{
		.name = "history",
		.synopsis = "[LAB]",
		.summary = "your grades, newest first",
		.group = RESULTS,
		.options = history,
		.words = {WORD_LAB},
		.details = "LAB is 'slug', of every lab that has it, or 'repo/slug'.",
		.examples =
			"  lab history\n"
			"  lab history --receipt 12 >drift.json\n",
		.run = cmd_history,
	},
	{
		.name = "verify",
		.synopsis = "FILE",
		.summary = "check the signed record of a grade, offline",
		.group = RESULTS,
		.details =
			"A key is trusted when a file of --key, or trusted-keys in the "
			"configuration folder, has its 64 hex digits on a line.",
		.options = verify,
		.words = {WORD_FILE},
		.exits =
			"  0  valid, and the key is trusted\n"
			"  1  not valid\n"
			"  2  not a receipt\n"
			"  7  valid, but the key is not trusted\n",
		.examples =
			"  lab verify drift.json\n"
			"  lab verify drift.json --key course.keys\n",
		.run = cmd_verify,
	},
	{
		.name = "new",
		.synopsis = "SLUG",
		.summary = "make a lab to begin with",
		.group = AUTHOR,
		.details =
			"Makes the folder SLUG and prints its files. The lab starts as it is, and "
			"'lab lint' finds nothing wrong with it: one task is an example that is "
			"whole, and the places that are yours are marked with WRITE:.",
		.options = new,
		.exits = "  4  the folder is there already\n",
		.examples =
			"  lab new log-triage\n"
			"  lab new my-model --template ml --dir labs\n",
		.run = cmd_new,
	},
	{
		.name = "lint",
		.synopsis = "[PATH...]",
		.summary = "find what is wrong with a lab, without an engine",
		.group = AUTHOR,
		.details =
			"PATH is a lab's folder or a folder of labs; without one, this folder. "
			"Errors keep a lab from starting; a warning is something that somebody "
			"will be sorry for.",
		.options = lint,
		.words = {WORD_FILE, WORD_FILE},
		.exits = "  8  there are errors (with --strict: or warnings)\n",
		.examples =
			"  lab lint labs/my-lab\n"
			"  lab lint --strict labs\n"
			"  lab lint --explain L011\n",
		.run = cmd_lint,
	},
	{
		.name = "preview",
		.synopsis = "[PATH]",
		.summary = "work in a lab while you write it",
		.group = AUTHOR,
		.details =
			"Starts the lab as it is in the folder PATH (without one, this folder), "
			"in a catalogue or not, and stays until Ctrl-C, which discards it. Prints "
			"the session and the socket of the daemon that it has for itself: with "
			"LAB_HOST set to that, 'lab shell', 'lab check', 'lab grade' and the "
			"others work in it from another terminal; nothing of it is in your "
			"history. "
			"--watch takes over what is changed: texts, tasks and checks at once, "
			"services by making them anew when their part of compose.yaml, their "
			"image or the start content of a volume has changed, and the whole lab "
			"with other services, networks or volumes. What is in other services and "
			"volumes stays. A lab with errors is shown with file, line and column, "
			"and the last good one goes on. A change waits "
			"for the end of what judges.",
		.options = preview,
		.words = {WORD_FILE},
		.exits = "  4  it could not be started, or has ended\n"
			 "  8  the lab has errors: see 'lab lint'\n",
		.examples =
			"  lab preview labs/my-lab --watch\n"
			"  export LAB_HOST=unix:...     # in another terminal, as it says\n",
		.run = cmd_preview,
	},
	{
		.name = "pack",
		.synopsis = "PATH|LAB",
		.summary = "put a lab into one file, to hand it on",
		.group = AUTHOR,
		.details =
			"The tar archive holds the lab with the shared images and helpers that it "
			"needs; unpacked, it is a folder of labs. The same files give the same "
			"bytes on every machine. Prints the file and its SHA-256. A lab with "
			"errors is not packed. --lock writes PATH/lab.lock instead: for each image "
			"of the lab its digest, when it is of a registry, and its Debian packages; "
			"the images have to be there, which a start or 'lab test' sees to. "
			"--check-lock asks the registries and archives what they have now, and "
			"lists what a build today would get in another version. What a Dockerfile "
			"fixes by a hash (pip --require-hashes, a commit) cannot move.",
		.options = pack,
		.words = {WORD_FILE},
		.exits = "  1  --check-lock: something has moved\n"
			 "  8  the lab has errors, or lab.lock is none\n",
		.examples =
			"  lab pack labs/my-lab\n"
			"  lab pack hello-lab --out /tmp/hello.tar\n"
			"  lab pack labs/my-lab --check-lock\n",
		.run = cmd_pack,
	},
	{
		.name = "test",
		.synopsis = "[PATH|LAB]",
		.summary = "prove a lab before a learner meets it",
		.group = AUTHOR,
		.details =
			"PATH is a lab's folder, in the catalogue or not; without one, this "
			"folder. smoke: lint, build, and the quick checks before and after the "
			"solutions. standard: full grades, too, and where a grade takes at most "
			"two minutes also leave-out (each task's solution is missing once) and "
			"cheats. full: everything, with more seeds, and repeat, idempotent, "
			"reset, persist and hidden. pristine names checks without points that pass "
			"there and fail in no sandbox: a cheat shows that they can. It runs in "
			"sandboxes of a daemon of its own, "
			"which are gone at the end, also after Ctrl-C. The result stands in "
			"'lab catalog --show'. --timeout bounds the whole.",
		.options = test,
		.words = {WORD_LAB},
		.exits = "  0  proven\n"
			 "  1  not proven\n"
			 "  4  not proven: something could not be judged\n"
			 "  5  not proven: something was not done in time\n"
			 "  8  the lab has errors: see 'lab lint'\n",
		.examples =
			"  lab test labs/my-lab\n"
			"  lab test hello-lab --tier full --junit proof.xml\n"
			"  lab test --only cheats --task greet --keep\n",
		.run = cmd_test,
	},
	{
		.name = "repo",
		.synopsis = "add URL | list | sync [NAME] | remove NAME",
		.summary = "labs that come from git repositories",
		.group = TEACH,
		.details =
			"URL is https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or a "
			"folder of this machine. Hosts of ssh are those of ~/.ssh/known_hosts and "
			"/etc/ssh/ssh_known_hosts. Its labs are "
			"'NAME/LAB' for 'lab start', and 'NAME/LAB@COMMIT' is an earlier sync "
			"that is still kept. Each lab is checked as 'lab lint' does it; one with "
			"errors, or with a link or a bad name in its folder, "
			"is rejected, and its last good commit stays. What was started from a "
			"repository is a copy: no sync and no removal changes it. 'lab repo sync' "
			"without NAME goes through all, whatever becomes of one; the exit code is "
			"that of the worst. Ctrl-C does not end a sync.",
		.options = repo,
		.words = {WORD_REPO_VERB, WORD_REPO},
		.exits =
			"  1  some labs are rejected\n"
			"  7  the repository wants other credentials, cannot prove who it is, or "
			"has links or\n"
			"     bad names outside the folders of its labs\n"
			"  8  all labs are rejected\n",
		.examples =
			"  lab repo add https://git.example.edu/mlops/labs.git --name mlops\n"
			"  lab repo sync --dry-run\n"
			"  lab start mlops/drift-retrain\n",
		.run = cmd_repo,
	},
	{
		.name = "doctor",
		.synopsis = "",
		.summary = "look at everything that labs need on this machine",
		.group = KEEP,
		.options = none,
		.exits = "  1  something has to be repaired\n",
		.examples = "  lab doctor\n",
		.run = cmd_doctor,
	},
	{
		.name = "gc",
		.synopsis = "",
		.summary = "find what nobody needs any more, and remove it",
		.group = KEEP,
		.details =
			"Only what this installation made; without --apply it only says what "
			"would go.",
		.options = gc,
		.examples =
			"  lab gc\n"
			"  lab gc --older 7d --apply\n",
		.run = cmd_gc,
	},
	{
		.name = "events",
		.synopsis = "",
		.summary = "what happened to the sessions, and by which rule",
		.group = KEEP,
		.options = events,
		.examples =
			"  lab events --session drift-retrain\n"
			"  lab events -f -o json\n",
		.run = cmd_events,
	},
	{
		.name = "completion",
		.synopsis = "bash|zsh|fish",
		.summary = "print a completion script",
		.group = HELP,
		.options = none,
		.words = {WORD_SHELL},
		.examples = "  . <(lab completion bash)\n",
		.run = cmd_completion,
	},
	{
		.name = "help",
		.synopsis = "[VERB]",
		.summary = "show how a verb is used",
		.group = HELP,
		.options = none,
		.words = {WORD_VERB},
		.examples = "  lab help start\n",
		.run = cmd_help,
	},
	{.name = "__box", .hidden = true, .options = none, .run = cmd_box},
	{.name = "__complete", .hidden = true, .options = none, .run = cmd_complete},
	{.name = "__manual", .hidden = true, .options = none, .run = cmd_manual},
	{.name = NULL},
};

const struct command *command_find(const char *name)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (streq(cmd->name, name))
			return cmd;
	return NULL;
}

const char *command_nearest(const char *word)
{
	const char *names[ARRAY_SIZE(commands)];
	size_t n = 0;

	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (!cmd->hidden)
			names[n++] = cmd->name;
	return str_nearest(word, names, n);
}
