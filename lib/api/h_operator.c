/* h_operator.c - what an operator asks: doctor, gc, metrics, health. */
#include "api/doctor.h"
#include "api/impl.h"

#include <inttypes.h>
#include <sys/resource.h>

/* --- doctor --- */

struct visit {
	struct request *request;
	struct doctor *doctor;
};

static void found(void *arg, const struct findings *f)
{
	struct visit *v = arg;
	struct buf out = BUF(ANSWER_MAX);
	struct json_writer w;

	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/doctor/v1");
	json_array(&w, "checks");
	for (size_t i = 0; i < f->n; i++) {
		json_object(&w, NULL);
		json_put_str(&w, "name", f->items[i].name);
		json_put_str(&w, "status", finding_status_name(f->items[i].status));
		json_put_str(&w, "reason", f->items[i].reason);
		json_put_str(&w, "remedy", f->items[i].remedy);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	request_on_gone(v->request, NULL, NULL);
	reply_json(v->request, 200, &out);
	request_unref(v->request);
	free(v);
}

static void left(void *arg)
{
	struct visit *v = arg;

	doctor_cancel(v->doctor);
	request_unref(v->request);
	free(v);
}

void h_doctor(struct api *a, struct request *r, const struct match *m)
{
	struct visit *v = NEW(struct visit);

	v->request = request_ref(r);
	request_on_gone(r, left, v);
	v->doctor = doctor_run(a->sessions, a->grader, found, v);
}

/* --- gc --- */

struct sweep {
	struct request *request;
	struct buf out;
	struct json_writer w;
};

static void swept(void *arg, const struct gc_item *i)
{
	static const char *const kinds[] = {"network", "volume", "container"};
	struct sweep *x = arg;

	json_object(&x->w, NULL);
	json_put_str(&x->w, "kind", kinds[i->kind]);
	json_put_str(&x->w, "name", i->name);
	view_text(&x->w, "session", i->session);
	json_put_str(&x->w, "why", i->why);
	json_end(&x->w);
}

static void sweep_over(void *arg, const struct err *e)
{
	struct sweep *x = arg;

	json_end(&x->w);
	json_end(&x->w);
	if (e->code != 0)
		reply_problem(x->request, e);
	else
		reply_json(x->request, 200, &x->out);
	request_unref(x->request);
	buf_done(&x->out);
	free(x);
}

void h_gc(struct api *a, struct request *r, const struct match *m)
{
	static const char *const known[] = {"apply", "older_ms", NULL};
	struct sweep *x;
	struct body b;

	body_open(&b, r, known);
	bool apply = body_flag(&b, "apply");
	int64_t older_ms = body_int(&b, "older_ms", 0, INT64_MAX);
	if (body_good(&b, r)) {
		x = NEW(struct sweep);
		*x = (struct sweep){.request = request_ref(r), .out = BUF(ANSWER_MAX)};
		json_begin(&x->w, &x->out, false);
		json_object(&x->w, NULL);
		json_put_str(&x->w, "schema", "labyard/gc/v1");
		json_put_bool(&x->w, "applied", apply);
		json_array(&x->w, "items");
		sessions_gc(a->sessions, apply, older_ms, swept, sweep_over, x);
	}
	body_done(&b);
}

/* --- metrics --- */

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
	(void)buf_addf(out, "# HELP labd_%s %s\n# TYPE labd_%s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *type, const char *help, int64_t v)
{
	metric(out, name, type, help);
	(void)buf_addf(out, "labd_%s %" PRId64 "\n", name, v);
}

static void session_metrics(struct api *a, struct buf *out)
{
	int64_t count[STATE_COUNT_] = {0};

	for (size_t i = 0; i < sessions_count(a->sessions); i++) {
		struct session_info info;

		session_info(sessions_at(a->sessions, i), &info);
		count[info.state]++;
	}
	metric(out, "sessions", "gauge", "Sessions by state.");
	for (int i = 0; i < STATE_COUNT_; i++)
		(void)buf_addf(out, "labd_sessions{state=\"%s\"} %" PRId64 "\n",
			session_state_name((enum session_state)i), count[i]);
}

static void engine_metrics(struct api *a, struct buf *out)
{
	struct engine_load load = engine_load(a->engine);

	single(out, "engine_up", "gauge", "Does the engine answer?",
		sessions_engine_error(a->sessions, NULL)->code == 0);
	single(out, "engine_waiting", "gauge", "Changes that wait for their turn.",
		(int64_t)load.waiting);
	single(out, "engine_running", "gauge", "Changes under way.", (int64_t)load.running);
	single(out, "engine_limit", "gauge", "Changes that may be under way at once.",
		(int64_t)load.limit);
	single(out, "engine_calls_total", "counter", "Calls to the engine.", load.calls);
	single(out, "engine_calls_in_flight", "gauge",
		"Calls that are under way, the stream of events among them, commands not.",
		(int64_t)load.in_flight);
}

void h_metrics(struct api *a, struct request *r, const struct match *m)
{
	struct buf out = BUF(ANSWER_MAX);
	struct rusage use = {0};

	(void)getrusage(RUSAGE_SELF, &use); /* cannot fail for ourselves */
	session_metrics(a, &out);
	engine_metrics(a, &out);
	single(&out, "database_up", "gauge", "Can the database be written?",
		store_degraded(a->store) == NULL);
	single(&out, "io_waiting", "gauge", "Jobs that wait for an io thread.",
		(int64_t)worker_waiting(sessions_io(a->sessions)));
	single(&out, "requests_total", "counter", "Requests that were handled.", a->requests);
	single(&out, "requests_refused_total", "counter", "Requests that the server refused.",
		a->refused);
	single(&out, "streams_open", "gauge", "Event streams, logs, terminals and forwards.",
		(int64_t)a->open);
	single(&out, "slow_callbacks_total", "counter",
		"Callbacks that held the loop for over 50 ms.", a->slow);
	single(&out, "uptime_milliseconds", "counter", "Since the start.",
		loop_wall_ms(a->loop) - a->started_ms);
	metric(&out, "cpu_seconds_total", "counter", "CPU time of the daemon.");
	(void)buf_addf(&out, "labd_cpu_seconds_total %.3f\n",
		(double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
			(double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6);
	single(&out, "memory_peak_bytes", "gauge", "Largest resident size so far.",
		use.ru_maxrss * 1024);
	request_reply(r, 200, "text/plain; version=0.0.4", &out);
}

/* --- health --- */

static void say_ok(struct request *r)
{
	struct buf out = BUF(16);

	(void)buf_adds(&out, "ok\n");
	request_reply(r, 200, "text/plain", &out);
}

void h_healthz(struct api *a, struct request *r, const struct match *m)
{
	say_ok(r);
}

void h_readyz(struct api *a, struct request *r, const struct match *m)
{
	const struct err *store = store_degraded(a->store),
			 *engine = sessions_engine_error(a->sessions, NULL);

	if (store)
		reply_problem(r, store);
	else if (engine->code != 0)
		reply_problem(r, engine);
	else if (!*engine_info(a->engine)->version)
		reply_error(r, ERR_UNREACHABLE, "the engine has not answered yet");
	else
		say_ok(r);
}
