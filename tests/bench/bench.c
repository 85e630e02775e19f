/*
 * bench.c - the runner: cases in shuffled rounds, the table of gates, the bed in words.
 *
 *   bench [--quick | --selftest] [--rounds N] [--seed N] [--case NAME] [--quiet SECONDS] [--json
 * FILE]
 * ...
 *
 * Exit code 0: every row passed. 1: a row failed or could not be run. See README.md of this folder.
 */
#include "tests/bench/bench.h"
#include "tests/bench/bed.h"
#include "tests/bench/proc.h"
#include "tests/bench/raw.h"
#include "tests/bench/stat.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SERIES       128
#define VARIANTS     8
#define NOISY_ROUNDS 3 /* in a row: the machine is not quiet enough to say anything */

struct options opt = {.quiet_s = -1, .sessions = 200};

/* --- series --- */

static struct one_series {
	const char *name;
	double *v;
	size_t n; /* the highest round so far, + 1 */
} all[SERIES];

static long round_now; /* -1: the warm-up */

static struct one_series *find_series(const char *name, bool make)
{
	for (size_t i = 0; i < SERIES; i++) {
		if (all[i].name && strcmp(all[i].name, name) == 0)
			return &all[i];
		if (all[i].name)
			continue;
		if (!make)
			return NULL;
		all[i].name = strdup(name);
		all[i].v = malloc(opt.rounds * sizeof(double));
		for (size_t k = 0; k < opt.rounds; k++)
			all[i].v[k] = NAN;
		return &all[i];
	}
	die("too many series");
}

void put(const char *name, double value)
{
	if (round_now < 0)
		return;
	struct one_series *s = find_series(name, true);
	s->v[round_now] = value;
	s->n = (size_t)round_now + 1;
}

const double *series(const char *name, size_t *ret_n)
{
	const struct one_series *s = find_series(name, false);

	*ret_n = s ? s->n : 0;
	return s ? s->v : NULL;
}

/* --- a case that cannot go on --- */

static const char *reason; /* of the case that runs */

void give_up(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		die("no memory");
	va_end(ap);
	if (!reason)
		reason = s;
}

bool given_up(void)
{
	return reason || proc_interrupted();
}

static const char *words_of(const char *const argv[])
{
	char *words = say("%s", strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0]);

	for (size_t i = 1; argv[i] && strlen(words) < 200; i++)
		words = say("%s %s", words, argv[i]);
	return words;
}

double must(const char *const argv[])
{
	double ms = given_up() ? NAN : proc_run(argv);

	if (isnan(ms) && !given_up())
		give_up("'%s' failed: %s", words_of(argv), proc_complaint());
	return ms;
}

/* --- rounds --- */

void progress(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

static unsigned state;

unsigned random_below(unsigned n)
{
	state = state * 1103515245u + 12345u;
	return (state >> 16) % n;
}

static void shuffle(size_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = i;
	for (size_t i = n; i > 1; i--) {
		size_t k = random_below((unsigned)i), t = order[i - 1];

		order[i - 1] = order[k];
		order[k] = t;
	}
}

static size_t noisy, noisy_in_a_row;

static void wait_for_quiet(void)
{
	double until = now_ms() + opt.quiet_s * 1000.0,
	       idle = machine_idle(opt.quiet_s ? 1000 : 200);

	while (idle < NOISY_IDLE && now_ms() < until && !proc_interrupted())
		idle = machine_idle(1000);
	put("idle", idle);
	noisy += idle < NOISY_IDLE;
	noisy_in_a_row = idle < NOISY_IDLE ? noisy_in_a_row + 1 : 0;
}

static void run_round(const struct bench_case *c)
{
	size_t order[VARIANTS], n = 0;

	while (c->variants[n].name)
		n++;
	shuffle(order, n);
	for (size_t i = 0; i < n && !given_up(); i++)
		c->variants[order[i]].run();
}

static const char *run_case(const struct bench_case *c)
{
	size_t rounds = c->rounds ? c->rounds : opt.rounds;

	reason = NULL;
	noisy_in_a_row = 0;
	if (c->needs_engine && !opt.engine)
		return "no engine answers at a unix socket";
	if (c->set_up)
		c->set_up();
	for (round_now = -1; round_now < (long)rounds && !given_up(); round_now++) {
		progress("%s: round %ld of %zu", c->name, round_now + 1, rounds);
		wait_for_quiet();
		run_round(c);
		if (opt.quiet_s && noisy_in_a_row >= NOISY_ROUNDS)
			give_up("the machine is not quiet: three rounds in a row had other load");
	}
	progress("%s", "");
	round_now = 0;
	if (c->tear_down)
		c->tear_down();
	return proc_interrupted() ? "interrupted" : reason;
}

/* --- the table --- */

static const struct gate {
	const char *row;
	const struct bench_case *of;
	const char *num, *den;
	double limit;
	size_t rounds;
	const char *unit, *what;
} gates[] = {
#define RATIO(row, of, num, den, limit, unit, what)                                                \
	{row, &case_##of, num, den, limit, 0, unit, what},
#define VALUE(row, of, num, limit, rounds, unit, what)                                             \
	{row, &case_##of, num, NULL, limit, rounds, unit, what},
#include "tests/bench/gates.tbl.h"
#undef RATIO
#undef VALUE
};

static double median_of(const char *name)
{
	size_t n;
	const double *v = series(name, &n);

	return summarise(v, n).median;
}

static struct summary result_of(const struct gate *g)
{
	size_t n, m = 0;
	const double *num = series(g->num, &n), *den = g->den ? series(g->den, &m) : NULL;
	double *r = malloc((n + 1) * sizeof(*r));

	if (!num || (g->den && !den))
		n = 0;
	else if (den && m < n)
		n = m;
	ratios(r, num, den, n);
	struct summary s = summarise(r, n);
	free(r);
	return s;
}

static void number(char to[static 16], double v)
{
	(void)snprintf(to, 16, fabs(v) >= 1000 ? "%.0f" : fabs(v) >= 100 ? "%.1f" : "%.3g", v);
}

static void print_row(const struct gate *g, const struct summary *s, enum verdict v)
{
	char median[16] = "-", low[16], high[16], limit[16] = "-", range[40] = "", raw[64] = "";

	if (s->n) {
		number(median, s->median);
		number(low, s->low);
		number(high, s->high);
		if (s->n > 1)
			(void)snprintf(range, sizeof(range), "%s-%s", low, high);
		if (g->den)
			(void)snprintf(raw, sizeof(raw), "%.4g / %.4g %s", median_of(g->num),
				median_of(g->den), g->unit);
	}
	if (g->limit > 0)
		number(limit, g->limit);
	printf("%-4s %-60s %8s %-6s %-14s %6s %3zu  %-14s %s\n", g->row, g->what, median,
		g->den ? "" : g->unit, range, limit, s->n, verdict_name(v), raw);
}

static void write_json(FILE *to, const struct gate *g, const struct summary *s, enum verdict v)
{
	fprintf(to, "{\"row\":\"%s\",\"what\":\"%s\",\"n\":%zu,\"verdict\":\"%s\",\"limit\":%.4g",
		g->row, g->what, s->n, verdict_name(v), g->limit);
	if (s->n)
		fprintf(to, ",\"median\":%.4g,\"low\":%.4g,\"high\":%.4g", s->median, s->low,
			s->high);
	fprintf(to, "}\n");
}

/* Returns how many rows did not pass. */
static size_t print_table(
	const char *const *reasons, const struct bench_case *const *cases, FILE *json)
{
	size_t bad = 0;

	printf("%-4s %-60s %8s %-6s %-14s %6s %3s  %-14s %s\n", "row", "what / compared with",
		"median", "", "interval", "limit", "n", "verdict", "medians");
	for (size_t i = 0; i < sizeof(gates) / sizeof(*gates); i++) {
		const struct gate *g = &gates[i];
		struct summary s = result_of(g);
		enum verdict v = judge(&s, g->limit, g->rounds ? g->rounds : ROUNDS_MIN);

		if (!g->of->quick && opt.quick)
			continue;
		if (opt.only && strcmp(opt.only, g->of->name) != 0)
			continue;
		print_row(g, &s, v);
		if (json)
			write_json(json, g, &s, v);
		bad += v != VERDICT_PASS && v != VERDICT_INFO &&
		       !(v == VERDICT_NOT_RUN && g->limit <= 0);
	}
	for (size_t i = 0; cases[i]; i++)
		if (reasons[i])
			printf("not run to the end: %s: %s\n", cases[i]->name, reasons[i]);
	return bad;
}

/* --- main --- */

static const struct bench_case *const cases[] = {
	&case_start, &case_chain, &case_check, &case_many, &case_repo, NULL};

static void read_options(int argc, char **argv, bool *ret_self, const char **ret_json)
{
	static const struct option longs[] = {{"quick", no_argument, NULL, 'q'},
		{"selftest", no_argument, NULL, 's'}, {"rounds", required_argument, NULL, 'r'},
		{"seed", required_argument, NULL, 'S'}, {"case", required_argument, NULL, 'c'},
		{"quiet", required_argument, NULL, 'w'}, {"json", required_argument, NULL, 'j'},
		{"idle", required_argument, NULL, 'i'}, {"sessions", required_argument, NULL, 'n'},
		{"build", required_argument, NULL, 'b'}, {"source", required_argument, NULL, 'd'},
		{"peers", required_argument, NULL, 'p'}, {"engine", required_argument, NULL, 'e'},
		{0}};
	int c;

	opt.seed = (unsigned)time(NULL);
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		switch (c) {
		case 'q':
			opt.quick = true;
			break;
		case 's':
			*ret_self = true;
			break;
		case 'r':
			opt.rounds = strtoul(optarg, NULL, 10);
			break;
		case 'S':
			opt.seed = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'c':
			opt.only = optarg;
			break;
		case 'w':
			opt.quiet_s = atoi(optarg);
			break;
		case 'i':
			opt.idle_s = atoi(optarg);
			break;
		case 'n':
			opt.sessions = atoi(optarg);
			break;
		case 'j':
			*ret_json = optarg;
			break;
		case 'b':
			opt.build = optarg;
			break;
		case 'd':
			opt.labs = say("%s/labs", optarg);
			opt.files = say("%s/peers", optarg);
			break;
		case 'p':
			opt.peers = *optarg ? optarg : NULL;
			break;
		case 'e':
			opt.engine = *optarg ? optarg : NULL;
			break;
		default:
			exit(2);
		}
	if (!opt.build || !opt.labs || opt.rounds > 1000 || opt.sessions < 2)
		die("call it by 'make bench'");
	if (!opt.rounds)
		opt.rounds = opt.quick ? ROUNDS_MIN : 15;
	if (opt.quiet_s < 0)
		opt.quiet_s = opt.quick ? 5 : 60;
	if (!opt.idle_s)
		opt.idle_s = opt.quick ? 20 : 60;
	state = opt.seed;
}

static void use_peers(void)
{
	if (opt.engine)
		setenv("DOCKER_HOST", say("unix://%s", opt.engine), 1);
	if (!opt.peers)
		return;
	setenv("DOCKER_CONFIG", say("%s/config", opt.peers), 1);
	setenv("PATH", say("%s/bin:%s", opt.peers, getenv("PATH")), 1);
}

static int bench(const char *json_path)
{
	const char *reasons[sizeof(cases) / sizeof(*cases)] = {0};
	FILE *json = json_path ? fopen(json_path, "we") : NULL;
	double began = now_ms();

	bed_print(stdout);
	for (size_t i = 0; cases[i] && !proc_interrupted(); i++)
		if ((cases[i]->quick || !opt.quick) &&
			(!opt.only || strcmp(opt.only, cases[i]->name) == 0))
			reasons[i] = run_case(cases[i]);
	printf("run      seed %u, %zu rounds, many = %d sessions, %.0f s; %zu rounds with other "
	       "load\n\n",
		opt.seed, opt.rounds, opt.sessions, (now_ms() - began) / 1000, noisy);
	size_t bad = print_table(reasons, cases, json);
	if (json && fclose(json) != 0)
		die("cannot write '%s'", json_path);
	return proc_interrupted() ? 130 : bad > 0;
}

/* --- the self-test: can the suite fail? --- */

static bool expect(const char *what, bool holds, const struct summary *s)
{
	printf("%s  %s: %.3f (%.3f-%.3f), %zu rounds\n", holds ? "pass" : "FAIL", what, s->median,
		s->low, s->high, s->n);
	return holds;
}

static int self_test(void)
{
	static const struct gate same = {"", &case_self, "self a", "self b", 1.05, 0, "", ""},
				 slow = {"", &case_self, "self slow", "self b", 1.05, 0, "", ""},
				 absent = {"", &case_self, "self a", "nobody", 1.05, 0, "", ""};
	bool good;

	bed_print(stdout);
	const char *why = run_case(&case_self);
	struct summary a = result_of(&same), b = result_of(&slow), c = result_of(&absent);
	if (why)
		printf("FAIL  %s\n", why);
	good = !why;
	good &= expect("the raw floor against itself is within 0.93 and 1.07",
		a.median >= 0.93 && a.median <= 1.07, &a);
	good &= expect("the raw floor slowed by 20 % fails a gate of 1.05",
		judge(&b, slow.limit, ROUNDS_MIN) == VERDICT_FAIL, &b);
	good &= expect("a peer that is not there is 'not run', not a pass",
		judge(&c, absent.limit, ROUNDS_MIN) == VERDICT_NOT_RUN, &c);
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *json = NULL;
	bool self = false;

	read_options(argc, argv, &self, &json);
	proc_catch_signals();
	setvbuf(stdout, NULL, _IOLBF, 0);
	use_peers();
	world_open();
	return self ? self_test() : bench(json);
}
