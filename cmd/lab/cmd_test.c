/*
 * cmd_test.c - `lab test`: prove a lab before a learner meets it.
 *
 * What nobody has worked in earns nothing; what the solutions solve earns everything; without one
 * of them exactly its task fails; no cheat gets its check to pass. How it is made: proof.h.
 */
#include "base/clock.h"
#include "base/fsutil.h"
#include "base/id.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"
#include "cmd/lab/proof.h"
#include "lab/load.h"

#include <unistd.h>

#define MAX_JOBS    8
#define MAX_SEEDS   20
#define MAX_REPEAT  100
#define CANARY_SIZE 24

/* --- which lab --- */

/* A folder with a lab.yaml, or a lab of the catalogue; the caller owns the path. */
static int find(struct cli *c, const char *word, char **ret, struct err *e)
{
	_cleanup_free_ char *file = strf("%s/lab.yaml", word);
	_cleanup_(json_freep) struct json *lab = NULL;
	struct client *k;

	if (fs_exists(file) || fs_is_dir(word) || *word == '.' || *word == '/') {
		*ret = xstrdup(word);
		return 0;
	}
	_cleanup_free_ char *path = lab_path(word);
	int r = client_open(&k, c, e);
	if (r == 0)
		r = client_call(k, "GET", path, NULL, &lab, e);
	if (r == 0)
		*ret = xstrdup(json_str_or(json_get(lab, "folder"), ""));
	return r;
}

static void leave(struct cli *c)
{
	client_free(c->client);
	c->client = NULL;
}

/* --- options --- */

static int number(const struct cli *c, const char *name, int64_t max, int *ret, struct err *e)
{
	int64_t n;

	if (!option_given(c, name))
		return 0;
	int r = str_int(option_value(c, name), 1, max, &n, e);
	if (r < 0)
		return err_wrap(e, "--%s", name);
	*ret = (int)n;
	return 0;
}

static int task_of(const struct cli *c, const char *option, const struct lab *l, struct err *e)
{
	const char *name = option_value(c, option);
	int task = name ? lab_task(l, name) : -1;

	return name && task < 0
		       ? err_set(e, ERR_USAGE, "--%s: '%s' has no task '%s'", option, l->slug, name)
		       : task;
}

/* As many sandboxes as have a core and memory of their own: a machine under load fails checks. */
static int room(const struct lab *l)
{
	int64_t cores = sysconf(_SC_NPROCESSORS_ONLN), free_bytes = INT64_MAX;
	_cleanup_buf_ struct buf text = BUF(64 << 10);
	const char *at;

	if (fs_read("/proc/meminfo", &text, NULL) == 0 &&
		(at = strstr(buf_str(&text), "MemAvailable:")))
		free_bytes = strtoll(at + strlen("MemAvailable:"), NULL, 10) * 1024;
	int64_t by_cpu = l->cpu_milli > 0 ? cores * 1000 / l->cpu_milli : 1,
		by_memory = l->memory > 0 ? free_bytes / l->memory : 1;
	return (int)MAX(MIN(MIN(by_cpu, by_memory), (int64_t)MAX_JOBS), (int64_t)1);
}

/* --- lint --- */

static void lint(struct proof *p, const struct problems *found)
{
	size_t warnings = 0;

	for (size_t i = 0; i < found->n; i++) {
		const struct problem *x = &found->items[i];

		warnings += x->warning;
		if (x->warning)
			continue;
		_cleanup_free_ char *place = strf("%s:%d:%d", x->file, x->line, x->col),
				    *advice = strf("lab lint --explain %s", x->code);
		proof_case(p, STEP_LINT, place, PROOF_FAIL, strf("error[%s]: %s", x->code, x->text),
			TAKE(advice), 0);
	}
	p->notes[STEP_LINT] = strf("no errors, %zu warning%s", warnings, warnings == 1 ? "" : "s");
	proof_case(p, STEP_LINT, "lab", PROOF_OK, NULL, NULL, 0);
	p->wanted[STEP_LINT] = true;
}

/* --- the proof --- */

static int64_t deadline(const struct cli *c, const struct proof *p)
{
	int64_t ms = c->timeout_ms ? c->timeout_ms : p->lab->test_budget_ms;

	return clock_boot_ms(&clock_system) + ms;
}

static int prove(
	struct cli *c, struct proof *p, int jobs, int until, char **ret_kept, struct err *e)
{
	int64_t until_ms = deadline(c, p);
	struct bench *b = NULL;
	int r = bench_new(&b, c, p, e);

	if (r == 0 && until >= 0)
		plan_until(p, until);
	else if (r == 0)
		plan_first(p);
	if (r == 0)
		r = bench_run(b, jobs, until_ms, e);
	if (r == 0 && until < 0 && step_outcome(p, STEP_BUILD) == PROOF_OK) {
		plan_rest(p);
		r = bench_run(b, jobs, until_ms, e);
	}
	str_set(ret_kept, b ? bench_kept(b) : NULL);
	bench_free(b);
	return r;
}

/* Into the catalogue's entry; a proof of a part says nothing about the lab. */
static void enter(struct cli *c, const struct proof *p)
{
	_cleanup_free_ char *path = strf("/v1/proofs/%s", p->lab->digest);
	_cleanup_buf_ struct buf body = BUF(4096);
	struct client *k;
	struct err e = ERR_NONE;

	report_entry(p, &body);
	if (client_open(&k, c, &e) < 0 || client_call(k, "PUT", path, &body, NULL, &e) < 0)
		warn(c, "the catalogue does not know of this proof: %s", e.text);
}

/* Returns 0 or an exit code. */
static int report(struct cli *c, const struct proof *p)
{
	const char *junit = option_value(c, "junit");
	struct err e = ERR_NONE;

	if (c->format == FORMAT_JSON)
		report_json(c, p);
	else if (c->format == FORMAT_NAME)
		puts(p->lab->slug);
	else
		report_table(c, p);
	return junit && report_junit(p, junit, &e) < 0 ? fail(c, &e) : 0;
}

static int take_options(struct cli *c, struct proof *p, int *jobs, int *until, struct err *e)
{
	const char *tier = option_value(c, "tier");
	int r, carries = room(p->lab);

	(void)task_of(c, "task", p->lab, e); /* e tells */
	*until = e->code ? -1 : task_of(c, "until", p->lab, e);
	*jobs = carries;
	p->keep = option_given(c, "keep") || *until >= 0;
	p->keep_good = *until >= 0;
	str_set(&p->task, option_value(c, "task"));
	if (e->code != 0)
		return e->code;
	if ((r = number(c, "seeds", MAX_SEEDS, &p->seeds, e)) < 0 ||
		(r = number(c, "repeat", MAX_REPEAT, &p->repeat, e)) < 0 ||
		(r = number(c, "jobs", MAX_JOBS, jobs, e)) < 0)
		return r;
	if (*jobs > carries)
		warn(c,
			"--jobs %d is more than this machine carries (%d): a check that gets no "
			"CPU in time fails a lab that is right",
			*jobs, carries);
	return plan_steps(p, tier ? tier : "standard", option_value(c, "only"), e);
}

static int test(struct cli *c, struct proof *p)
{
	_cleanup_free_ char *kept = NULL;
	struct err e = ERR_NONE;
	int jobs, until, r = take_options(c, p, &jobs, &until, &e);

	if (r == 0 && until < 0)
		r = plan_cheats(p, &e);
	if (r == 0 && (p->wanted[STEP_BUILD] || until >= 0))
		r = prove(c, p, jobs, until, &kept, &e);
	p->took_ms = clock_wall_ms(&clock_system) - p->began_ms;
	if (r < 0 && r != ERR_TIMEOUT) {
		if (kept && r != ERR_CANCELED) /* Ctrl-C keeps nothing */
			fputs(kept, stderr);
		return fail(c, &e);
	}
	if (until < 0) {
		judge_whole(p);
		plan_close(p);
	}
	if (until >= 0)
		report_findings(p);
	else
		r = report(c, p);
	if (kept)
		fputs(kept, until < 0 ? stderr : stdout);
	if (until < 0 && !p->only && !p->task)
		enter(c, p);
	return r > 0 ? r : proof_exit(p);
}

/* All variants are read, which finds what is wrong with any; one of them is proved. */
static int load(const struct cli *c, struct lab **ret, const char *path, struct problems *found,
	struct err *e)
{
	_cleanup_(lab_freep) struct lab *l = NULL;
	const char *wanted = option_value(c, "variant");
	int r = lab_load_plain(&l, path, found, e);

	if (r == 0 && wanted)
		return lab_load_variant(ret, path, wanted, NULL, e);
	if (r == 0)
		*ret = TAKE(l);
	return r;
}

/* A lab that cannot be read: its problems are all there is to tell. */
static int broken(struct cli *c, struct proof *p, const char *path)
{
	_cleanup_free_ char *root = realpath(path, NULL);
	const struct lab nothing = {
		.slug = root ? strrchr(root, '/') + 1 : (char *)path, .version = (char *)""};
	int r;

	p->lab = &nothing;
	str_set(&p->tier, "lint");
	r = report(c, p);
	return r ? r : proof_exit(p);
}

int cmd_test(struct cli *c, int argc, char **argv)
{
	struct proof p = {.began_ms = clock_wall_ms(&clock_system)};
	_cleanup_(lab_freep) struct lab *lab = NULL;
	_cleanup_free_ char *path = NULL;
	struct problems found = {0};
	struct err e = ERR_NONE;
	char canary[CANARY_SIZE + 1];
	int r;

	if (argc > 1)
		return fail_usage(c, "one lab at a time");
	if (find(c, argc ? argv[0] : ".", &path, &e) < 0)
		return fail(c, &e);
	leave(c);
	id_random(canary, CANARY_SIZE);
	p.canary = strf("canary-%s", canary);
	r = load(c, &lab, path, &found, &e);
	p.lab = lab;
	lint(&p, &found);
	if (r == 0)
		r = test(c, &p);
	else
		r = found.errors ? broken(c, &p, path) : fail(c, &e);
	problems_done(&found);
	proof_done(&p);
	return r;
}
