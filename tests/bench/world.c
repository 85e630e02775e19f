/*
 * world.c - folders, daemons, and leaving nothing behind.
 *
 * What the suite makes in an engine carries one of two labels: labd.install=ID of its labd, and
 * labyard.bench=ID for floors and peers. Both ids lie in files of the build folder, so that a run
 * that was killed is cleaned up by the next one; sockets lie in a folder of /tmp, where paths are
 * short.
 */
#include "tests/bench/bench.h"
#include "tests/bench/objects.h"
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"

#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define READY_MS  20000
#define EMPTY_MS  20000
#define DAEMONS   8
#define OWN_RANGE "10.214.0.0/17" /* labd's; floors and peers use the other half */

static char *folder, *sockets, *id;
static struct daemon *daemons[DAEMONS];

char *say(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("no memory");
	va_end(ap);
	return s;
}

/* --- files --- */

static char *read_word(const char *path)
{
	char word[200] = "";
	FILE *f = fopen(path, "re");
	bool there = f && fscanf(f, "%199s", word) == 1;

	if (f)
		fclose(f);
	return there ? strdup(word) : NULL;
}

static void write_word(const char *path, const char *word)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%s\n", word) < 0 || fclose(f) != 0)
		die("cannot write '%s'", path);
}

static char *make_folder(char *path)
{
	if (mkdir(path, 0700) < 0 && access(path, W_OK) < 0)
		die("cannot make the folder '%s'", path);
	return path;
}

static char *install_of(const char *state)
{
	return read_word(say("%s/install", state));
}

/* --- the beginning and the end --- */

static void clear_engine(void)
{
	char *install = install_of(say("%s/main", folder));
	int n = 0;

	if (!opt.engine)
		return;
	n += objects_remove(opt.engine, say("\"%s\"", world_label()));
	if (install)
		n += objects_remove(opt.engine, say("\"labd.install=%s\"", install));
	if (n)
		fprintf(stderr, "removed %d objects of an earlier or an unfinished measurement\n",
			n);
}

static void close_world(void)
{
	for (size_t i = 0; i < DAEMONS; i++)
		if (daemons[i])
			daemon_stop(daemons[i]);
	clear_engine();
	RUN("rm", "-rf", sockets, say("%s/main", folder), say("%s/many", folder));
}

void world_open(void)
{
	unsigned random = 0;

	folder = make_folder(say("%s/bench-state", opt.build));
	int lock = open(say("%s/lock", folder), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0)
		die("another run of the suite uses '%s'", folder);
	id = read_word(say("%s/id", folder));
	if (!id) {
		if (getentropy(&random, sizeof(random)) < 0)
			die("no random bytes");
		id = say("%08x", random);
		write_word(say("%s/id", folder), id);
	}
	clear_engine();
	RUN("rm", "-rf", say("%s/main", folder), say("%s/many", folder));
	sockets = mkdtemp(say("/tmp/labyard-bench.XXXXXX"));
	if (!sockets)
		die("cannot make a folder in /tmp");
	setenv("BENCH_ID", id, 1);
	setenv("HOME", sockets, 1); /* nothing of the user's configuration counts */
	setenv("XDG_CONFIG_HOME", sockets, 1);
	atexit(close_world);
}

const char *world_id(void)
{
	return id;
}

const char *world_label(void)
{
	return say("labyard.bench=%s", id);
}

const char *world_subnet(int n)
{
	return say("10.214.%d.%d/27", 128 + n / 8 % 128, n % 8 * 32);
}

/* --- daemons --- */

const char *lab_program(void)
{
	static char *path;

	return path ? path : (path = say("%s/lab", opt.build));
}

const char *lab_host(const struct daemon *d)
{
	return say("unix:%s", d->socket);
}

/* The folder goes when this program ends; what a daemon complained about stays in the message. */
static const char *last_line(const char *log)
{
	RUN("tail", "-n", "1", log);
	return proc_output();
}

static bool ready(const struct daemon *d)
{
	int fd = raw_try_connect(d->socket);

	if (fd < 0)
		return false;
	struct raw_answer a = raw_call(fd, "GET", "/readyz", NULL, NULL);
	free(a.body);
	close(fd);
	return a.status == 200;
}

static void wait_until_ready(const struct daemon *d, const char *log)
{
	double until = now_ms() + READY_MS;

	while (!ready(d)) {
		if (now_ms() > until || proc_ended(d->labd) || proc_interrupted())
			die("labd does not become ready: %s", last_line(log));
		usleep(20000);
	}
}

static void remember(struct daemon *d)
{
	for (size_t i = 0; i < DAEMONS; i++)
		if (!daemons[i]) {
			daemons[i] = d;
			return;
		}
	die("too many daemons");
}

static void start_fake(struct daemon *d)
{
	char *plan = say("%s/plan", d->state);

	d->engine = say("%s/%s-engine.sock", sockets, d->name);
	write_word(plan, "image name=debian:12-slim");
	d->fake = proc_spawn((const char *[]){say("%s/fakeengine", opt.build), "--listen",
				     say("unix:%s", d->engine), "--plan", plan, NULL},
		say("%s/fake.log", d->state));
	for (int i = 0; access(d->engine, F_OK) < 0; i++)
		if (i == 500 || proc_ended(d->fake))
			die("the fake engine does not start: %s",
				last_line(say("%s/fake.log", d->state)));
		else
			usleep(10000);
}

void daemon_start(struct daemon *d, const char *name, const char *labs, bool fake)
{
	make_folder(say("%s/many", folder));
	*d = (struct daemon){.name = name,
		.state = make_folder(
			fake ? say("%s/many/%s", folder, name) : say("%s/%s", folder, name)),
		.socket = say("%s/%s.sock", sockets, name),
		.engine = opt.engine,
		.labs = strdup(labs)};
	remember(d);
	if (fake)
		start_fake(d);
	char *log = say("%s/labd.log", d->state);
	d->labd = proc_spawn((const char *[]){say("%s/labd", opt.build), "--listen", lab_host(d),
				     "--state", d->state, "--labs", d->labs, "--engine",
				     say("unix://%s", d->engine), "--subnets", OWN_RANGE,
				     "--max-sessions", "4000", "--log-level", "warn", NULL},
		log);
	wait_until_ready(d, log);
}

void daemon_stop(struct daemon *d)
{
	proc_end(d->labd);
	proc_end(d->fake);
	d->labd = d->fake = 0;
	for (size_t i = 0; i < DAEMONS; i++)
		if (daemons[i] == d)
			daemons[i] = NULL;
}

double daemon_engine_calls(const struct daemon *d)
{
	int fd = raw_connect(d->socket);
	struct raw_answer a = raw_call(fd, "GET", "/metrics", NULL, NULL);
	const char *line = strstr(a.body, "\nlabd_engine_calls_total ");
	double calls = line ? strtod(strchr(line + 1, ' '), NULL) : NAN;

	close(fd);
	free(a.body);
	return calls;
}

/* --- what is in the engine --- */

static int objects(const struct daemon *d)
{
	char *install = d ? install_of(d->state) : NULL;
	int n = objects_count(opt.engine, say("\"%s\"", world_label()));

	return n + (install ? objects_count(opt.engine, say("\"labd.install=%s\"", install)) : 0);
}

void world_must_be_empty(const struct daemon *d)
{
	double until = now_ms() + EMPTY_MS;

	while (objects(d) > 0) {
		if (now_ms() > until) {
			give_up("objects of the measurement before are still in the engine");
			return;
		}
		usleep(50000);
	}
}

static char *find(const struct daemon *d, const char *kind, const char *more)
{
	char **ids = objects_list(
		d->engine, kind, say("\"labd.install=%s\"%s", install_of(d->state), more));

	if (!ids[0] || ids[1]) {
		give_up("not one of '%s' is in the engine%s", kind, more);
		return NULL;
	}
	return ids[0];
}

char *world_container(const struct daemon *d, const char *service)
{
	return find(d, "containers", say(",\"labd.service=%s\"", service));
}

char *world_network(const struct daemon *d)
{
	return find(d, "networks", "");
}

char *world_folder(const char *name)
{
	make_folder(say("%s/many", folder));
	return make_folder(say("%s/many/%s", folder, name));
}

char *world_copies(const char *lab, int n)
{
	char *to = world_folder("labs");

	MUST("sh", "-euc",
		"mkdir -p \"$2\"; for i in $(seq 0 $3); do cp -r \"$1/$0\" \"$2/many-$i\"; done\n"
		"for f in \"$2\"/*/lab.yaml; do n=${f%/lab.yaml}; n=${n##*/};\n"
		"sed -i \"s/^slug: .*/slug: $n/\" \"$f\"; sed -i \"s/^name: .*/name: $n/\" "
		"\"${f%/lab.yaml}/compose.yaml\"; done",
		lab, opt.labs, to, say("%d", n));
	return to;
}
