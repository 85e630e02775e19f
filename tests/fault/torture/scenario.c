/* scenario.c - start, check, grade, reset, pause, stop, and what must hold after each. */
#include "tests/fault/torture/scenario.h"

#include "content/tar.h"

#include <inttypes.h>

#define CONVERGE_MS 30000 /* the promise */
#define ACT_MS      60000 /* nothing hangs for longer */
#define POLL_MS     2

/* --- the labs ----------------------------------------------------------------------------------
 */

static const struct lab_facts {
	const char *slug, *service, *folder; /* the learner's service, and where a volume is */
	int64_t earned_m;                    /* by a grade of a session in which nobody worked */
	const char *passes[7];               /* checks that pass there */
	struct expected ready[12], stopped[6];
} known_labs[] = {
	{
		.slug = "tiny-lab",
		.service = "box",
		.folder = "/srv/work",
		.earned_m = 70000,
		.passes = {"work/inside", "work/again", "work/seen", "still/back", "still/pulse",
			"still/steady"},
		.ready =
			{
				{"network", "front", 1, 1, NULL},
				{"network", "back", 1, 1, NULL},
				{"volume", "work", 1, 1, NULL},
				{"volume", "shelf", 1, 1, NULL},
				{"volume", "judge.lab", 1, 1, NULL},
				{"container", "once", 1, 1, "exited"},
				{"container", "box", 1, 1, "running"},
				{"container", "judge", 0, 1, "running"},
			},
		.stopped = {{"volume", "work", 0, 1, NULL}, {"volume", "shelf", 0, 1, NULL},
			{"volume", "judge.lab", 0, 1, NULL}},
	},
	{
		.slug = "hello-lab",
		.service = "hello",
		.folder = "/srv/hello",
		.earned_m = 0,
		.ready =
			{
				{"network", "front", 1, 1, NULL},
				{"volume", "hello-work", 1, 1, NULL},
				{"volume", "judge.lab", 1, 1, NULL},
				{"container", "hello", 1, 1, "running"},
				{"container", "judge", 0, 1, "running"},
			},
		.stopped = {{"volume", "hello-work", 0, 1, NULL},
			{"volume", "judge.lab", 0, 1, NULL}},
	},
};

static const struct lab_facts *facts(const struct torment *t)
{
	for (size_t i = 0; i < ARRAY_SIZE(known_labs); i++)
		if (streq(known_labs[i].slug, t->bed.options.lab))
			return &known_labs[i];
	abort();
}

/* --- looking -----------------------------------------------------------------------------------
 */

struct look {
	char state[16], name[96], cause[300]; /* state "": there is no session */
	int64_t generation;
	bool whole; /* all services that are wanted are ready */
};

/* False: labd does not answer. */
static bool look(struct torment *t, struct look *ret)
{
	_cleanup_reply_ struct reply r = bed_call(&t->bed, "GET", "/v1/sessions", NULL, NULL);
	const struct json *s, *list = json_get(r.json, "sessions");

	*ret = (struct look){.state = ""};
	if (r.status != 200)
		return false;
	json_for_each(s, list) {
		if (streq(json_str_or(json_get(s, "state"), ""), "ending"))
			continue; /* a new one may be there beside it */
		(void)snprintf(ret->state, sizeof(ret->state), "%s",
			json_str_or(json_get(s, "state"), ""));
		(void)snprintf(
			ret->name, sizeof(ret->name), "%s", json_str_or(json_get(s, "name"), ""));
		(void)snprintf(ret->cause, sizeof(ret->cause), "%s",
			json_str_or(json_get(s, "cause"), ""));
		ret->generation = json_int(json_get(s, "generation"), 0);
		ret->whole = json_int(json_get(s, "services_ready"), 0) ==
			     json_int(json_get(s, "services_wanted"), -1);
	}
	if (!*ret->state && json_len(list))
		(void)snprintf(ret->state, sizeof(ret->state), "ending");
	return true;
}

/* Until the state is one of `words` ("ready failed"; "gone" = no session) or labd is dead. */
static bool wait_state(struct torment *t, const char *words, struct look *ret)
{
	int64_t until = now_ms() + ACT_MS;
	struct look l = {.state = ""};

	while (labd_alive(&t->bed)) {
		if (look(t, &l) && strstr(words, *l.state ? l.state : "gone")) {
			if (ret)
				*ret = l;
			return true;
		}
		if (now_ms() > until)
			return bed_fail(&t->bed, "%s for %d s, wanted: %s",
				*l.state ? l.state : "gone", ACT_MS / 1000, words);
		pause_ms(POLL_MS);
	}
	return false;
}

static struct reply ask(struct torment *t, const char *verb, const char *body, const char *key)
{
	struct look l;
	_cleanup_free_ char *path = NULL;

	if (!look(t, &l))
		return (struct reply){0};
	path = strf("/v1/sessions/%s/%s", l.name, verb);
	return bed_call(&t->bed, "POST", path, body, key);
}

/* True when labd said yes; a no is a failure, no answer is none. */
static bool asked(struct torment *t, const char *verb, const char *body)
{
	_cleanup_reply_ struct reply r = ask(t, verb, body, NULL);

	if (r.status >= 400)
		bed_fail(&t->bed, "%s: status %d: %s", verb, r.status,
			json_str_or(json_get(r.json, "detail"), ""));
	return r.status >= 200 && r.status < 300;
}

static bool start(struct torment *t)
{
	_cleanup_free_ char *body = strf("{\"lab\":\"%s\"}", t->bed.options.lab);
	_cleanup_reply_ struct reply r = bed_call(&t->bed, "POST", "/v1/sessions", body, NULL);

	if (r.status >= 400 && !(t->engine_fails && (r.status == 502 || r.status == 503)))
		bed_fail(&t->bed, "start: status %d: %s", r.status,
			json_str_or(json_get(r.json, "detail"), ""));
	return r.status == 200 || r.status == 201;
}

/* --- a file of the learner ---------------------------------------------------------------------
 */

static char *files_path(struct torment *t, const char *name)
{
	const struct lab_facts *f = facts(t);
	struct look l;

	(void)look(t, &l);
	return strf(
		"/v1/sessions/%s/files?service=%s&path=%s%s", l.name, f->service, f->folder, name);
}

static bool mark(struct torment *t)
{
	_cleanup_(tar_plan_freep) struct tar_plan *p = tar_plan_new();
	_cleanup_buf_ struct buf tar = BUF(1u << 20);
	_cleanup_free_ char *path = files_path(t, "");

	tar_add_file(p, "marker", "x", 1, 0644, 0, 0);
	if (tar_plan_write(p, &tar, NULL) < 0)
		abort();
	_cleanup_reply_ struct reply r =
		bed_send(&t->bed, "PUT", path, "application/x-tar", tar.data, tar.len);
	return r.status == 204 ||
	       bed_fail(&t->bed, "the learner's file could not be written: status %d: %s", r.status,
		       json_str_or(json_get(r.json, "detail"), ""));
}

static bool marked(struct torment *t, bool wanted)
{
	_cleanup_free_ char *path = files_path(t, "/marker");
	_cleanup_reply_ struct reply r = bed_send(&t->bed, "GET", path, NULL, NULL, 0);

	if (r.status != 200 && r.status != 404)
		return bed_fail(&t->bed, "the learner's file could not be read: status %d: %s",
			r.status, json_str_or(json_get(r.json, "detail"), ""));
	if ((r.status == 200) == wanted)
		return true;
	return bed_fail(&t->bed,
		wanted ? "the learner's file is lost" : "the learner's file is still there");
}

/* --- converging --------------------------------------------------------------------------------
 */

static bool objects_fit(struct torment *t, const struct look *l)
{
	const struct lab_facts *f = facts(t);

	if (streq(l->state, "ready"))
		return l->whole ? audit_objects(&t->bed, f->ready)
				: bed_fail(&t->bed, "ready, and a service is not");
	if (streq(l->state, "stopped") || streq(l->state, "failed"))
		return audit_objects(&t->bed, f->stopped);
	if (!*l->state)
		return audit_empty(&t->bed);
	return bed_fail(&t->bed, "the session stays %s", l->state);
}

/* Within 30 s without anybody's help: a state that lasts, and exactly the objects that belong to
 * it. */
static bool converge(struct torment *t, struct look *ret)
{
	int64_t from = now_ms();
	struct bed *b = &t->bed;

	if (!audit_grades(b, t->acknowledged, t->n_acknowledged))
		return false; /* what is lost does not come back */
	while (!*b->why) {
		if (!labd_alive(b))
			return bed_fail(b, "labd is dead");
		if (!look(t, ret))
			bed_fail(b, "labd does not answer");
		else if (objects_fit(t, ret))
			break;
		if (now_ms() > from + CONVERGE_MS)
			return false; /* b->why says what is not right */
		*b->why = '\0';
		pause_ms(POLL_MS);
	}
	t->slowest_ms = MAX(t->slowest_ms, now_ms() - from);
	if (streq(ret->state, "failed") && !t->engine_fails)
		return bed_fail(b, "the session failed: %s", ret->cause);
	return !*b->why && strangers_there(b);
}

static bool is(struct torment *t, const struct look *l, const char *words)
{
	return strstr(words, *l->state ? l->state : "gone") ||
	       bed_fail(&t->bed, "it is %s; wanted: %s", *l->state ? l->state : "gone", words);
}

/* From whatever lasting state to a session that is ready. */
static bool make_ready(struct torment *t)
{
	struct look l;

	if (!converge(t, &l))
		return false;
	for (int i = 0; !streq(l.state, "ready"); i++) {
		if (streq(l.state, "failed")) {
			t->failed++;
			if (t->bed.options.verbose)
				printf("    failed: %s\n", l.cause);
		}
		if (i == 3)
			return bed_fail(
				&t->bed, "it is %s after %d starts: %s", l.state, i, l.cause);
		for (int k = 0; k < 100 && !start(t) && !*t->bed.why; k++)
			pause_ms(20); /* until labd has seen that the engine is there again */
		if (!wait_state(t, "ready failed", NULL) || !converge(t, &l))
			return bed_fail(&t->bed, "it cannot be started");
	}
	return true;
}

bool make_gone(struct torment *t)
{
	struct look l;

	if (!converge(t, &l))
		return false;
	if (!*l.state)
		return true;
	return asked(t, "stop", "{\"discard\":true}") && wait_state(t, "gone", NULL) &&
	       converge(t, &l) && is(t, &l, "gone");
}

static bool make_marked(struct torment *t)
{
	return make_ready(t) && mark(t);
}

/* --- runs --------------------------------------------------------------------------------------
 */

static const char *verdict_of(const struct json *run, const char *check)
{
	const struct json *c;

	json_for_each(c, json_get(run, "checks"))
		if (streq(json_str_or(json_get(c, "check"), ""), check))
			return json_str_or(json_get(c, "verdict"), "none");
	return "absent";
}

static bool recorded(const struct json *run)
{
	return json_bool(json_path(run, "grade.recorded"), false);
}

/* The environment's faults never cost the learner. */
static bool verdicts_fit(struct torment *t, const struct json *run)
{
	const struct lab_facts *f = facts(t);
	int64_t earned = json_int(json_path(run, "grade.earned_m"), -1);

	for (size_t i = 0; i < ARRAY_SIZE(f->passes) && f->passes[i]; i++) {
		const char *v = verdict_of(run, f->passes[i]);

		if (streq(v, "fail") ||
			(!t->engine_fails && !streq(v, "pass") && !streq(v, "absent")))
			return bed_fail(&t->bed, "the check %s: %s", f->passes[i], v);
	}
	return !recorded(run) || earned == f->earned_m ||
	       bed_fail(&t->bed, "a grade of %" PRId64 " milli-points was recorded", earned);
}

static void keep_receipt(struct torment *t, int64_t run, const char *key)
{
	_cleanup_free_ char *path = strf("/v1/runs/%" PRId64 "/receipt", run);
	_cleanup_reply_ struct reply r = bed_call(&t->bed, "GET", path, NULL, NULL);

	if (r.status == 200)
		(void)auditors_grade_told(&t->bed, key, json_str_or(json_get(r.json, "sig"), "?"));
}

static void acknowledge(struct torment *t, int64_t run, const char *key)
{
	if (t->kill_on_answer)
		labd_kill(&t->bed);
	else
		keep_receipt(t, run, key);
	t->acknowledged = xrealloc_array(t->acknowledged, t->n_acknowledged + 1, sizeof(int64_t));
	t->acknowledged[t->n_acknowledged++] = run;
	t->graded++;
}

/* Look at a run until it is over. False: labd died, or it went wrong. */
static bool follow(struct torment *t, int64_t run, const char *key)
{
	_cleanup_free_ char *path = strf("/v1/runs/%" PRId64, run);
	int64_t until = now_ms() + ACT_MS;

	while (labd_alive(&t->bed)) {
		_cleanup_reply_ struct reply r = bed_call(&t->bed, "GET", path, NULL, NULL);
		const char *state = json_str_or(json_get(r.json, "state"), "running");

		if (streq(state, "done") && recorded(r.json))
			acknowledge(t, run, key);
		if (streq(state, "done") || (!streq(state, "running") && t->engine_fails))
			return verdicts_fit(t, r.json);
		if (!streq(state, "running"))
			return bed_fail(&t->bed, "the run is %s: %s", state,
				json_str_or(json_path(r.json, "error.detail"), ""));
		if (now_ms() > until)
			return bed_fail(&t->bed, "a run goes on for %d s", ACT_MS / 1000);
		pause_ms(POLL_MS);
	}
	return false;
}

static bool judge(struct torment *t, const char *verb)
{
	_cleanup_free_ char *key = strf("torture-%u-%d", t->seed, ++t->keys);
	_cleanup_reply_ struct reply r = ask(t, verb, "{}", streq(verb, "grades") ? key : NULL);

	if (r.status >= 400)
		return bed_fail(&t->bed, "%s: status %d: %s", verb, r.status,
			json_str_or(json_get(r.json, "detail"), ""));
	return r.status == 202 && follow(t, json_int(json_get(r.json, "id"), 0), key);
}

/* --- the scenarios -----------------------------------------------------------------------------
 */

static bool act_start(struct torment *t)
{
	return start(t) && (wait_state(t, "ready failed", NULL), true);
}

static bool finish_start(struct torment *t, bool acknowledged)
{
	struct look l;

	return converge(t, &l) && is(t, &l, acknowledged ? "ready failed" : "ready failed gone") &&
	       make_ready(t) && judge(t, "checks");
}

/* A new labd takes down what a check of the old one has left up: so that this one begins from
 * nothing. */
static bool without_crew(struct torment *t)
{
	int64_t until = now_ms() + ACT_MS;
	struct look l;

	while (labd_alive(&t->bed) && now_ms() < until) {
		if (look(t, &l) && l.whole && audit_absent(&t->bed, "container", "judge"))
			return true;
		pause_ms(POLL_MS);
	}
	return false;
}

static bool act_check(struct torment *t)
{
	return (t->engine_fails || without_crew(t)) && judge(t, "checks");
}

static bool act_grade(struct torment *t)
{
	return (t->engine_fails || without_crew(t)) && judge(t, "grades");
}

static bool finish_judged(struct torment *t, bool acknowledged)
{
	struct look l;

	return converge(t, &l) && is(t, &l, t->engine_fails ? "ready failed" : "ready") &&
	       make_ready(t) && marked(t, true) && judge(t, "checks");
}

/* What was broken in the middle of a grade does not stay broken. */
static bool finish_graded(struct torment *t, bool acknowledged)
{
	int before = t->graded;

	return finish_judged(t, acknowledged) && judge(t, "grades") &&
	       (t->graded > before ||
		       bed_fail(&t->bed,
			       "nothing is wrong any more, and the next grade is not recorded"));
}

static bool prepare_reset(struct torment *t)
{
	struct look l;

	if (!make_marked(t) || !look(t, &l))
		return false;
	t->generation = l.generation;
	return true;
}

static bool act_reset(struct torment *t)
{
	return asked(t, "reset", "{}") && (wait_state(t, "ready failed", NULL), true);
}

static bool finish_reset(struct torment *t, bool acknowledged)
{
	struct look l;

	if (!converge(t, &l) || !is(t, &l, "ready failed"))
		return false;
	if (acknowledged && l.generation != t->generation + 1)
		return bed_fail(&t->bed, "the reset was acknowledged, and is forgotten");
	return make_ready(t) && marked(t, l.generation == t->generation);
}

static bool act_reset_service(struct torment *t)
{
	_cleanup_free_ char *body = strf("{\"service\":\"%s\"}", facts(t)->service);

	return asked(t, "reset", body) && (wait_state(t, "ready failed", NULL), true);
}

static bool finish_reset_service(struct torment *t, bool acknowledged)
{
	return make_ready(t) && (!acknowledged || marked(t, false));
}

static bool act_stop(struct torment *t)
{
	struct look l;

	if (!asked(t, "stop", "{}"))
		return false;
	for (int64_t until = now_ms() + ACT_MS; labd_alive(&t->bed) && now_ms() < until;
		pause_ms(POLL_MS)) {
		if (look(t, &l) && objects_fit(t, &l))
			break;
		*t->bed.why = '\0';
	}
	return true;
}

static bool finish_stop(struct torment *t, bool acknowledged)
{
	struct look l;

	return converge(t, &l) && is(t, &l, acknowledged ? "stopped" : "stopped ready failed") &&
	       make_ready(t) && marked(t, true);
}

static bool act_discard(struct torment *t)
{
	return asked(t, "stop", "{\"discard\":true}") && (wait_state(t, "gone", NULL), true);
}

static bool finish_discard(struct torment *t, bool acknowledged)
{
	struct look l;

	return converge(t, &l) && is(t, &l, acknowledged ? "gone" : "gone ready failed");
}

static bool act_pause(struct torment *t)
{
	return asked(t, "pause", "{}") && asked(t, "resume", "{}") &&
	       (wait_state(t, "ready failed", NULL), true);
}

static bool finish_pause(struct torment *t, bool acknowledged)
{
	struct look l;

	if (!wait_state(t, "ready paused failed", &l) ||
		(streq(l.state, "paused") && !asked(t, "resume", "{}")))
		return false;
	return finish_judged(t, acknowledged);
}

/* Somebody who changes his mind: discarded while it starts. */
static bool act_abandon(struct torment *t)
{
	return start(t) && act_discard(t);
}

/* Stopped in the middle of a grade: it is aborted, and not charged. */
static bool act_halt(struct torment *t)
{
	_cleanup_free_ char *key = strf("torture-%u-%d", t->seed, ++t->keys);
	_cleanup_reply_ struct reply r = ask(t, "grades", "{}", key);

	return r.status == 202 && act_stop(t);
}

const struct scenario scenarios[] = {
	{"start", make_gone, act_start, finish_start},
	{"check", make_marked, act_check, finish_judged},
	{"grade", make_marked, act_grade, finish_graded},
	{"reset", prepare_reset, act_reset, finish_reset},
	{"reset-service", make_marked, act_reset_service, finish_reset_service},
	{"pause", make_marked, act_pause, finish_pause},
	{"stop", make_marked, act_stop, finish_stop},
	{"discard", make_marked, act_discard, finish_discard},
	{"abandon", make_gone, act_abandon, finish_discard},
	{"halt", make_marked, act_halt, finish_stop},
};
const size_t n_scenarios = ARRAY_SIZE(scenarios);
