/* view_session.c - a session as JSON: what 'lab status' shows. */
#include "api/view_parts.h"

#include "base/str.h"

#define HINTS_MAX 32

/* --- limits --- */

static int64_t rule_ms(const struct lab *l, const char *rule)
{
	const struct {
		const char *rule;
		int64_t ms;
	} rules[] = {
		{"expires", l->expires_ms},
		{"idle.pause_after", l->pause_after_ms},
		{"idle.stop_after", l->stop_after_ms},
		{"keep", l->keep_ms},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (streq(rules[i].rule, rule))
			return rules[i].ms;
	return 0;
}

/* As an author writes it: 10m, not 10m00s. */
static char *duration(int64_t ms)
{
	if (ms % 3600000 == 0)
		return strf("%dh", (int)(ms / 3600000));
	return ms % 60000 == 0 ? strf("%dm", (int)(ms / 60000)) : xstrdup(str_human_ms(ms));
}

static void next_member(struct json_writer *w, const struct session_info *info)
{
	_cleanup_free_ char *rule = NULL, *long_as = NULL;

	if (!info->next_ms) {
		json_put_null(w, "next");
		return;
	}
	long_as = duration(rule_ms(info->lab, info->next_rule));
	rule = strf("%s %s", info->next_rule, long_as);
	json_object(w, "next");
	view_moment(w, "at", info->next_ms);
	json_put_str(w, "rule", rule);
	json_put_str(w, "action", info->next_action);
	json_end(w);
}

static bool up(const struct session_info *info)
{
	return info->state == STATE_READY || info->state == STATE_PAUSED ||
	       info->state == STATE_GRADING;
}

static void limits_member(struct json_writer *w, const struct session_info *info, int64_t now)
{
	bool kept = info->state == STATE_STOPPED || info->state == STATE_FAILED;

	json_object(w, "limits");
	view_moment(w, "expires_at", up(info) ? info->expires_ms : 0);
	if (up(info))
		json_put_int(w, "left_ms", MAX(info->expires_ms - now, (int64_t)0));
	else
		json_put_null(w, "left_ms");
	json_put_int(w, "extensions_left", MAX(info->lab->extend_max - info->extended, (int64_t)0));
	json_put_int(w, "extend_by_ms", info->lab->extend_by_ms);
	view_moment(w, "keep_until_at", kept ? info->keep_until_ms : 0);
	json_object(w, "last_activity");
	view_moment(w, "at", info->activity_ms);
	json_put_str(w, "source", info->activity);
	json_end(w);
	next_member(w, info);
	json_end(w);
}

/* --- services --- */

static void startup_member(struct json_writer *w, const struct session_info *info, int64_t now_boot)
{
	bool starting = info->state == STATE_STARTING || info->state == STATE_RESETTING;

	json_object(w, "startup");
	if (starting)
		json_put_int(w, "elapsed_ms", now_boot - info->startup_started_ms);
	else
		json_put_null(w, "elapsed_ms");
	if (info->startup_took_ms)
		json_put_int(w, "took_ms", info->startup_took_ms);
	else
		json_put_null(w, "took_ms");
	json_put_int(w, "timeout_ms", info->lab->startup_ms);
	json_end(w);
}

static void services_member(struct json_writer *w, struct session *s, const struct lab *l)
{
	json_array(w, "services");
	for (size_t i = 0; i < l->n_services; i++) {
		const char *note;
		enum service_state st = session_service(s, (int)i, &note);
		bool hidden = l->services[i].role == ROLE_HIDDEN;

		json_object(w, NULL);
		json_put_str(w, "name", l->services[i].name);
		json_put_str(w, "role", lab_role_name(l->services[i].role));
		json_put_str(w, "state", service_state_name(st));
		json_put_bool(w, "on_demand", l->services[i].when != WHEN_SESSION);
		view_text(w, "note", hidden && st != SERVICE_FAILED ? NULL : note);
		json_end(w);
	}
	json_end(w);
}

/* --- tasks --- */

struct task_sum {
	enum verdict last;
	int64_t earned_m;
};

/* Which of two verdicts a task shows: what tells most about why it is not passed. */
static int weight(enum verdict v)
{
	static const int weights[] = {
		[VERDICT_NONE] = 0,
		[VERDICT_PASS] = 1,
		[VERDICT_SKIPPED] = 2,
		[VERDICT_FAIL] = 3,
		[VERDICT_TIMEOUT] = 4,
		[VERDICT_ERROR] = 5,
	};

	return weights[v];
}

static void verdict_member(struct json_writer *w, const char *key, enum verdict v)
{
	json_put_str(w, key, v == VERDICT_NONE ? NULL : verdict_name(v));
}

static void check_object(struct json_writer *w, struct session *s, struct grader *g,
	const struct lab *l, const struct lab_check *c, struct task_sum *sum)
{
	struct check_result last = {0};
	bool known = grader_last(g, s, c, &last);

	json_object(w, NULL);
	view_check_members(w, l, c);
	verdict_member(w, "verdict", known ? last.verdict : VERDICT_NONE);
	view_moment(w, "at", known ? last.at_ms : 0);
	view_text(w, "message", known ? last.text : NULL);
	json_end(w);
	if (!known)
		return;
	sum->earned_m += last.earned_m;
	if (c->severity != SEVERITY_INFO && weight(last.verdict) > weight(sum->last))
		sum->last = last.verdict;
}

static void task_object(struct json_writer *w, struct session *s, struct grader *g,
	const struct lab *l, int task, int64_t totals[2])
{
	const struct lab_task *t = &l->tasks[task];
	struct hint_info hints[HINTS_MAX];
	size_t n = hint_list(g, s, task, hints, HINTS_MAX), bought = 0;
	struct task_sum sum = {0};
	int64_t attain_m = hint_attain_m(g, s, task);

	for (size_t i = 0; i < n; i++)
		bought += hints[i].bought;
	json_object(w, NULL);
	json_put_str(w, "id", t->id);
	json_put_str(w, "title", t->title);
	json_put_bool(w, "required", t->required);
	json_put_bool(w, "distinction", t->distinction);
	json_array(w, "checks");
	for (size_t i = 0; i < t->n_checks; i++)
		check_object(w, s, g, l, &t->checks[i], &sum);
	json_end(w);
	verdict_member(w, "last", sum.last);
	json_put_int(w, "max_m", t->points_m);
	json_put_int(w, "attainable_m", attain_m);
	json_put_int(w, "earned_m", MIN(sum.earned_m, attain_m));
	json_put_int(w, "hints_bought", (int64_t)bought);
	json_put_int(w, "hints", (int64_t)t->n_hints);
	json_end(w);
	if (!t->distinction) {
		totals[0] += MIN(sum.earned_m, attain_m);
		totals[1] += attain_m;
	}
}

static void tasks_members(
	struct json_writer *w, struct session *s, struct grader *g, const struct lab *l)
{
	int64_t totals[2] = {0, 0};

	json_array(w, "tasks");
	for (size_t i = 0; i < l->n_tasks; i++)
		task_object(w, s, g, l, (int)i, totals);
	json_end(w);
	json_object(w, "points");
	json_put_int(w, "earned_m", totals[0]);
	json_put_int(w, "attainable_m", totals[1]);
	json_put_int(w, "max_m", lab_points_m(l));
	json_end(w);
}

/* --- the whole --- */

static void unreachable_member(struct json_writer *w, struct sessions *m)
{
	int64_t since = 0;
	const struct err *e = sessions_engine_error(m, &since);

	if (e->code == 0) {
		json_put_null(w, "unreachable");
		return;
	}
	json_object(w, "unreachable");
	json_put_int(w, "for_ms", loop_now_ms(sessions_loop(m)) - since);
	json_put_str(w, "error", e->text);
	json_end(w);
}

static void head_members(struct json_writer *w, const struct session_info *info)
{
	char commitment[65];

	draw_commitment(info->seed, commitment);
	json_put_str(w, "name", info->name);
	json_put_str(w, "lab", info->lab->slug);
	json_put_str(w, "repo", info->repository);
	json_put_str(w, "commit", info->commit);
	json_put_str(w, "title", info->lab->title);
	json_put_str(w, "lab_version", info->lab->version ? info->lab->version : "");
	json_put_str(w, "lab_digest", info->lab->digest);
	json_put_str(w, "variant", lab_variant_id(info->lab));
	json_put_str(w, "state", session_state_name(info->state));
	view_text(w, "cause", info->cause);
	json_put_bool(w, "tainted", info->tainted);
	if (info->queue_place)
		json_put_int(w, "queue_place", (int64_t)info->queue_place);
	else
		json_put_null(w, "queue_place");
	json_put_int(w, "generation", info->gen);
	json_put_str(w, "seed_commitment", commitment);
	view_moment(w, "created_at", info->created_ms);
	view_moment(w, "ready_at", info->ready_ms);
}

static void run_member(struct json_writer *w, struct grader *g, const struct session_info *info)
{
	struct run *r = grader_running(g, info->id);
	struct run_info run;

	if (!r) {
		json_put_null(w, "run");
		return;
	}
	run_info(r, &run);
	json_put_int(w, "run", run.id);
}

void view_session(struct json_writer *w, const char *key, struct session *s, struct grader *g,
	int64_t change)
{
	struct sessions *m = session_manager(s);
	struct session_info info;

	session_info(s, &info);
	json_object(w, key);
	json_put_str(w, "schema", "labyard/session/v1");
	if (change)
		json_put_int(w, "change", change);
	head_members(w, &info);
	unreachable_member(w, m);
	startup_member(w, &info, loop_now_ms(sessions_loop(m)));
	json_put_int(w, "services_ready", (int64_t)info.ready);
	json_put_int(w, "services_wanted", (int64_t)info.wanted);
	services_member(w, s, info.lab);
	limits_member(w, &info, loop_wall_ms(sessions_loop(m)));
	view_ports(w, "ports", info.lab);
	view_entry(w, "entry", info.lab);
	run_member(w, g, &info);
	tasks_members(w, s, g, info.lab);
	json_end(w);
}
