/*
 * main.c - labd: options, the graph of objects, signals, and the end.
 *
 *   store -> engine -> sessions -> grader -> api
 *
 * Built in this order and taken down in the other one. Labs go on running when the daemon ends: its
 * next start finds them. An engine that is away stops nobody; a state folder that is in use or
 * damaged does, with one clear sentence.
 */
#include "cmd/labd/options.h"
#include "cmd/labd/tether.h"

#include "api/api.h"
#include "base/clock.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/str.h"

#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SLOW_MS    50
#define DOOR_MS    2000 /* for the engine's first answer, before clients are let in */
#define STOP_MS    20000
#define IO_THREADS 2
#define IO_QUEUE   256
#define RETRY_MS   5000 /* a database that could not be written */
#define LEAVE_MS   5000 /* for the daemon before this one, whose folder this is to be */
#define KEPT_MS    3000 /* without anything that a proof has kept */
#define LOOK_MS    5    /* whether everybody has heard of his commit */
#define ANY_SOCKET "unix:///var/run/docker.sock"

struct labd {
	struct options options;
	struct loop *loop;
	struct worker *io;
	struct store *store;
	struct engine *engine;
	struct sessions *sessions;
	struct grader *grader;
	struct repos *repos;
	struct api *api;
	struct sigwatch *signals[3];
	struct timer *idle, *overdue, *retry, *settling;
	struct timer *door;
	struct tether *tether; /* of a daemon for one proof */
	int64_t began_ms;
	struct err err; /* why nobody can be let in */
	bool stopping;
};

/* --- the end --- */

/* Who waits for a commit is called back while everything is still there. */
static void drained(void *arg)
{
	struct labd *d = arg;

	if (store_idle(d->store))
		loop_stop(d->loop);
	else
		timer_start(d->settling, LOOK_MS);
}

static void overdue(void *arg)
{
	log_warn("labd", "clients did not leave in time: they are cut");
	loop_stop(((struct labd *)arg)->loop);
}

static void judged(void *arg)
{
	struct labd *d = arg;

	api_stop(d->api, drained, d);
}

/* Runs end first, so that clients hear of it. */
static void stop(struct labd *d, const char *why)
{
	timer_stop(d->door);
	tether_free(TAKE(d->tether));
	log_info("labd", "stopping: %s", why);
	d->stopping = true;
	timer_stop(d->idle);
	timer_start(d->overdue, STOP_MS - 2000); /* the rest is for the database */
	sessions_stop(d->sessions);
	repos_stop(d->repos);
	grader_stop(d->grader, judged, d);
}

static void on_signal(void *arg, int signo)
{
	struct labd *d = arg;

	if (d->stopping)
		_exit(128 + signo); /* at once; what was not finished is found at the next start */
	if (d->options.proof && sessions_count(d->sessions))
		err_set(&d->err, ERR_CANCELED, "%s: what the proof has made stays",
			strsignal(signo));
	stop(d, strsignal(signo));
}

/* --- ending by itself --- */

/* A self-started daemon ends when no lab was live and nobody asked for anything for so long. */
static void look_idle(void *arg)
{
	struct labd *d = arg;
	int64_t quiet_ms = sessions_live(d->sessions) ? 0 : api_quiet_ms(d->api);

	if (quiet_ms >= d->options.idle_exit_ms)
		stop(d, "no lab is live and nobody asks");
	else
		timer_start(d->idle, d->options.idle_exit_ms - quiet_ms);
}

static void on_event(void *arg, const struct session_event *ev)
{
	struct labd *d = arg;

	if (!d->stopping && d->options.self_started)
		timer_start(d->idle, d->options.idle_exit_ms);
}

/* Whoever made a proof has gone. What he keeps has a daemon as long as it lives. */
static void untethered(void *arg, bool kept)
{
	struct labd *d = arg;

	if (!kept) {
		stop(d, "the proof is over");
		return;
	}
	d->options.self_started = true;
	d->options.idle_exit_ms = KEPT_MS;
	timer_start(d->idle, d->options.idle_exit_ms);
}

/* --- watching ourselves --- */

extern const char __executable_start[]; /* the linker's: where we were loaded */

static void slow(void *arg, uintptr_t fn, int64_t ms)
{
	struct labd *d = arg;

	api_count_slow(d->api);
	log_warn("labd", "a callback held the loop for %lld ms at=0x%llx (addr2line -fe labd)",
		(long long)ms, (unsigned long long)(fn - (uintptr_t)__executable_start));
}

static void retry_store(void *arg)
{
	struct labd *d = arg;

	if (store_degraded(d->store))
		store_retry(d->store);
	timer_start(d->retry, RETRY_MS);
}

/* --- building --- */

/*
 * No engine anywhere is a state, not an error: the usual socket is watched until one answers there.
 * An engine that was named wrongly is an error.
 */
static int open_engine(struct labd *d, struct err *e)
{
	int r = engine_open(&d->engine, d->loop, d->options.engine, e);

	if (r != ERR_NOT_FOUND)
		return r;
	log_warn("labd", "%s", e->text);
	return engine_open(&d->engine, d->loop, ANY_SOCKET, e);
}

/*
 * Whoever starts us has found nobody at the socket; but a daemon that leaves closes its database
 * after that. Blocks until it has.
 */
static int open_store(struct labd *d, struct err *e)
{
	const struct timespec rest = {.tv_nsec = LOOK_MS * 1000000L};
	int64_t until = clock_boot_ms(&clock_system) + (d->options.self_started ? LEAVE_MS : 0);
	bool told = false;
	int r;

	while ((r = store_open(&d->store, d->loop, d->options.state, e)) == ERR_EXISTS &&
		clock_boot_ms(&clock_system) < until) {
		if (!told)
			log_info("labd", "%s: waiting for its end", e->text);
		told = true;
		(void)nanosleep(&rest, NULL);
	}
	return r;
}

static int open_sessions(struct labd *d, struct err *e)
{
	const struct options *o = &d->options;
	const struct sessions_config c = {
		.labs = o->labs,
		.state = o->state,
		.lab_fetch = o->lab_fetch,
		.max_sessions = o->max_sessions,
		.max_expires_ms = o->max_expires_ms,
		.subnets = o->subnets,
		.several = o->proof,
	};
	int r = sessions_new(&d->sessions, d->loop, d->store, d->engine, d->io, &c, e);

	if (r == 0)
		r = grader_new(&d->grader, d->sessions, o->state, e);
	return r < 0 ? r : sessions_start(d->sessions, e);
}

static int open_repos(struct labd *d, struct err *e)
{
	const struct repos_config c = {
		.state = d->options.state, .lab_fetch = d->options.lab_fetch};

	return repos_new(&d->repos, d->loop, d->store, d->io, &c, e);
}

static int open_api(struct labd *d, struct err *e)
{
	const struct api_config c = {.sessions = d->sessions,
		.grader = d->grader,
		.repos = d->repos,
		.self_started = d->options.self_started};

	return api_new(&d->api, &c, e);
}

/* --- letting clients in --- */

static void open_door(struct labd *d)
{
	if (api_listen_unix(d->api, options_socket(&d->options), &d->err) < 0) {
		loop_stop(d->loop);
		return;
	}
	printf("labd %s ready on %s\n", LABYARD_VERSION, d->options.listen);
	(void)fflush(stdout); /* who started us may not listen any more */
}

/*
 * The first client asks for a lab: by then we know whether there is an engine. What a dead proof
 * has left cannot be discarded without the one that has it.
 */
static void look_engine(void *arg)
{
	struct labd *d = arg;
	const struct err *away = sessions_engine_error(d->sessions, NULL);
	bool known = *engine_info(d->engine)->id || away->code;

	if (d->options.proof && away->code && sessions_count(d->sessions)) {
		d->err = *away;
		loop_stop(d->loop);
	} else if (known || loop_now_ms(d->loop) - d->began_ms > DOOR_MS)
		open_door(d);
	else
		timer_start(d->door, LOOK_MS);
}

static void watch(struct labd *d)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		d->signals[i] = sigwatch_new(d->loop, signals[i], on_signal, d);
	d->overdue = timer_new(d->loop, overdue, d);
	d->settling = timer_new(d->loop, drained, d);
	d->retry = timer_new(d->loop, retry_store, d);
	timer_start(d->retry, RETRY_MS);
	d->idle = timer_new(d->loop, look_idle, d);
	if (d->options.self_started)
		timer_start(d->idle, d->options.idle_exit_ms);
	if (d->options.proof)
		d->tether = tether_new(d->loop, d->sessions, untethered, d);
	d->door = timer_new(d->loop, look_engine, d);
	d->began_ms = loop_now_ms(d->loop);
	timer_start(d->door, 0);
	sessions_listen(d->sessions, on_event, d);
	loop_watchdog(d->loop, SLOW_MS, slow, d);
}

static int build(struct labd *d, struct err *e)
{
	int r;

	if ((r = fs_mkdirs(d->options.state, 0700, e)) < 0 ||
		(r = loop_new(&d->loop, NULL, e)) < 0 ||
		(r = worker_new(&d->io, d->loop, "io", IO_THREADS, IO_QUEUE, e)) < 0 ||
		(r = open_store(d, e)) < 0 ||
		(r = open_repos(d, e)) < 0 || (r = open_engine(d, e)) < 0 ||
		(r = open_sessions(d, e)) < 0 || (r = open_api(d, e)) < 0)
		return r;
	watch(d);
	return 0;
}

static void take_down(struct labd *d)
{
	if (d->loop)
		loop_watchdog(d->loop, 0, NULL, NULL);
	api_cut(d->api);
	if (d->sessions)
		sessions_stop(d->sessions);
	repos_stop(d->repos);
	engine_free(d->engine);
	if (d->sessions)
		sessions_unlisten(d->sessions, on_event, d);
	grader_free(d->grader);
	api_free(d->api);
	worker_free(d->io);
	sessions_free(d->sessions);
	store_free(d->store);
	repos_free(d->repos);
	for (size_t i = 0; i < ARRAY_SIZE(d->signals); i++)
		sigwatch_free(d->signals[i]);
	tether_free(d->tether);
	timer_free(d->idle);
	timer_free(d->overdue);
	timer_free(d->retry);
	timer_free(d->door);
	timer_free(d->settling);
	loop_free(d->loop);
}

/* --- main --- */

static int complain(const struct err *e)
{
	fprintf(stderr, "labd: error[%d]: %s\n", err_exit(e->code), e->text);
	return err_exit(e->code);
}

static int serve(struct labd *d, struct err *e)
{
	if (build(d, e) < 0)
		return e->code;
	log_info("labd", "version=%s state=%s labs=%s engine=%s", LABYARD_VERSION, d->options.state,
		d->options.labs, engine_info(d->engine)->where);
	loop_run(d->loop);
	return err_copy(e, &d->err);
}

int main(int argc, char **argv)
{
	struct labd d = {0};
	struct err e = ERR_NONE;
	int r;

	umask(077);
	r = options_read(&d.options, argc, argv, &e);
	if (r == 0 && d.options.help)
		options_help(stdout);
	else if (r == 0 && d.options.version)
		printf("labd %s\n", LABYARD_VERSION);
	else if (r == 0 && d.options.dump_config)
		options_dump(&d.options, stdout);
	else if (r == 0 && !d.options.check_config)
		r = serve(&d, &e);
	take_down(&d);
	options_done(&d.options);
	return r < 0 ? complain(&e) : 0;
}
