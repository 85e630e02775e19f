/*
 * check_services.c - what compose.yaml, the session, secrets and parameters mean together.
 *
 * Runs when every form and every reference is right; all indexes can be followed.
 */
#include "base/fsutil.h"
#include "base/str.h"
#include "lab/draw.h"
#include "lab/graph.h"
#include "lab/interpolate.h"
#include "lab/lint.h"

#include <fcntl.h>

/* --- variables --- */

/* One value of compose.yaml that may hold variables. */
struct value_place {
	struct reader *r;
	const struct lab_service *service;
	int index;
	struct yaml_pos pos;
};

#define report_value(p, code_, ...)                                                                \
	report((p)->r, &(struct mark){.file = "compose.yaml", .pos = (p)->pos, .code = code_},     \
		__VA_ARGS__)

static bool has_service(const struct lab_secret *s, int service)
{
	for (size_t i = 0; i < s->n_services; i++)
		if (s->services[i] == service)
			return true;
	return false;
}

static int see_variable(void *arg, const char *name, const char *fallback)
{
	struct value_place *p = arg;
	const struct lab *l = p->r->lab;
	size_t i = 0;
	enum draw_kind kind = draw_variable(l, name, &i);

	if (kind == DRAW_UNKNOWN)
		report_value(p, "C020",
			"'%.60s' is not known here: there are LAB_SEED, and LAB_PARAM_ and "
			"LAB_SECRET_ with "
			"the names of lab.yaml that are drawn for the session",
			name);
	else if (kind == DRAW_SEED &&
		 (p->service->role == ROLE_LEARNER || p->service->when == WHEN_REPLAY))
		report_value(p, "D013",
			"a service that runs a learner's work may not have LAB_SEED: it decides "
			"every parameter");
	else if (kind == DRAW_SECRET && !has_service(&l->secrets[i], p->index))
		report_value(p, "D013", "secret '%s' is not declared for service '%s'",
			l->secrets[i].name, p->service->name);
	return 0;
}

static void check_value(struct value_place *p, const struct yaml *node)
{
	const struct interpolation to = {.var = see_variable, .arg = p};
	struct err e = ERR_NONE;

	p->pos = yaml_pos(node);
	if (interpolation_scan(yaml_str(node), &to, &e) < 0)
		report_value(p, "C020", "%s", e.text);
}

static void check_variables(struct reader *r, const struct lab_service *s)
{
	static const char *const places[] = {"command", "environment"};
	struct value_place p = {.r = r, .service = s, .index = (int)(s - r->lab->services)};

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		const struct yaml *list = yaml_get(origin_of(r, s)->node, places[i]), *node;

		yaml_for_each (node, list)
			check_value(&p, node);
	}
}

static void check_secret(struct reader *r, const struct lab_secret *s)
{
	const struct lab *l = r->lab;

	for (size_t i = 0; i < s->n_services; i++) {
		const struct lab_service *to = &l->services[s->services[i]];

		if (s->at_grade && to->role != ROLE_HIDDEN)
			report_key(r, s, "for", "D012",
				"secret '%s' is of the grade: only hidden services get it, not "
				"'%s'",
				s->name, to->name);
		else if (to->role == ROLE_LEARNER && !s->learner)
			report_key(r, s, "for", "D013",
				"secret '%s' reaches the learner's service '%s'; say 'learner: "
				"true' "
				"if that is meant",
				s->name, to->name);
	}
}

/* --- files --- */

static bool is_file(struct reader *r, const char *path)
{
	_cleanup_close_ int fd = fs_open_beneath(r->dir, path, O_RDONLY, NULL);

	return fd >= 0;
}

static void check_fill(struct reader *r, const struct lab_volume *v)
{
	static const char *const closed[] = {"checks", "solution", "cheats"};

	for (size_t i = 0; v->fill && i < ARRAY_SIZE(closed); i++) {
		size_t n = strlen(closed[i]);

		if (str_starts(v->fill, closed[i]) && (v->fill[n] == '/' || !v->fill[n]))
			report_key(r, v, "x-lab.fill", "C011",
				"volume '%s' would show '%s/' to learners", v->name, closed[i]);
	}
	if (v->fill && !is_file(r, v->fill))
		report_key(r, v, "x-lab.fill", "D009", "'%s' does not exist in the lab folder",
			v->fill);
}

static void check_mounts(struct reader *r, const struct lab_service *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct lab_mount *m = &s->mounts[i];

		if (streq(m->target, "/lab") || str_starts(m->target, "/lab/"))
			report_key(r, m, "target", "C010",
				"'/lab' belongs to Labyard in hidden services; choose another "
				"target");
		for (size_t k = 0; k < i; k++)
			if (streq(s->mounts[k].target, m->target))
				report_key(
					r, m, "target", "C010", "'%s' is mounted twice", m->target);
	}
}

static void check_image(struct reader *r, const struct lab_service *s)
{
	if (s->image && !str_starts(s->image, "lab/") && !lint_fixed_image(s->image))
		report_key(r, s, "image", "L030",
			"image '%s' has no fixed tag: it would change under the lab", s->image);
}

/* --- order and networks --- */

static int next_service(const void *arg, int node, size_t k)
{
	const struct lab_service *s = &((const struct lab *)arg)->services[node];

	return k < s->n_depends ? s->depends[k].service : -1;
}

static void check_order(struct reader *r)
{
	const struct lab *l = r->lab;
	_cleanup_free_ int *circle = NULL;
	size_t n = graph_circle(l->n_services, next_service, l, &circle);

	if (n)
		report_key(r, &l->services[circle[0]], "depends_on", "C005",
			"service '%s' waits for itself%s%s%s", l->services[circle[0]].name,
			n > 1 ? " through '" : "", n > 1 ? l->services[circle[1]].name : "",
			n > 1 ? "'" : "");
}

static void check_depends(struct reader *r, const struct lab_service *s)
{
	const struct lab *l = r->lab;

	for (size_t i = 0; i < s->n_depends; i++) {
		const struct lab_depend *d = &s->depends[i];
		const struct lab_service *on = &l->services[d->service];

		if (d->condition == DEPENDS_HEALTHY && !on->health)
			report_key(r, d, "condition", "C006",
				"service '%s' has no 'healthcheck' that could tell", on->name);
		if (d->condition == DEPENDS_COMPLETED && on->keep_running)
			report_key(r, d, "condition", "C006",
				"service '%s' is kept running and never completes; it needs "
				"'keep_running: false'",
				on->name);
		if (s->when == WHEN_SESSION && on->when != WHEN_SESSION)
			report_key(r, d, NULL, "C006",
				"service '%s' does not exist yet when the session starts",
				on->name);
	}
}

static void mark_hidden_networks(struct lab *l)
{
	for (size_t n = 0; n < l->n_networks; n++)
		l->networks[n].hidden_only = true;
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t k = 0; k < l->services[i].n_networks; k++)
			if (l->services[i].role != ROLE_HIDDEN)
				l->networks[l->services[i].networks[k]].hidden_only = false;
}

static void check_private_ports(struct reader *r, const struct lab_service *s)
{
	bool hidden = false;

	for (size_t i = 0; i < s->n_networks; i++)
		hidden = hidden || r->lab->networks[s->networks[i]].hidden_only;
	if (s->n_private_ports && !hidden)
		report_key(r, s, "x-lab.private_ports", "C031",
			"private ports need a network that only hidden services join");
}

/* --- throw-away services --- */

static bool has_secret(const struct lab *l, int service)
{
	for (size_t i = 0; i < l->n_secrets; i++)
		if (has_service(&l->secrets[i], service))
			return true;
	return false;
}

static bool waited_for(const struct lab *l, int service)
{
	for (size_t i = 0; i < l->n_services; i++)
		for (size_t k = 0; k < l->services[i].n_depends; k++)
			if (l->services[i].depends[k].service == service)
				return true;
	return false;
}

/* What a learner's work could reach, tell others, or leave behind for the next one. */
static void check_replay(struct reader *r, const struct lab_service *s)
{
	int service = (int)(s - r->lab->services);

	if (s->when != WHEN_REPLAY)
		return;
	if (s->n_networks)
		report_key(r, s, "networks", "C032",
			"'%s' runs what learners made, so it has no network: 'network_mode: none'",
			s->name);
	if (s->n_mounts)
		report_key(r, s, "volumes", "C032",
			"'%s' is new each time, so it mounts no volume of the session", s->name);
	if (has_secret(r->lab, service))
		report_key(r, s, NULL, "C032",
			"'%s' runs what learners made, so it gets no secret", s->name);
	if (s->n_depends || waited_for(r->lab, service))
		report_key(r, s, s->n_depends ? "depends_on" : NULL, "C032",
			"'%s' exists for moments only: it waits for nobody, and nobody for it",
			s->name);
}

/* --- what fits into the session --- */

enum { ONE_SHOTS_MAX = 8 };

/*
 * The services (one bit each) that start only when `one_shot` is done: those that wait for its
 * completion, those that wait for one of them, and those that come with a check or grade.
 */
static uint32_t waiters(const struct lab *l, size_t one_shot)
{
	uint32_t set = 0, before;

	do {
		before = set;
		for (size_t i = 0; i < l->n_services; i++) {
			const struct lab_service *s = &l->services[i];

			if (s->when != WHEN_SESSION)
				set |= 1U << i;
			for (size_t k = 0; k < s->n_depends; k++) {
				size_t on = (size_t)s->depends[k].service;

				if ((on == one_shot &&
					    s->depends[k].condition == DEPENDS_COMPLETED) ||
					(set >> on & 1))
					set |= 1U << i;
			}
		}
	} while (set != before);
	return set;
}

/* The memory of all services that can run at once: the worst of all choices of running one-shots.
 */
static int64_t most_memory(const struct lab *l, const size_t *one_shots, size_t n)
{
	uint32_t waiting[ONE_SHOTS_MAX];
	int64_t most = 0;

	for (size_t k = 0; k < n; k++)
		waiting[k] = waiters(l, one_shots[k]);
	for (unsigned running = 0; running < 1U << n; running++) {
		uint32_t out = 0;
		int64_t sum = 0;

		for (size_t k = 0; k < n; k++)
			out |= running >> k & 1 ? waiting[k] : 1U << one_shots[k];
		for (size_t i = 0; i < l->n_services; i++)
			sum += out >> i & 1 ? 0 : l->services[i].memory;
		most = MAX(most, sum);
	}
	return most;
}

static void check_memory(struct reader *r)
{
	const struct lab *l = r->lab;
	size_t one_shots[ONE_SHOTS_MAX], n = 0;

	for (size_t i = 0; i < l->n_services; i++) {
		if (l->services[i].keep_running)
			continue;
		if (n == ONE_SHOTS_MAX) {
			report_key(r, &l->services[i], NULL, "C003",
				"a lab may have at most %d one-shot services", ONE_SHOTS_MAX);
			return;
		}
		one_shots[n++] = i;
	}
	int64_t need = most_memory(l, one_shots, n);
	if (need > l->memory)
		report_key(r, l, "session.memory", "D011",
			"services that can run at once may use %s together, the session "
			"has %s",
			str_human_size(need), str_human_size(l->memory));
}

static void check_cpus(struct reader *r)
{
	const struct lab *l = r->lab;
	int64_t sum = 0;

	for (size_t i = 0; i < l->n_services; i++) {
		const struct lab_service *s = &l->services[i];

		sum += s->when == WHEN_SESSION && s->keep_running ? s->nano_cpus / 1000000 : 0;
		if (s->nano_cpus / 1000000 > l->cpu_milli)
			report_key(r, s, "cpus", "L034",
				"'cpus' of '%s' is more than 'session.cpu'", s->name);
	}
	if (sum > 2 * l->cpu_milli)
		report_key(r, l, "session.cpu", "L093",
			"the services of the whole session may use %.1f CPUs together, more "
			"than twice the session's",
			(double)sum / 1000);
}

/* postgresql://user:letmein@db/x */
static bool has_password(const char *value)
{
	const char *user = strstr(value, "://");
	const char *at = user ? strchr(user, '@') : NULL;
	const char *colon = user ? strchr(user + 3, ':') : NULL;

	return at && colon && colon < at && colon + 1 < at && colon[1] != '$' &&
	       !memchr(user + 3, '/', (size_t)(at - user - 3));
}

/* A secret belongs into 'secrets', where it is drawn anew for each session. */
static void check_literals(struct reader *r, const struct lab_service *s)
{
	for (char **v = s->env; v && *v; v++) {
		_cleanup_free_ char *name = xstrndup(*v, strcspn(*v, "="));
		const char *value = *v + strlen(name) + 1;

		if ((lint_secret_name(name) && *value && !strchr(value, '$')) ||
			has_password(value))
			report_key(r, s, "environment", "L037",
				"'%s' looks like a secret in clear text; use 'secrets' of lab.yaml",
				name);
	}
}

static void check_command(struct reader *r, const struct lab_service *s)
{
	static const char *const installers[] = {"apt-get install", "apt install", "pip install",
		"apk add", "npm install", "pip3 install"};
	_cleanup_buf_ struct buf all = BUF(512 * 1024);

	for (char **word = s->command; word && *word; word++)
		(void)buf_addf(&all, "%s ", *word);
	for (size_t i = 0; i < ARRAY_SIZE(installers); i++)
		if (strstr(buf_str(&all), installers[i]))
			report_key(r, s, "command", "L033",
				"'%s' at each start is slow and needs the internet; it belongs "
				"into the image",
				installers[i]);
}

/* --- entry --- */

static void check_entry(struct reader *r)
{
	const struct lab *l = r->lab;

	if (l->services[l->entry].role != ROLE_LEARNER)
		report_key(r, l, "entry.service", "D012",
			"the entry '%s' must have the role learner", l->services[l->entry].name);
	for (size_t i = 0; i < l->n_ports; i++) {
		const struct lab_port *p = &l->ports[i];
		const struct lab_service *s = &l->services[p->service];

		if (s->when != WHEN_SESSION || !s->n_networks)
			report_key(r, p, "service", "D012",
				"service '%s' cannot be reached by learners", s->name);
		for (size_t k = 0; k < s->n_private_ports; k++)
			if (s->private_ports[k] == p->port)
				report_key(r, p, "port", "D012", "port %d of '%s' is private",
					p->port, s->name);
	}
}

/* --- times, and what the lab says about other labs --- */

static void check_times(struct reader *r)
{
	const struct lab *l = r->lab;
	const struct yaml *session = yaml_get(origin_of(r, l)->node, "session");

	/* the default is meant for the default of 'expires' */
	if (yaml_get(yaml_get(session, "idle"), "stop_after") && l->stop_after_ms > l->expires_ms)
		report_key(r, l, "session.idle.stop_after", "L080",
			"'stop_after' is longer than 'expires', so it never acts");
	if (strv_has(l->requires, l->slug))
		report_key(r, l, "requires", "D010", "the lab '%s' requires itself", l->slug);
}

void services_check(struct reader *r)
{
	struct lab *l = r->lab;

	mark_hidden_networks(l);
	check_entry(r);
	check_order(r);
	for (size_t i = 0; i < l->n_secrets; i++)
		check_secret(r, &l->secrets[i]);
	for (size_t i = 0; i < l->n_volumes; i++)
		check_fill(r, &l->volumes[i]);
	for (size_t i = 0; i < l->n_services; i++) {
		const struct lab_service *s = &l->services[i];

		check_variables(r, s);
		check_mounts(r, s);
		check_image(r, s);
		check_depends(r, s);
		check_private_ports(r, s);
		check_replay(r, s);
		check_literals(r, s);
		check_command(r, s);
	}
	check_times(r);
	check_memory(r);
	check_cpus(r);
}
