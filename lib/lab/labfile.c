/*
 * labfile.c - the tables of lab.yaml.
 *
 * A key is here because a bundled lab uses it; everything else is an unknown key.
 */
#include "lab/reader.h"
#include "base/str.h"

enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
#define DAY_MS (24 * (int64_t)HOUR_MS)
#define MIB    (1024 * (int64_t)1024)
#define GIB    (1024 * MIB)

static const struct dialect lab_dialect = {
	.file = "lab.yaml",
	.unknown = "D003",
	.type = "D003",
	.limit = "D005",
	.length = "D002",
	.absent = "D004",
};
static const struct dialect task_dialect = {
	.file = "lab.yaml",
	.unknown = "G001",
	.type = "G001",
	.limit = "G001",
	.length = "D002",
	.absent = "D004",
};

#define OBJECT(what_, dialect_, fields_, ...)                                                      \
	{                                                                                          \
		.what = what_, .dialect = &dialect_, .fields = fields_,                            \
		.n_fields = ARRAY_SIZE(fields_), __VA_ARGS__                                       \
	}

/* --- what references can name --- */

static const char *task_at(const struct lab *l, const void *parent, size_t i)
{
	return i < l->n_tasks ? l->tasks[i].id : NULL;
}

static const char *phase_at(const struct lab *l, const void *parent, size_t i)
{
	return i < l->n_phases ? l->phases[i].id : NULL;
}

static const char *hint_at(const struct lab *l, const void *parent, size_t i)
{
	const struct lab_task *t = parent;

	return i < t->n_hints ? t->hints[i].id : NULL;
}

static const struct ref ref_task = {"task", task_at}, ref_phase = {"phase", phase_at},
			ref_hint = {"hint", hint_at};

/* --- session --- */

static const struct field extend_fields[] = {
	{"by", FIELD_DURATION, AT(struct lab, extend_by_ms), .min = MINUTE_MS, .max = DAY_MS},
	{"max", FIELD_INT, AT(struct lab, extend_max), .max = 20},
};
static const struct object extend = OBJECT("'extend'", lab_dialect, extend_fields);

static const struct field idle_fields[] = {
	{"pause_after", FIELD_DURATION, AT(struct lab, pause_after_ms), .max = DAY_MS},
	{"stop_after", FIELD_DURATION, AT(struct lab, stop_after_ms), .max = DAY_MS},
};
static const struct object idle = OBJECT("'idle'", lab_dialect, idle_fields);

static const struct field session_fields[] = {
	{"cpu", FIELD_DECIMAL, true, AT(struct lab, cpu_milli), .places = 3, .min = 100,
		.max = 16000},
	{"memory", FIELD_SIZE, true, AT(struct lab, memory), .min = 64 * MIB, .max = 64 * GIB},
	{"disk", FIELD_SIZE, AT(struct lab, disk), .min = 64 * MIB, .max = 256 * GIB},
	{"expires", FIELD_DURATION, AT(struct lab, expires_ms), .min = 5 * MINUTE_MS,
		.max = DAY_MS},
	{"extend", FIELD_MAP, .object = &extend},
	{"idle", FIELD_MAP, .object = &idle},
	{"startup_timeout", FIELD_DURATION, AT(struct lab, startup_ms), .min = 5000,
		.max = 30 * MINUTE_MS},
	{"keep", FIELD_DURATION, AT(struct lab, keep_ms), .max = 90 * DAY_MS},
	{"internet", FIELD_BOOL, AT(struct lab, internet)},
};

static void session_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	const struct lab *l = value;

	if (l->extend_by_ms > l->expires_ms)
		report_key(r, l, "session.extend.by", "D005",
			"'by' must not be longer than 'expires'");
	if (l->pause_after_ms &&
		(l->pause_after_ms < MINUTE_MS || l->pause_after_ms > l->expires_ms))
		report_key(r, l, "session.idle.pause_after", "D005",
			"'pause_after' must be 0s or between 1m and 'expires'");
	if (l->stop_after_ms && l->stop_after_ms < l->pause_after_ms)
		report_key(r, l, "session.idle.stop_after", "D005",
			"'stop_after' must be 0s or at least 'pause_after'");
}

static const struct object session =
	OBJECT("'session'", lab_dialect, session_fields, .finish = session_finish);

/* --- entry --- */

static const struct field port_fields[] = {
	{"name", FIELD_TEXT, true, AT(struct lab_port, name), .form = &form_id},
	{"service", FIELD_REF, true, AT(struct lab_port, service), .ref = &ref_service},
	{"port", FIELD_INT, true, AT(struct lab_port, port), .min = 1, .max = 65535},
	{"path", FIELD_TEXT, AT(struct lab_port, path), .form = &form_url_path, .length = 200},
	{"variant", FIELD_CUSTOM, .read = variants_were_read},
};
static const struct object port =
	OBJECT("a port", lab_dialect, port_fields, .size = sizeof(struct lab_port),
		.defaults = &(const struct lab_port){.service = -1}, .twice = "D007",
		.belongs = "variant");

static const struct field entry_fields[] = {
	{"service", FIELD_REF, true, AT(struct lab, entry), .ref = &ref_service},
	{"shell", FIELD_ARGV, AT(struct lab, shell)},
	{"dir", FIELD_TEXT, AT(struct lab, shell_dir), .form = &form_cpath},
	{"ports", FIELD_LIST, AT(struct lab, ports), COUNT(struct lab, n_ports), .max = 12,
		.object = &port},
};
static const struct object entry = OBJECT("'entry'", lab_dialect, entry_fields);

/* --- params and secrets --- */

static const char *const at_words[] = {"session", "grade", NULL};

static void read_range(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_param *p = value;
	const int64_t most = (int64_t)1 << 53;

	if (yaml_type(node) != YAML_SEQ || yaml_len(node) != 2 ||
		!yaml_is_int(yaml_at(node, 0), &p->min) || !yaml_is_int(yaml_at(node, 1), &p->max))
		report_node(r, o, "D003", node, "'int' must be two whole numbers such as [18, 24]");
	else if (p->min > p->max || p->min < -most || p->max > most)
		report_node(r, o, "D005", node, "'int' must be [least, most], both within 2^53");
}

static const struct field param_fields[] = {
	{"int", FIELD_CUSTOM, .read = read_range},
	{"pick", FIELD_TEXTS, AT(struct lab_param, pick), .min = 2, .max = 64, .length = 64},
	{"token", FIELD_INT, AT(struct lab_param, length), .min = 8, .max = 64},
	{"at", FIELD_WORD, AT(struct lab_param, at_grade), .words = at_words},
};

static void param_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_param *p = value;
	bool pick = yaml_get(node, "pick"), token = yaml_get(node, "token");

	p->kind = pick ? PARAM_PICK : token ? PARAM_TOKEN : PARAM_INT;
	if (pick + token + (yaml_get(node, "int") != NULL) != 1)
		report_key(r, p, NULL, "D003",
			"a parameter needs exactly one of 'int', 'pick' and 'token'");
}

static const struct object param = OBJECT("a parameter", lab_dialect, param_fields,
	.size = sizeof(struct lab_param), .named = &form_variable, .finish = param_finish);

static const struct field secret_fields[] = {
	{"for", FIELD_REFS, true, AT(struct lab_secret, services),
		COUNT(struct lab_secret, n_services), .min = 1, .max = 24, .ref = &ref_service},
	{"scope", FIELD_WORD, AT(struct lab_secret, at_grade), .words = at_words},
	{"learner", FIELD_BOOL, AT(struct lab_secret, learner)},
};
static const struct object secret = OBJECT("a secret", lab_dialect, secret_fields,
	.size = sizeof(struct lab_secret), .named = &form_variable);

/* --- checks --- */

static const char *const type_words[] = {"program", "container", NULL};
static const char *const vantage_words[] = {
	"inside", "replay", "neighbour", "frozen", "outside", NULL};
static const char *const severity_words[] = {"normal", "required", "info", NULL};
static const char *const started_words[] = {"before_fence", NULL};

static const struct field with_fields[] = {
	{"started", FIELD_TEXT, .at = NOWHERE, .words = started_words},
};

static const struct object with = OBJECT("'with'", task_dialect, with_fields);

static struct lab_need find_need(const struct lab *l, const char *name)
{
	for (size_t t = 0; t < l->n_tasks; t++) {
		const struct lab_task *task = &l->tasks[t];

		if (str_same(task->id, name))
			return (struct lab_need){(int)t, -1};
		for (size_t c = 0; c < task->n_checks; c++)
			if (str_same(task->checks[c].name, name))
				return (struct lab_need){(int)t, (int)c};
	}
	return (struct lab_need){-1, -1};
}

static const char *nearest_need(const struct lab *l, const char *name)
{
	_cleanup_(strv_freep) char **names = strv_new();

	for (size_t t = 0; t < l->n_tasks; t++) {
		if (l->tasks[t].id)
			strv_add(&names, l->tasks[t].id);
		for (size_t c = 0; c < l->tasks[t].n_checks; c++)
			if (l->tasks[t].checks[c].name)
				strv_add(&names, l->tasks[t].checks[c].name);
	}
	const char *near = str_nearest(name, (const char *const *)names, strv_len(names));
	struct lab_need n = near ? find_need(l, near) : (struct lab_need){-1, -1};
	return n.task < 0    ? NULL
	       : n.check < 0 ? l->tasks[n.task].id
			     : l->tasks[n.task].checks[n.check].name;
}

static void read_needs(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_check *c = value;

	if (yaml_type(node) != YAML_SEQ || yaml_len(node) > 20) {
		report_node(r, o, "G001", node,
			"'needs' must be a list of at most 20 tasks and checks (task/check)");
		return;
	}
	c->needs = xcalloc(yaml_len(node) + 1, sizeof(*c->needs));
	for (size_t i = 0; i < yaml_len(node); i++) {
		const char *name = yaml_str(yaml_at(node, i));
		struct lab_need need = name ? find_need(r->lab, name) : (struct lab_need){-1, -1};
		const char *near = name && need.task < 0 ? nearest_need(r->lab, name) : NULL;

		if (need.task < 0)
			report_node(r, o, "G007", yaml_at(node, i),
				"%s '%.60s' is not defined%s%s%s",
				name && strchr(name, '/') ? "check" : "task", name ? name : "",
				near ? " (did you mean '" : "", near ? near : "",
				near ? "'?)" : "");
		c->needs[c->n_needs++] = need;
	}
}

enum { PASSED_FILES_MAX = 8 };

static const struct field step_fields[] = {
	{"by", FIELD_REF, true, AT(struct lab_step, by), .ref = &ref_service, .code = "G005"},
	{"run", FIELD_ARGV, true, AT(struct lab_step, run), .code = "G006"},
	{"takes", FIELD_TEXTS, AT(struct lab_step, takes), .max = PASSED_FILES_MAX,
		.form = &form_passed, .code = "G033"},
	{"gives", FIELD_TEXTS, AT(struct lab_step, gives), .max = PASSED_FILES_MAX,
		.form = &form_passed, .code = "G033"},
	{"may_fail", FIELD_BOOL, AT(struct lab_step, may_fail)},
};
static const struct object step = OBJECT("a step", task_dialect, step_fields,
	.size = sizeof(struct lab_step), .defaults = &(const struct lab_step){.by = -1},
	.shape = "a map such as {by: judge, run: [look.sh]}");

static const struct field check_fields[] = {
	{"id", FIELD_TEXT, true, AT(struct lab_check, id), .form = &form_task_id},
	{"type", FIELD_WORD, AT(struct lab_check, type), .words = type_words, .code = "G003"},
	{"vantage", FIELD_WORD, AT(struct lab_check, vantage), .words = vantage_words,
		.code = "G004"},
	{"in", FIELD_REF, AT(struct lab_check, in), .ref = &ref_service, .code = "G005"},
	{"by", FIELD_REF, AT(struct lab_check, by), .ref = &ref_service, .code = "G005"},
	{"run", FIELD_ARGV, AT(struct lab_check, run)},
	{"steps", FIELD_LIST, AT(struct lab_check, steps), COUNT(struct lab_check, n_steps),
		.min = 2, .max = 6, .object = &step, .code = "G033"},
	{"with", FIELD_MAP, .object = &with},
	{"phase", FIELD_REF, AT(struct lab_check, phase), .ref = &ref_phase, .code = "G001"},
	{"severity", FIELD_WORD, AT(struct lab_check, severity), .words = severity_words},
	{"weight", FIELD_INT, AT(struct lab_check, weight), .max = 1000},
	{"needs", FIELD_LATE, .read = read_needs},
	{"eventually", FIELD_DURATION, AT(struct lab_check, eventually_ms), .min = 1000,
		.max = 600 * 1000, .code = "G011"},
	{"always_for", FIELD_DURATION, AT(struct lab_check, always_for_ms), .min = 1000,
		.max = 600 * 1000, .code = "G011"},
	{"timeout", FIELD_DURATION, AT(struct lab_check, timeout_ms), .min = 1000,
		.max = 600 * 1000, .code = "G011"},
	{"fail", FIELD_TEXT, true, AT(struct lab_check, fail), .length = 400, .code = "G010"},
	{"flake", FIELD_DECIMAL, AT(struct lab_check, flake_ppm), .places = 6, .max = 1000000,
		.code = "D005"},
	{"variant", FIELD_CUSTOM, .read = variants_were_read},
};

static void check_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	static const char *const windows[] = {"eventually", "always_for"};
	struct lab_check *c = value;
	bool program = c->type == CHECK_PROGRAM;
	bool run = yaml_get(node, "run"), steps = yaml_get(node, "steps");

	if (!program && !yaml_get(node, "vantage"))
		c->vantage = VANTAGE_OUTSIDE;
	if (program == (c->vantage == VANTAGE_OUTSIDE))
		report_key(r, c, "vantage", "G004", "the vantage '%s' does not fit the type '%s'",
			vantage_words[c->vantage], type_words[c->type]);
	if (steps && c->vantage != VANTAGE_REPLAY)
		report_key(r, c, "steps", "G033", "'steps' belong to the vantage 'replay'");
	if (steps && yaml_get(node, "by"))
		report_key(r, c, "by", "G033", "each of the 'steps' says its own 'by'");
	if (program != (steps || run) || (steps && run))
		report_key(r, c, run ? "run" : NULL, "G006",
			!program ? "a check of type 'container' has no 'run'"
			: run    ? "a check has 'run' or 'steps', not both"
				 : "a check of type 'program' needs 'run'");
	if (program && yaml_get(node, "with"))
		report_key(r, c, "with", "G001", "'with' belongs to the type 'container'");
	for (size_t i = 0; i < ARRAY_SIZE(windows); i++)
		if (c->vantage <= VANTAGE_REPLAY && yaml_get(node, windows[i]))
			report_key(r, c, windows[i], "G012",
				"'%s' does not go with the vantage '%s'", windows[i],
				vantage_words[c->vantage]);
	if (c->eventually_ms && c->always_for_ms)
		report_key(r, c, "always_for", "G012",
			"a check has 'eventually' or 'always_for', not both");
	if (c->vantage == VANTAGE_INSIDE && c->timeout_ms > 120 * 1000)
		report_key(r, c, "timeout", "G011",
			"a check with the vantage 'inside' may take at most 120s");
}

static const struct object check =
	OBJECT("a check", task_dialect, check_fields, .size = sizeof(struct lab_check),
		.defaults =
			&(const struct lab_check){
				.in = -1, .by = -1, .phase = -1, .weight = 1, .timeout_ms = 10000},
		.twice = "G002", .belongs = "variant", .finish = check_finish);

/* --- tasks --- */

static const struct field hint_fields[] = {
	{"id", FIELD_TEXT, true, AT(struct lab_hint, id), .form = &form_task_id},
	{"cost", FIELD_DECIMAL, .at = NOWHERE, .places = 2, .max = 10000, .code = "G017"},
	{"points", FIELD_DECIMAL, AT(struct lab_hint, cost_m), .places = 3, .max = 10000000,
		.code = "G017"},
	{"requires", FIELD_REFS, AT(struct lab_hint, requires), COUNT(struct lab_hint, n_requires),
		.max = 10, .ref = &ref_hint, .code = "G017"},
	{"text", FIELD_TEXT, true, .lines = true, AT(struct lab_hint, text), .code = "G017"},
};

static void hint_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	if (yaml_get(node, "cost") && yaml_get(node, "points"))
		report_key(r, value, "cost", "G017", "a hint has either 'cost' or 'points'");
}

static const struct object hint = OBJECT("a hint", task_dialect, hint_fields,
	.size = sizeof(struct lab_hint), .twice = "G002", .finish = hint_finish);

static const struct field task_fields[] = {
	{"id", FIELD_TEXT, true, AT(struct lab_task, id), .form = &form_task_id},
	{"title", FIELD_TEXT, true, AT(struct lab_task, title), .length = 80},
	{"points", FIELD_DECIMAL, AT(struct lab_task, points_m), .places = 3, .min = 1,
		.max = 10000000, .code = "G009"},
	{"required", FIELD_BOOL, AT(struct lab_task, required)},
	{"distinction", FIELD_BOOL, AT(struct lab_task, distinction)},
	{"pass_at", FIELD_DECIMAL, AT(struct lab_task, pass_at_bp), .places = 2, .min = 1,
		.max = 10000},
	{"needs", FIELD_REFS, AT(struct lab_task, needs), COUNT(struct lab_task, n_needs),
		.max = 20, .ref = &ref_task, .code = "G007"},
	{"affected_by", FIELD_REFS, AT(struct lab_task, affected_by),
		COUNT(struct lab_task, n_affected_by), .max = 20, .ref = &ref_task, .code = "G007"},
	{"checks", FIELD_LIST, true, AT(struct lab_task, checks), COUNT(struct lab_task, n_checks),
		.min = 1, .max = 40, .object = &check},
	{"hints", FIELD_LIST, AT(struct lab_task, hints), COUNT(struct lab_task, n_hints),
		.max = 10, .object = &hint},
};

static void task_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_task *t = value;

	if (t->required && t->distinction)
		report_key(r, t, "distinction", "D012", "a distinction cannot be required");
	if (t->distinction && !yaml_get(node, "points"))
		report_key(r, t, NULL, "G009", "a distinction must say its 'points'");
	for (size_t i = 0; i < t->n_checks && t->id; i++) {
		struct lab_check *c = &t->checks[i];

		if (c->id)
			c->name = strf("%s/%s", t->id, c->id);
	}
}

static const struct object task = OBJECT("a task", task_dialect, task_fields,
	.size = sizeof(struct lab_task), .defaults = &(const struct lab_task){.pass_at_bp = 10000},
	.twice = "G002", .finish = task_finish);

/* --- grading --- */

static const char *const mode_words[] = {"practice", "exam", NULL};

static const struct field action_fields[] = {
	{"recreate", FIELD_REFS, true, AT(struct lab_phase, recreate),
		COUNT(struct lab_phase, n_recreate), .min = 1, .max = 24, .ref = &ref_service},
};
static const struct object action = OBJECT("an action", task_dialect, action_fields);

/* `do` is a list, so that other actions can come; there is one kind, so one entry is enough. */
static void read_do(struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	if (yaml_type(node) != YAML_SEQ || yaml_len(node) != 1)
		report_node(r, o, "G001", node,
			"'do' must be a list of one action such as [{recreate: [service]}]");
	else
		object_read(r, &action, yaml_at(node, 0), yaml_pos(yaml_at(node, 0)), value, NULL);
}

static const struct field phase_fields[] = {
	{"id", FIELD_TEXT, true, AT(struct lab_phase, id), .form = &form_task_id},
	{"title", FIELD_TEXT, true, AT(struct lab_phase, title), .length = 60},
	{"do", FIELD_CUSTOM, .read = read_do},
	{"run", FIELD_ARGV, AT(struct lab_phase, run)},
	{"least", FIELD_DURATION, AT(struct lab_phase, least_ms), .max = 15 * MINUTE_MS,
		.code = "G011"},
	{"most", FIELD_DURATION, true, AT(struct lab_phase, most_ms), .min = 1000,
		.max = 15 * MINUTE_MS, .code = "G011"},
	{"needs", FIELD_REFS, AT(struct lab_phase, needs), COUNT(struct lab_phase, n_needs),
		.max = 16, .ref = &ref_phase, .code = "D008"},
	{"fence", FIELD_BOOL, AT(struct lab_phase, fence)},
	{"capture", FIELD_BOOL, AT(struct lab_phase, capture)},
	{"option", FIELD_TEXT, AT(struct lab_phase, option), .form = &form_task_id},
};

static void phase_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab_phase *p = value;

	if (p->least_ms > p->most_ms)
		report_key(r, p, "least", "G011", "'least' must not be longer than 'most'");
	if (str_same(p->id, "main"))
		report_key(r, p, "id", "G002",
			"'main' is the time before all phases; choose another id");
}

static const struct object phase = OBJECT("a phase", task_dialect, phase_fields,
	.size = sizeof(struct lab_phase), .twice = "G002", .finish = phase_finish);

static const struct field capture_service = {
	"capture", FIELD_REF, .ref = &ref_service, .code = "G005"};
static const struct field capture_paths = {"capture", FIELD_TEXTS, AT(struct lab_capture, paths),
	.min = 1, .max = 16, .form = &form_cpath, .code = "G016"};

static void read_capture(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab *l = value;

	if (yaml_type(node) != YAML_MAP) {
		report_node(r, o, "G001", node,
			"'capture' must be a map from services to lists of paths");
		return;
	}
	l->captures = xcalloc(yaml_len(node) + 1, sizeof(*l->captures));
	for (size_t i = 0; i < yaml_len(node); i++) {
		struct lab_capture *c = &l->captures[l->n_captures++];

		c->service = ref_find(
			r, o, &capture_service, NULL, yaml_key(node, i), yaml_key_pos(node, i));
		texts_read(r, o, &capture_paths, yaml_at(node, i), c);
	}
}

static const struct field grading_fields[] = {
	{"mode", FIELD_WORD, AT(struct lab, exam), .words = mode_words},
	{"pass_mark", FIELD_DECIMAL, AT(struct lab, pass_mark_bp), .places = 2, .min = 100,
		.max = 10000, .code = "G011"},
	{"budget", FIELD_DURATION, AT(struct lab, budget_ms), .min = 1000, .max = 30 * MINUTE_MS,
		.code = "G011"},
	{"by", FIELD_REF, AT(struct lab, grading_by), .ref = &ref_service, .code = "G005"},
	{"capture", FIELD_LATE, .read = read_capture},
	{"phases", FIELD_LIST, AT(struct lab, phases), COUNT(struct lab, n_phases), .max = 16,
		.object = &phase},
};
static const struct object grading = OBJECT("'grading'", task_dialect, grading_fields);

/* --- test --- */

static const struct field test_fields[] = {
	{"seeds", FIELD_INT, AT(struct lab, test_seeds), .min = 1, .max = 20},
	{"settle", FIELD_DURATION, AT(struct lab, test_settle_ms), .max = 15 * MINUTE_MS},
	{"budget", FIELD_DURATION, AT(struct lab, test_budget_ms), .min = MINUTE_MS,
		.max = 12 * HOUR_MS},
};
static const struct object test = OBJECT("'test'", lab_dialect, test_fields);

/* --- the whole file --- */

static const char *const level_words[] = {
	"foundation", "professional", "advanced", "expert", "specialised", NULL};
static const char *const engine_words[] = {"docker", "kubernetes", NULL};

static const struct field covers_fields[] = {
	{"projects", FIELD_TEXTS, .at = NOWHERE, .max = 20, .form = &form_curriculum},
	{"skills", FIELD_TEXTS, .at = NOWHERE, .max = 20, .form = &form_curriculum},
	{"mistakes", FIELD_TEXTS, .at = NOWHERE, .max = 20, .form = &form_curriculum},
};
static const struct object covers = OBJECT("'covers'", lab_dialect, covers_fields);

static const struct field lab_fields[] = {
	{"format", FIELD_INT, true, .at = NOWHERE, .min = 1, .max = 1},
	{"slug", FIELD_TEXT, true, AT(struct lab, slug), .form = &form_slug},
	{"title", FIELD_TEXT, true, AT(struct lab, title), .length = 80},
	{"summary", FIELD_TEXT, true, AT(struct lab, summary), .length = 200},
	{"version", FIELD_TEXT, true, AT(struct lab, version), .length = 20, .form = &form_version},
	{"level", FIELD_TEXT, true, AT(struct lab, level), .words = level_words},
	{"paths", FIELD_TEXTS, true, AT(struct lab, paths), .min = 1, .max = 7, .form = &form_id},
	{"tracks", FIELD_TEXTS, AT(struct lab, tracks), .max = 6, .form = &form_id},
	{"minutes", FIELD_INT, true, AT(struct lab, minutes), .min = 5, .max = 480},
	{"requires", FIELD_TEXTS, AT(struct lab, requires), .max = 8, .form = &form_slug},
	{"covers", FIELD_MAP, .object = &covers},
	{"engines", FIELD_TEXTS, AT(struct lab, engines), .min = 1, .max = 2,
		.words = engine_words},
	{"authors", FIELD_TEXTS, AT(struct lab, authors), .max = 10, .length = 80},
	{"licence", FIELD_TEXT, AT(struct lab, licence), .length = 40},
	{"session", FIELD_MAP, true, .object = &session},
	{"entry", FIELD_MAP, true, .object = &entry},
	{"params", FIELD_NAMED, AT(struct lab, params), COUNT(struct lab, n_params), .max = 32,
		.object = &param},
	{"secrets", FIELD_NAMED, AT(struct lab, secrets), COUNT(struct lab, n_secrets), .max = 32,
		.object = &secret},
	{"variants", FIELD_CUSTOM, .read = variants_were_read},
	{"tasks", FIELD_LIST, true, AT(struct lab, tasks), COUNT(struct lab, n_tasks), .min = 1,
		.max = 50, .object = &task},
	{"grading", FIELD_MAP, .object = &grading},
	{"test", FIELD_MAP, .object = &test},
};

/* What a reader would call the lab when nothing else is said. */
static void default_lists(struct lab *l)
{
	if (!l->engines)
		l->engines = strv_split("docker kubernetes", ' ');
	if (!l->shell)
		l->shell = strv_split("/bin/sh", ' ');
	for (size_t i = 0; i < l->n_tasks; i++)
		if (l->tasks[i].id)
			l->tasks[i].text = strf("tasks/%02zu-%s.md", i + 1, l->tasks[i].id);
}

static void lab_finish(
	struct reader *r, const struct object *o, const struct yaml *node, void *value)
{
	struct lab *l = value;
	const char *folder = strrchr(l->root, '/') + 1;

	if (l->slug && !streq(l->slug, folder))
		report_key(r, l, "slug", "D006",
			"the slug '%s' is not the name of its folder, '%s'", l->slug, folder);
	default_lists(l);
}

static const struct object lab_object =
	OBJECT("a lab", lab_dialect, lab_fields, .finish = lab_finish);

static void defaults(struct lab *l)
{
	static const int64_t warn_ms[] = {15 * MINUTE_MS, 5 * MINUTE_MS, MINUTE_MS};

	l->disk = 2 * GIB;
	l->expires_ms = 4 * HOUR_MS;
	l->extend_by_ms = HOUR_MS;
	l->extend_max = 2;
	l->pause_after_ms = 20 * MINUTE_MS;
	l->stop_after_ms = 2 * HOUR_MS;
	l->busy_cpu_bp = 500;
	l->busy_over_ms = 5 * MINUTE_MS;
	l->startup_ms = 5 * MINUTE_MS;
	l->keep_ms = 7 * DAY_MS;
	memcpy(l->warn_ms, warn_ms, sizeof(warn_ms));
	l->n_warn = ARRAY_SIZE(warn_ms);
	l->entry = l->grading_by = -1;
	l->pass_mark_bp = 7000;
	l->hint_floor_bp = 3000;
	l->budget_ms = 300 * 1000;
	l->test_seeds = 3;
	l->test_budget_ms = HOUR_MS;
	l->test_settle_ms = 30 * 1000;
}

void labfile_read(struct reader *r, const struct yaml *node)
{
	defaults(r->lab);
	object_read(r, &lab_object, node, yaml_pos(node), r->lab, NULL);
}
