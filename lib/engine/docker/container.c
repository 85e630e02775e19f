/* container.c - create with all networks; start, stop, pause, remove; inspect. */
#include "engine/docker/docker.h"
#include "base/log.h"
#include "base/str.h"

#include <time.h>

#define BODY_MAX (1u << 20)
#define STOP_MS  30000 /* beside the grace */

/* --- create --- */

/*
 * Created with its first network, then connected to the others (2-3 ms each before the start). What
 * fails half-way is removed again, so that REFUSED means: nothing is there. Whether a connection
 * was refused or only not heard of stays in the result: the one is final, the other is not.
 */
struct create {
	struct docker_op op;
	char *id;
	char **networks;   /* ids of the others */
	struct buf *bodies; /* of their connect calls */
	size_t n, at;
	struct engine_result failure;
};

static struct create *creating(struct docker_op *op)
{
	return container_of(op, struct create, op);
}

static void create_clear(struct docker_op *op)
{
	struct create *c = creating(op);

	for (size_t i = 0; i < c->n; i++)
		buf_done(&c->bodies[i]);
	free(c->bodies);
	strv_free(c->networks);
	free(c->id);
}

static void on_rolled_back(struct docker_op *op, struct reply *r)
{
	struct create *c = creating(op);

	if (r->result.outcome != ENGINE_DONE && r->result.err.code != ERR_NOT_FOUND)
		c->failure.outcome = ENGINE_UNKNOWN;
	op_end(op, &c->failure);
}

static void roll_back(struct create *c, const struct engine_result *why)
{
	c->failure = *why;
	c->op.must_finish = true;
	op_call(&c->op,
		(struct call){
			.method = "DELETE",
			.path = path_of("/containers/", c->id, "?force=1&v=1"),
		},
		on_rolled_back);
}

static void connect_next(struct create *c);

static void on_connected(struct docker_op *op, struct reply *r)
{
	struct create *c = creating(op);

	if (r->result.outcome != ENGINE_DONE) {
		roll_back(c, &r->result);
		return;
	}
	c->at++;
	connect_next(c);
}

static void connect_next(struct create *c)
{
	if (c->at == c->n) {
		op_end_done(&c->op, c->id);
		return;
	}
	struct buf body = c->bodies[c->at];
	c->bodies[c->at] = BUF(0);
	op_call(&c->op,
		(struct call){
			.method = "POST",
			.path = path_of("/networks/", c->networks[c->at], "/connect"),
			.body = body,
		},
		on_connected);
}

static void log_warnings(const struct json *reply)
{
	const struct json *w, *list = json_get(reply, "Warnings");

	json_for_each(w, list)
		log_debug("engine", "create says: %s", json_str_or(w, ""));
}

static void on_created(struct docker_op *op, struct reply *r)
{
	struct create *c = creating(op);
	const char *id = json_str(json_get(r->json, "Id"));

	if (r->result.outcome != ENGINE_DONE) {
		op_end_reply(op, r);
	} else if (!id || !*id) {
		op_end_err(op, ENGINE_UNKNOWN, ERR_PROTO, "the engine's answer has no 'Id'");
	} else {
		log_warnings(r->json);
		c->id = xstrdup(id);
		connect_next(c);
	}
}

static void add_connect(struct create *c, const struct container_network *n, const char *name)
{
	struct buf *b = &c->bodies[c->n++];
	struct json_writer w;

	strv_add(&c->networks, n->id);
	buf_init(b, BODY_MAX);
	json_begin(&w, b, false);
	json_object(&w, NULL);
	json_put_str(
		&w, "Container", name); /* names are never used twice, and this one is known now */
	put_endpoint(&w, "EndpointConfig", n);
	json_end(&w);
}

struct engine_op *docker_container_create(struct engine *g, struct engine_turn t,
	const struct container_spec *s, engine_done done, void *arg)
{
	static const struct rule rules[] = {
		{404, "o such image", ERR_NOT_FOUND, ENGINE_REFUSED, false},
		{404, NULL, ERR_ENGINE, ENGINE_REFUSED, false}, /* a network that is gone */
		{409, NULL, ERR_EXISTS, ENGINE_REFUSED, false},
		{0},
	};
	struct docker *d = docker_of(g);
	struct create *c =
		op_new(d, sizeof(*c), done, arg, "cannot create the container '%s'", s->name);
	struct buf body = BUF(BODY_MAX);

	c->op.clear = create_clear;
	c->networks = strv_new();
	c->bodies = xcalloc(s->n_networks + 1, sizeof(*c->bodies));
	for (size_t i = 1; i < s->n_networks; i++)
		add_connect(c, &s->networks[i], s->name);
	create_body(&body, d, s);
	if (body.full) {
		buf_done(&body);
		return op_end_later(&c->op, ERR_LIMIT, "its description is larger than %s",
			str_human_size(BODY_MAX));
	}
	return op_enter_call(&c->op, LANE_CONTAINER, t,
		(struct call){
			.method = "POST",
			.path = path_of("/containers/create?name=", s->name, ""),
			.body = body,
			.rules = rules,
		},
		on_created);
}

/* --- start, stop, pause, unpause, remove --- */

enum goal { GOAL_RUNNING, GOAL_STOPPED, GOAL_PAUSED, GOAL_ABSENT };

/*
 * A change that may be repeated. When the engine answers with an error, what counts is the state it
 * left: engines use different codes for "already so" (409, 500, 304), and a 500 may come after the
 * thing was done. So every error but "no such container" is followed by a look.
 */
struct verb {
	struct docker_op op;
	enum goal goal;
	char *id;
	struct engine_result refusal;
};

static const struct rule verb_rules[] = {
	{304, NULL, ERR_OK, ENGINE_DONE, false},
	{404, "o such container", ERR_NOT_FOUND, ENGINE_REFUSED, false},
	{404, NULL, ERR_ENGINE, ENGINE_REFUSED, false}, /* its network or its program is gone */
	{0},
};

static const struct rule remove_rules[] = {
	{404, NULL, ERR_OK, ENGINE_DONE, false},
	{409, "is already in progress", ERR_STATE, ENGINE_REFUSED, true},
	{0},
};

static struct verb *verb_of(struct docker_op *op)
{
	return container_of(op, struct verb, op);
}

static void verb_clear(struct docker_op *op)
{
	free(verb_of(op)->id);
}

static bool goal_reached(enum goal goal, const struct json *state)
{
	bool running = json_bool(json_get(state, "Running"), false);
	bool paused = json_bool(json_get(state, "Paused"), false);

	switch (goal) {
	case GOAL_RUNNING:
		return running && !paused;
	case GOAL_STOPPED:
		return !running;
	case GOAL_PAUSED:
		return running && paused;
	case GOAL_ABSENT:
		break;
	}
	return false;
}

static void on_state_left(struct docker_op *op, struct reply *r)
{
	struct verb *v = verb_of(op);
	struct engine_result *refusal = &v->refusal;
	bool absent = r->result.err.code == ERR_NOT_FOUND, seen = r->result.outcome == ENGINE_DONE;

	if (v->goal == GOAL_ABSENT ? absent
				   : seen && goal_reached(v->goal, json_get(r->json, "State"))) {
		op_end_done(op, NULL);
		return;
	}
	if (absent || seen)
		refusal->outcome = ENGINE_REFUSED;
	refusal->busy |= v->goal == GOAL_ABSENT; /* half removed: the next try goes on */
	op_end(op, refusal);
}

static void on_verb(struct docker_op *op, struct reply *r)
{
	struct verb *v = verb_of(op);
	bool settled = r->result.outcome == ENGINE_DONE || r->result.busy || r->status == 0 ||
		       r->result.err.code == ERR_NOT_FOUND;

	if (strstr(r->result.err.text, "rlimit")) {
		op->d->ulimits_refused = true;
		op->d->ulimits = false;
		(void)err_set(&r->result.err, ERR_ENGINE,
			"%s: the engine may not raise its own limits: create the container again",
			op->what);
	}
	if (settled) {
		op_end_reply(op, r);
		return;
	}
	v->refusal = r->result;
	op_call(op, (struct call){.method = "GET", .path = path_of("/containers/", v->id, "/json")},
		on_state_left);
}

static struct engine_op *verb_new(struct engine *g, struct engine_turn t, const char *name,
	enum goal goal, const char *id, struct call call, engine_done done, void *arg)
{
	enum sched_lane lane = goal == GOAL_STOPPED ? LANE_STOP : LANE_CONTAINER;
	struct verb *v = op_new(
		docker_of(g), sizeof(*v), done, arg, "cannot %s the container '%.12s'", name, id);

	v->op.clear = verb_clear;
	v->goal = goal;
	v->id = xstrdup(id);
	if (!call.rules)
		call.rules = verb_rules;
	return op_enter_call(&v->op, lane, t, call, on_verb);
}

static struct call post(const char *id, const char *action)
{
	return (struct call){.method = "POST", .path = path_of("/containers/", id, action)};
}

struct engine_op *docker_container_start(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return verb_new(g, t, "start", GOAL_RUNNING, id, post(id, "/start"), done, arg);
}

struct engine_op *docker_container_stop(struct engine *g, struct engine_turn t, const char *id,
	int64_t grace_ms, engine_done done, void *arg)
{
	_cleanup_free_ char *action = strf("/stop?t=%lld", (long long)((grace_ms + 999) / 1000));
	struct call call = post(id, action);

	call.deadline_ms = grace_ms + STOP_MS;
	return verb_new(g, t, "stop", GOAL_STOPPED, id, call, done, arg);
}

struct engine_op *docker_container_pause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return verb_new(g, t, "pause", GOAL_PAUSED, id, post(id, "/pause"), done, arg);
}

struct engine_op *docker_container_unpause(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	return verb_new(g, t, "unpause", GOAL_RUNNING, id, post(id, "/unpause"), done, arg);
}

struct engine_op *docker_container_remove(struct engine *g, struct engine_turn t, const char *id,
	engine_done done, void *arg)
{
	struct call call = {
		.method = "DELETE",
		.path = path_of("/containers/", id, "?force=1&v=1"),
		.rules = remove_rules,
	};

	return verb_new(g, t, "remove", GOAL_ABSENT, id, call, done, arg);
}

/* --- inspect --- */

struct inspect {
	struct docker_op op;
	void (*done)(void *arg, const struct container_state *s);
	struct json *tree;
};

static void inspect_clear(struct docker_op *op)
{
	json_free(container_of(op, struct inspect, op)->tree);
}

/* "2026-09-01T10:04:11.5321Z" in unix milliseconds; 0 for the engine's "never" (year 1). */
static int64_t wall_ms(const char *text)
{
	struct tm tm = {0};
	int ms = 0;
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;

	if (!rest || tm.tm_year < 70)
		return 0;
	if (*rest == '.')
		for (int i = 1, unit = 100; i <= 3 && rest[i] >= '0' && rest[i] <= '9';
			i++, unit /= 10)
			ms += (rest[i] - '0') * unit;
	return (int64_t)timegm(&tm) * 1000 + ms;
}

static void read_addresses(struct container_state *s, const struct json *networks)
{
	for (size_t i = 0; i < json_len(networks); i++) {
		const char *a = json_str_or(json_get(json_at(networks, i), "IPAddress"), "");

		if (*a && s->n_addresses < ARRAY_SIZE(s->addresses))
			s->addresses[s->n_addresses++] = a;
	}
}

static void read_state(struct container_state *s, const struct json *j)
{
	const struct json *state = json_get(j, "State");

	s->running = json_bool(json_get(state, "Running"), false);
	s->paused = json_bool(json_get(state, "Paused"), false);
	s->oom_killed = json_bool(json_get(state, "OOMKilled"), false);
	s->exit_code = (int)json_int(json_get(state, "ExitCode"), 0);
	s->started_wall_ms = wall_ms(json_str(json_get(state, "StartedAt")));
	s->image = json_str_or(json_get(j, "Image"), "");
	s->size_rw = json_int(json_get(j, "SizeRw"), -1);
	read_addresses(s, json_path(j, "NetworkSettings.Networks"));
}

static void inspect_end(struct docker_op *op, const struct engine_result *r)
{
	struct inspect *i = container_of(op, struct inspect, op);
	struct container_state s = {.err = r->err, .size_rw = -1};

	if (!s.err.code)
		read_state(&s, i->tree);
	i->done(op->arg, &s);
}

static void on_inspected(struct docker_op *op, struct reply *r)
{
	container_of(op, struct inspect, op)->tree = TAKE(r->json);
	op_end_reply(op, r);
}

struct engine_op *docker_container_inspect(struct engine *g, const char *id, bool size,
	void (*done)(void *arg, const struct container_state *s), void *arg)
{
	struct inspect *i = op_new(docker_of(g), sizeof(*i), NULL, arg,
		"cannot inspect the container '%.12s'", id);

	i->done = done;
	i->op.end = inspect_end;
	i->op.clear = inspect_clear;
	op_call(&i->op,
		(struct call){
			.method = "GET",
			.path = path_of("/containers/", id, size ? "/json?size=1" : "/json"),
		},
		on_inspected);
	return &i->op.base;
}
