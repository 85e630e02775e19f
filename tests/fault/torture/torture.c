/*
 * torture.c - kill labd at every point of what it does, and fail every call of its engine.
 *
 *   torture [--only SCENARIO[/SWEEP[:AT]]] [--every N] [--workers N] [--seed N]
 *           [--engine unix:///path --random N] [--labs DIR --lab SLUG] [--programs DIR]
 *           [--labd FILE --expect TEXT] [--verbose]
 *
 * For each scenario (scenario.c) these sweeps; after each single torment labd is started again
 * where it died, left alone until everything fits, and asked to work:
 *
 *   kill    LABD_KILL=any:1, any:2, … until the scenario survives
 *   pair    two of these in a row, the second one during the recovery; at random
 *   random  SIGKILL at a random moment
 *   answer  SIGKILL in the moment in which a grade is acknowledged
 *   NAME    (names of faults, below) the n-th call of the engine fails, n = 1, 2, ... to the last
 *
 * Workers share the numbers of a sweep. A failure prints the line that repeats it. --every N takes
 * each N-th number; then workers share the sweeps. On a real engine only `random` is done, --random
 * times in all. --expect: this labd has a bug, and TEXT is a part of what must be said of it.
 */
#include "tests/fault/torture/scenario.h"

#include "base/fsutil.h"

#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAIRS     20 /* for each scenario */
#define RANDOMS   20
#define ANSWERS   20
#define SPEED     30 /* of labd's clock while its engine fails: 60 s of patience become 2 s */
#define MAX_AT    2000
#define MAX_FAILURES 5 /* of one sweep in one worker */
#define MAX_WORKERS 16

static const struct fault_kind {
	const char *name, *plan;
	int every; /* take each n-th only */
} faults[] = {
	{"status", "fault=status status=500", 1}, {"refuse", "fault=refuse", 1},
	{"cut-reply", "fault=cut-reply", 1}, {"status-after", "fault=status-after status=500", 1},
	{"garbage", "fault=garbage", 1}, {"truncate", "fault=truncate", 1},
	{"away", "fault=away ms=300", 1},
	{"gone", "fault=away ms=13000", 4}, /* for longer than a phase of a grade may take */
	/* lists that are old when they arrive, and an answer that is lost */
	{"old-lists",
		"fault=late match=\"GET /*s\" ms=60\nfault=late match=\"GET /containers/json\" "
		"ms=60\n"
		"fault=delay match=\"POST /containers/create\" ms=30\nfault=cut-reply",
		1},
	{"delay", "fault=delay ms=2500", 1}, /* beyond every deadline, and then it is done */
};

struct options {
	struct bed_options bed;
	char *scenario, *sweep, *at;
	int every, workers, random;
	unsigned seed;
	const char *expect;
};

struct sum {
	int done, failures, expected, failed, graded;
	int64_t slowest_ms, points;
};

struct worker {
	const struct options *o;
	int number, workers; /* of those that share a sweep */
	unsigned sweep;      /* number of it */
	struct torment t;
	bool open;
	unsigned dice;
	struct sum sum; /* of the sweep that runs */
};

/* --- one torment -------------------------------------------------------------------------------
 */

static void bed_ready(struct worker *w)
{
	if (w->open)
		return;
	w->t = (struct torment){.seed = w->o->seed};
	bed_open(&w->t.bed, &w->o->bed);
	w->open = true;
	if (!strangers_plant(&w->t.bed) || !auditors_baseline(&w->t.bed) ||
		!labd_start(&w->t.bed, NULL)) {
		fprintf(stderr, "torture: %s\n", w->t.bed.why);
		exit(2);
	}
}

static void bed_leave(struct worker *w, bool keep_folder)
{
	if (!w->open)
		return;
	if (w->t.bed.options.engine) {
		labd_kill(&w->t.bed);
		objects_remove(&w->t.bed);
		strangers_remove(&w->t.bed);
	}
	bed_close(&w->t.bed, keep_folder);
	free(w->t.acknowledged);
	w->open = false;
}

static bool restart(struct torment *t, int speed)
{
	if (!labd_end(&t->bed))
		return false;
	t->bed.speed = speed;
	return labd_start(&t->bed, NULL);
}

/* A new labd without a plan to die; the old one may not have come to that. */
static bool recover(struct torment *t)
{
	labd_kill(&t->bed);
	return !*t->bed.why && audit_intents(&t->bed) && labd_start(&t->bed, NULL);
}

/* *ret_survived: the scenario does not reach this point. */
static bool torment_kill(struct torment *t, const struct scenario *s, int at, bool *ret_survived)
{
	_cleanup_free_ char *plan = strf("any:%d", at);
	bool acknowledged;

	if (!s->prepare(t) || !labd_end(&t->bed))
		return false;
	acknowledged = labd_start(&t->bed, plan) && s->act(t);
	*ret_survived = labd_alive(&t->bed);
	return recover(t) && s->finish(t, acknowledged);
}

static bool torment_pair(struct torment *t, const struct scenario *s, int first, int second)
{
	_cleanup_free_ char *plan = strf("any:%d", first), *again = strf("any:%d", second);
	bool acknowledged;

	if (!s->prepare(t) || !labd_end(&t->bed))
		return false;
	acknowledged = labd_start(&t->bed, plan) && s->act(t);
	labd_kill(&t->bed);
	if (*t->bed.why || !audit_intents(&t->bed))
		return false;
	if (labd_start(&t->bed, again))
		for (int i = 0; i < 200 && labd_alive(&t->bed); i++)
			pause_ms(2);
	return recover(t) && s->finish(t, acknowledged);
}

struct killer {
	pid_t pid;
	unsigned us;
};

static void *run_killer(void *arg)
{
	const struct killer *k = arg;

	usleep(k->us);
	(void)kill(k->pid, SIGKILL);
	return NULL;
}

static bool torment_random(struct torment *t, const struct scenario *s, int at_us)
{
	struct killer k = {.us = (unsigned)at_us};
	pthread_t thread;
	bool acknowledged;

	if (!s->prepare(t) || !restart(t, 1))
		return false;
	k.pid = t->bed.labd;
	if (pthread_create(&thread, NULL, run_killer, &k) != 0)
		abort();
	acknowledged = s->act(t);
	labd_kill(&t->bed);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	return recover(t) && s->finish(t, acknowledged);
}

static bool torment_answer(struct torment *t, const struct scenario *s)
{
	if (!s->prepare(t) || !restart(t, 1))
		return false;
	t->kill_on_answer = true;
	(void)s->act(t);
	t->kill_on_answer = false;
	return recover(t) && s->finish(t, true);
}

/* *ret_survived: there are not so many calls. */
static bool torment_fault(struct torment *t, const struct scenario *s, const struct fault_kind *f,
	int at, bool *ret_survived)
{
	_cleanup_free_ char *plan = strf("%s match=\"*\" n=%d", f->plan, at);
	unsigned before;
	bool acknowledged;

	if (t->bed.speed == 1 && !restart(t, SPEED))
		return false;
	t->engine_fails = true;
	if (!s->prepare(t))
		return false;
	before = fake_calls(t->bed.fake, "*");
	if (fake_plan(t->bed.fake, plan, NULL) < 0)
		abort();
	acknowledged = s->act(t);
	*ret_survived = fake_calls(t->bed.fake, "*") - before < (unsigned)at;
	fake_clear_faults(t->bed.fake);
	return !*t->bed.why && s->finish(t, acknowledged);
}

/* --- sweeps ------------------------------------------------------------------------------------
 */

static void report(struct worker *w, const struct scenario *s, const char *sweep, const char *at)
{
	struct torment *t = &w->t;

	w->sum.failures++;
	if (w->o->expect && strstr(t->bed.why, w->o->expect)) {
		w->sum.expected++;
		printf("found %s/%s:%s  %s\n", s->name, sweep, at, t->bed.why);
		bed_leave(w, false);
		return;
	}
	printf("FAIL  %s/%s:%s  %s\n      again: --only %s/%s:%s --seed %u; state and log: %s\n",
		s->name, sweep, at, t->bed.why, s->name, sweep, at, w->o->seed, t->bed.folder);
	bed_leave(w, true);
}

static void judged(
	struct worker *w, const struct scenario *s, const char *sweep, const char *at, bool good)
{
	struct torment *t = &w->t;

	good = good && auditors_agree(&t->bed);
	w->sum.done++;
	w->sum.failed += t->failed;
	w->sum.graded += t->graded;
	w->sum.slowest_ms = MAX(w->sum.slowest_ms, t->slowest_ms);
	t->failed = t->graded = 0;
	t->slowest_ms = 0;
	if (w->o->bed.verbose)
		printf("%s  %s/%s:%s\n", good ? "ok" : "no", s->name, sweep, at);
	if (!good)
		report(w, s, sweep, at);
	fflush(stdout);
}

static volatile sig_atomic_t stopping; /* somebody asked to: the torment that goes on is the last */

static bool give_up(const struct worker *w)
{
	return stopping || w->sum.failures >= MAX_FAILURES;
}

static int chance(struct worker *w, int below)
{
	return rand_r(&w->dice) % MAX(below, 1);
}

/*
 * The points of a sweep in turn: each for the worker whose it is, until one is beyond the last.
 * Their number depends on what happens to meet: where none may be missed a second one has to agree.
 */
static void enumerate(
	struct worker *w, const struct scenario *s, const char *sweep, const struct fault_kind *f)
{
	int step = w->o->every * (f ? f->every : 1), beyond = 0;

	for (int i = w->number, at = 1; beyond < (step > 1 ? 1 : 2) && !give_up(w);
		i += w->workers) {
		at = 1 + i * step + (int)((w->o->seed + 7 * w->sweep) % (unsigned)step);
		_cleanup_free_ char *text = strf("%d", at);
		bool good, survived = false;

		if (at > MAX_AT)
			abort();
		bed_ready(w);
		good = f ? torment_fault(&w->t, s, f, at, &survived)
			 : torment_kill(&w->t, s, at, &survived);
		judged(w, s, sweep, text, good);
		beyond = survived ? beyond + 1 : 0;
		if (!survived)
			w->sum.points = MAX(w->sum.points, at);
	}
}

static void pairs(struct worker *w, const struct scenario *s, int points)
{
	for (int i = w->number; i < MAX(PAIRS / w->o->every, 2) && !give_up(w); i += w->workers) {
		int first = 1 + chance(w, points), second = 1 + chance(w, points);
		_cleanup_free_ char *text = strf("%d,%d", first, second);

		bed_ready(w);
		judged(w, s, "pair", text, torment_pair(&w->t, s, first, second));
	}
}

/* How long it takes when nothing is wrong. */
static int usual_us(struct worker *w, const struct scenario *s)
{
	int64_t from;

	bed_ready(w);
	if (!s->prepare(&w->t) || !restart(&w->t, 1))
		return 1000;
	from = now_ms();
	(void)s->act(&w->t);
	return (int)(now_ms() - from + 5) * 1000;
}

static void randoms(struct worker *w, const struct scenario *s, int n)
{
	int usual = usual_us(w, s);

	for (int i = w->number; i < MAX(n, 2) && !give_up(w); i += w->workers) {
		int at = chance(w, usual);
		_cleanup_free_ char *text = strf("%d", at);

		bed_ready(w);
		judged(w, s, "random", text, torment_random(&w->t, s, at));
	}
}

static void answers(struct worker *w, const struct scenario *s)
{
	for (int i = w->number; i < MAX(ANSWERS / w->o->every, 2) && !give_up(w); i += w->workers) {
		bed_ready(w);
		judged(w, s, "answer", "1", torment_answer(&w->t, s));
	}
}

static const struct fault_kind *fault_named(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		if (streq(faults[i].name, name))
			return &faults[i];
	return NULL;
}

static void only_one(struct worker *w, const struct scenario *s, const char *sweep)
{
	int first = 0, second = 0;
	bool survived, good = false;

	(void)sscanf(w->o->at, "%d,%d", &first, &second);
	bed_ready(w);
	if (streq(sweep, "kill"))
		good = torment_kill(&w->t, s, first, &survived);
	else if (streq(sweep, "pair"))
		good = torment_pair(&w->t, s, first, second);
	else if (streq(sweep, "random"))
		good = torment_random(&w->t, s, first);
	else if (streq(sweep, "answer"))
		good = torment_answer(&w->t, s);
	else
		good = torment_fault(&w->t, s, fault_named(sweep), first, &survived);
	judged(w, s, sweep, w->o->at, good);
}

static void sweep_run(struct worker *w, const struct scenario *s, const char *sweep, int points)
{
	w->dice = w->o->seed * 7919 + w->sweep * 16 + (unsigned)w->number;
	if (w->o->at)
		only_one(w, s, sweep);
	else if (streq(sweep, "kill"))
		enumerate(w, s, sweep, NULL);
	else if (streq(sweep, "pair"))
		pairs(w, s, points);
	else if (streq(sweep, "random"))
		randoms(w, s,
			w->o->random ? w->o->random / (int)n_scenarios : RANDOMS / w->o->every);
	else if (streq(sweep, "answer"))
		answers(w, s);
	else
		enumerate(w, s, sweep, fault_named(sweep));
}

/* --- the order of things -----------------------------------------------------------------------
 */

struct job {
	const struct scenario *scenario;
	const char *sweep;
};

static bool chosen(const struct options *o, const struct scenario *s, const char *sweep)
{
	bool real = o->bed.engine && !o->sweep;

	if (o->scenario && !streq(o->scenario, s->name))
		return false;
	if (o->sweep ? !streq(o->sweep, sweep) : real && !streq(sweep, "random"))
		return false;
	return !(streq(sweep, "answer") || streq(sweep, "gone")) || streq(s->name, "grade");
}

static size_t plan_jobs(const struct options *o, struct job *jobs)
{
	static const char *const kills[] = {"kill", "pair", "random", "answer"};
	size_t n = 0;

	for (size_t i = 0; i < n_scenarios; i++)
		for (size_t k = 0; k < ARRAY_SIZE(kills); k++)
			if (chosen(o, &scenarios[i], kills[k]))
				jobs[n++] = (struct job){&scenarios[i], kills[k]};
	for (size_t i = 0; i < n_scenarios; i++)
		for (size_t k = 0; k < ARRAY_SIZE(faults); k++)
			if (chosen(o, &scenarios[i], faults[k].name))
				jobs[n++] = (struct job){&scenarios[i], faults[k].name};
	return n;
}

#define MAX_JOBS 256

static void work(const struct options *o, int number, const struct job *jobs, size_t n, int out)
{
	bool sample = o->every > 1;
	struct worker w = {
		.o = o, .number = sample ? 0 : number, .workers = sample ? 1 : o->workers};
	int points = 0;

	for (size_t i = 0; i < n; i++) {
		w.sum = (struct sum){0};
		w.sweep = (unsigned)i;
		if (w.open && !fault_named(jobs[i].sweep)) {
			w.t.engine_fails = false;
			if (w.t.bed.speed != 1)
				bed_leave(&w, false);
		}
		if (!sample || (int)i % o->workers == number)
			sweep_run(&w, jobs[i].scenario, jobs[i].sweep, points ? points : 60);
		points = streq(jobs[i].sweep, "kill") ? (int)w.sum.points : points;
		if (write(out, &w.sum, sizeof(w.sum)) != sizeof(w.sum))
			exit(2);
	}
	if (w.open && w.t.bed.options.engine && !make_gone(&w.t))
		printf("FAIL  %s\n", w.t.bed.why);
	bed_leave(&w, false);
}

static void add(struct sum *a, const struct sum *b)
{
	a->done += b->done;
	a->failures += b->failures;
	a->expected += b->expected;
	a->failed += b->failed;
	a->graded += b->graded;
	a->points = MAX(a->points, b->points);
	a->slowest_ms = MAX(a->slowest_ms, b->slowest_ms);
}

static bool collect(
	const int *fds, int workers, const struct job *jobs, size_t n, struct sum *total)
{
	printf("%-14s %-12s %7s %9s %8s %7s %9s\n", "SCENARIO", "SWEEP", "POINTS", "TORMENTS",
		"FAILURES", "GRADED", "SLOWEST");
	for (size_t i = 0; i < n; i++) {
		struct sum s = {0}, one;

		for (int w = 0; w < workers; w++) {
			if (read(fds[w], &one, sizeof(one)) != sizeof(one)) {
				printf("FAIL  worker %d ended\n", w);
				return false;
			}
			add(&s, &one);
		}
		printf("%-14s %-12s %7" PRId64 " %9d %8d %7d %6" PRId64 " ms",
			jobs[i].scenario->name, jobs[i].sweep, s.points, s.done, s.failures,
			s.graded, s.slowest_ms);
		printf(s.failed ? "  %d sessions failed and came back\n" : "\n", s.failed);
		fflush(stdout);
		add(total, &s);
	}
	return true;
}

static pid_t children[MAX_WORKERS];

static void on_signal(int signo)
{
	stopping = 1;
	for (size_t i = 0; i < ARRAY_SIZE(children) && children[i]; i++)
		(void)kill(children[i], signo);
}

/* A worker; the parent reads from *ret_fd what it adds up. */
static pid_t worker_start(
	const struct options *o, int number, const struct job *jobs, size_t n, int *ret_fd)
{
	int p[2];
	pid_t pid;

	fflush(stdout);
	if (pipe2(p, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		abort();
	if (pid == 0) {
		close(p[0]);
		memset(children, 0, sizeof(children));
		work(o, number, jobs, n, p[1]);
		fflush(stdout);
		_exit(0);
	}
	close(p[1]);
	*ret_fd = p[0];
	return pid;
}

/* Did it find what it had to find, and was there something to lose? */
static bool verdict(
	const struct options *o, const struct job *jobs, size_t n, const struct sum *total)
{
	bool grades = false;

	for (size_t i = 0; i < n; i++)
		grades |= streq(jobs[i].scenario->name, "grade");
	if (o->expect) {
		printf("%s: %s\n", total->expected ? "found" : "FAIL  not found", o->expect);
		return total->expected > 0;
	}
	if (grades && !total->graded) {
		printf("FAIL  no grade was acknowledged, so none could be lost\n");
		return false;
	}
	return total->failures == 0;
}

static bool run(const struct options *o)
{
	static struct job jobs[MAX_JOBS];
	size_t n = plan_jobs(o, jobs);
	struct sum total = {0};
	int64_t from = now_ms();
	int fds[MAX_WORKERS];
	bool whole;

	if (n == 0) {
		fprintf(stderr, "torture: no scenario or sweep of this name\n");
		exit(2);
	}
	for (int i = 0; i < o->workers; i++)
		children[i] = worker_start(o, i, jobs, n, &fds[i]);
	whole = collect(fds, o->workers, jobs, n, &total);
	while (wait(NULL) > 0)
		;
	printf("%d torments, %d failures, %d grades acknowledged, slowest convergence %" PRId64
	       " ms, %" PRId64 " s, seed %u\n",
		total.done, total.failures, total.graded, total.slowest_ms,
		(now_ms() - from) / 1000, o->seed);
	return whole && !stopping && verdict(o, jobs, n, &total);
}

/* --- options -----------------------------------------------------------------------------------
 */

static void read_only(struct options *o, const char *text)
{
	char *copy = xstrdup(text), *slash = strchr(copy, '/'), *colon = strchr(copy, ':');

	o->scenario = copy;
	if (colon) {
		*colon = '\0';
		o->at = colon + 1;
	}
	if (slash) {
		*slash = '\0';
		o->sweep = slash + 1;
	}
}

static int usage(void)
{
	fputs("usage: torture [--only SCENARIO[/SWEEP[:AT]]] [--every N] [--workers N] [--seed N]\n"
	      "               [--engine unix:///path --random N] [--labs DIR --lab SLUG] "
	      "[--programs DIR]\n"
	      "               [--labd FILE --expect TEXT] [--verbose]\n",
		stderr);
	return 2;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	static const struct option longs[] = {{"only", 1, NULL, 'o'}, {"every", 1, NULL, 'e'},
		{"workers", 1, NULL, 'w'}, {"seed", 1, NULL, 's'}, {"programs", 1, NULL, 'p'},
		{"engine", 1, NULL, 'E'}, {"labs", 1, NULL, 'l'}, {"lab", 1, NULL, 'L'},
		{"random", 1, NULL, 'r'}, {"labd", 1, NULL, 'd'}, {"expect", 1, NULL, 'x'},
		{"verbose", 0, NULL, 'v'}, {0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (c == 'o')
			read_only(o, optarg);
		else if (c == 'e')
			o->every = MAX(atoi(optarg), 1);
		else if (c == 'w')
			o->workers = MIN(MAX(atoi(optarg), 1), MAX_WORKERS);
		else if (c == 's')
			o->seed = (unsigned)atoi(optarg);
		else if (c == 'p')
			o->bed.programs = optarg;
		else if (c == 'E')
			o->bed.engine = optarg;
		else if (c == 'l')
			o->bed.labs = optarg;
		else if (c == 'L')
			o->bed.lab = optarg;
		else if (c == 'r')
			o->random = atoi(optarg);
		else if (c == 'x')
			o->expect = optarg;
		else if (c == 'd')
			o->bed.labd = optarg;
		else if (c == 'v')
			o->bed.verbose = true;
		else
			return false;
	}
	if (o->at || o->bed.engine)
		o->workers = 1; /* strangers have the same names in each bed */
	return optind == argc && (!o->bed.engine || str_starts(o->bed.engine, "unix://"));
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *programs = fs_program_dir();
	struct options o = {
		.bed = {.programs = programs, .labs = "tests/fault/labs", .lab = "tiny-lab"},
		.every = 1,
		.workers = 2,
		.seed = (unsigned)getpid(),
	};

	if (!read_options(&o, argc, argv))
		return usage();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	return run(&o) ? 0 : 1;
}
