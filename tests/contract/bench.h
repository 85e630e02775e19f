/*
 * bench.h - calling lib/engine as if it blocked: start, run the loop, look at the result.
 *
 * Included by the test programs that use it, each a part.
 */
#pragma once
#pragma GCC diagnostic ignored "-Wunused-function"

#include "base/id.h"
#include "base/str.h"
#include "engine/engine.h"
#include "tests/unit/test.h"

#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})
#define SH(text)  LIST("/bin/sh", "-c", text)

static struct loop *loop;
static struct engine *engine;
static char install[37];
static int64_t intent; /* names are never used twice */
static const struct engine_turn user_turn = {.class = CLASS_USER, .session = 1};

/* A case that waits in vain fails by itself, so that the others are still told. */
#define SILENCE_MS 60000
static struct timer *silence;

static void on_silence(void *arg)
{
}

/* A clock of NULL is the machine's. */
static int loop_make(const struct clock *clock, struct err *e)
{
	int r = loop_new(&loop, clock, e);

	if (r == 0)
		silence = timer_new_real(loop, on_silence, NULL);
	return r;
}

static void loop_drop(void)
{
	timer_free(TAKE(silence));
	loop_free(loop);
}

/* One turn of the loop, which something has to end. */
static void turn(void)
{
	timer_start(silence, SILENCE_MS);
	(void)loop_once(loop, true);
	if (!timer_active(silence))
		fail_msg("nothing has come for %s", str_human_ms(SILENCE_MS));
}

static void run_until(const bool *done)
{
	while (!*done)
		turn();
}

static void on_rest_over(void *arg)
{
	*(bool *)arg = true;
}

/* Let the loop run for a while. */
static void rest(int64_t ms)
{
	bool over = false;
	struct timer *t = timer_new(loop, on_rest_over, &over);

	timer_start(t, ms);
	run_until(&over);
	timer_free(t);
}

/* --- changes --- */

struct change {
	bool done;
	struct engine_result r;
	char id[200];
};

static void on_change(void *arg, const struct engine_result *r)
{
	struct change *c = arg;

	assert_false(c->done); /* exactly once */
	c->r = *r;
	(void)snprintf(c->id, sizeof(c->id), "%s", r->id ? r->id : "");
	c->done = true;
}

static void expect_done(struct change *c)
{
	run_until(&c->done);
	if (c->r.outcome != ENGINE_DONE || c->r.err.code)
		fail_msg("outcome %d, code %d: %s", c->r.outcome, c->r.err.code, c->r.err.text);
}

static void expect_refused(struct change *c, int code)
{
	run_until(&c->done);
	if (c->r.outcome != ENGINE_REFUSED || c->r.err.code != code)
		fail_msg("outcome %d, code %d instead of %d: %s", c->r.outcome, c->r.err.code, code,
			c->r.err.text);
}

/* MUST(container_start, id) starts the change and wants it done; REFUSED(code, ...) the opposite.
 */
#define MUST(call, ...)                                                                            \
	({                                                                                         \
		struct change c_ = {0};                                                            \
		(void)call(engine, user_turn, __VA_ARGS__, on_change, &c_);                        \
		expect_done(&c_);                                                                  \
		xstrdup(c_.id);                                                                    \
	})
#define DO(call, ...) free(MUST(call, __VA_ARGS__))
#define REFUSED(code, call, ...)                                                                   \
	({                                                                                         \
		struct change c_ = {0};                                                            \
		(void)call(engine, user_turn, __VA_ARGS__, on_change, &c_);                        \
		expect_refused(&c_, code);                                                         \
		c_;                                                                                \
	})

static struct engine_labels labels_of(const char *role, const char *service)
{
	return (struct engine_labels){.install = install,
		.session = "contract-1",
		.gen = 1,
		.intent = ++intent,
		.epoch = 7,
		.expires_s = 1900000000,
		.role = role,
		.service = service};
}

/* --- objects --- */

struct network {
	char *id, *name, *subnet;
};

/* Others may use the machine's subnets too: take the next one until one is free. */
static struct network make_network(bool internal)
{
	static int next;
	struct network n = {.name = strf("lab-contract-%.8s-net-%d", install, next)};
	char bridge[16], gateway[32];

	for (int tries = 0; tries < 200; tries++, next++) {
		struct change c = {0};
		int host = (int)((strtoul(install, NULL, 16) + (unsigned)next) % 2048);

		(void)snprintf(bridge, sizeof(bridge), "lab-n%.4s%04x", install, next);
		(void)snprintf(
			gateway, sizeof(gateway), "10.216.%d.%d", host / 8, host % 8 * 32 + 1);
		free(n.subnet);
		n.subnet = strf("10.216.%d.%d/27", host / 8, host % 8 * 32);
		struct network_spec s = {.name = n.name,
			.labels = labels_of("network", "front"),
			.subnet = n.subnet,
			.gateway = gateway,
			.bridge = bridge,
			.internal = internal};
		(void)network_create(engine, user_turn, &s, on_change, &c);
		run_until(&c.done);
		if (c.r.err.code == ERR_CAPACITY)
			continue;
		expect_done(&c);
		n.id = xstrdup(c.id);
		next++;
		return n;
	}
	fail_msg("no free subnet");
	return n;
}

static void forget_network(struct network *n)
{
	free(n->id);
	free(n->name);
	free(n->subnet);
}

static void drop_network(struct network *n)
{
	DO(network_remove, n->id);
	forget_network(n);
}

static char *make_volume(void)
{
	char *name = strf("lab-contract-%.8s-vol-%d", install, (int)intent);
	struct volume_spec s = {.name = name, .labels = labels_of("volume", "data")};

	DO(volume_create, &s);
	return name;
}

/* What the suite's containers are made from. */
static char *image_id;

static struct container_spec plain_spec(char *const *command)
{
	static char name[64];

	(void)snprintf(name, sizeof(name), "lab-contract-%.8s-c-%d", install, (int)intent);
	return (struct container_spec){.name = name, .labels = labels_of("learner", "box"),
		.image = image_id, .command = command, .memory = 64 << 20, .nano_cpus = 500000000,
		.pids = 64, .stop_grace_ms = 1000};
}

static char *make_container(char *const *command)
{
	struct container_spec s = plain_spec(command);

	return MUST(container_create, &s);
}

static char *start_container(char *const *command)
{
	char *id = make_container(command);

	DO(container_start, id);
	return id;
}

static void drop_container(char *id)
{
	DO(container_remove, id);
	free(id);
}

/* --- looking --- */

struct look {
	bool done;
	struct container_state s;
	char addresses[8][64];
};

static void on_look(void *arg, const struct container_state *s)
{
	struct look *l = arg;

	l->s = *s;
	for (size_t i = 0; i < s->n_addresses; i++)
		(void)snprintf(l->addresses[i], sizeof(l->addresses[i]), "%s", s->addresses[i]);
	l->done = true;
}

static struct look look_at(const char *id)
{
	struct look l = {0};

	(void)container_inspect(engine, id, false, on_look, &l);
	run_until(&l.done);
	return l;
}

/* --- execs --- */

struct run {
	struct exec *exec;
	bool ended, started_said;
	int code, pid;
	struct err err;
	struct buf out, error; /* stdout, stderr */
};

static void on_started(void *arg, int pid)
{
	struct run *r = arg;

	r->started_said = true;
	r->pid = pid;
}

static void on_output(void *arg, int stream, const char *p, size_t n)
{
	struct run *r = arg;

	assert_true(r->started_said);
	assert_int_equal(buf_add(stream == 2 ? &r->error : &r->out, p, n), 0);
}

static void on_ended(void *arg, int code, const struct err *err)
{
	struct run *r = arg;

	assert_false(r->ended);
	r->code = code;
	r->err = *err;
	r->ended = true;
}

static const struct exec_ops run_ops = {
	.started = on_started, .output = on_output, .ended = on_ended};

static void run_begin(struct run *r, const struct exec_spec *s)
{
	*r = (struct run){.out = BUF(64u << 20), .error = BUF(1u << 20)};
	r->exec = exec_start(engine, user_turn, s, &run_ops, r);
}

static void run_end(struct run *r)
{
	run_until(&r->ended);
	exec_free(TAKE(r->exec));
}

static void run_done(struct run *r)
{
	exec_free(r->exec);
	buf_done(&r->out);
	buf_done(&r->error);
}

/* Run to the end; the caller calls run_done(). */
static struct run run(const char *container, char *const *argv)
{
	struct exec_spec s = {.container = container, .argv = argv};
	struct run r;

	run_begin(&r, &s);
	/* the callbacks hold &r: end it here */
	run_end(&r);
	return r;
}

static void expect_run(const char *container, char *const *argv, int code, const char *out)
{
	struct run r = run(container, argv);

	if (r.err.code)
		fail_msg("%s", r.err.text);
	assert_string_equal(buf_str(&r.out), out);
	assert_int_equal(r.code, code);
	run_done(&r);
}

/* --- tar --- */

/* One ustar entry: a file of `bytes`, or a folder when bytes is NULL. */
static void tar_add(
	struct buf *tar, const char *name, int mode, int uid, int gid, const char *bytes)
{
	size_t n = bytes ? strlen(bytes) : 0;
	char h[512] = {0};
	unsigned sum = 0;

	(void)snprintf(h, 100, "%s", name);
	(void)snprintf(h + 100, 8, "%07o", (unsigned)mode);
	(void)snprintf(h + 108, 8, "%07o", (unsigned)uid);
	(void)snprintf(h + 116, 8, "%07o", (unsigned)gid);
	(void)snprintf(h + 124, 12, "%011zo", n);
	(void)snprintf(h + 136, 12, "%011o", 1700000000);
	memset(h + 148, ' ', 8);
	h[156] = bytes ? '0' : '5';
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	(void)snprintf(h + 148, 8, "%06o", sum);
	assert_int_equal(buf_add(tar, h, sizeof(h)), 0);
	assert_int_equal(buf_add(tar, bytes, n), 0);
	while (tar->len % 512)
		assert_int_equal(buf_addc(tar, '\0'), 0);
}

/* The two zero blocks, and nothing after them. */
static void tar_end(struct buf *tar)
{
	static const char zeros[1024];

	assert_int_equal(buf_add(tar, zeros, sizeof(zeros)), 0);
}

/* The header of a file in a tar, or NULL. */
static const char *tar_find(const struct buf *tar, const char *name)
{
	for (size_t at = 0; at + 512 <= tar->len && tar->data[at];) {
		const char *h = tar->data + at;
		size_t n = strtoul(h + 124, NULL, 8);

		if (streq(h, name) && (h[156] == '0' || h[156] == '5'))
			return h;
		at += 512 + (n + 511) / 512 * 512;
	}
	return NULL;
}

/* A transfer: gives or takes `tar`, `step` bytes a time, pausing before every `pause`-th piece. */
struct transfer {
	struct change change;
	struct buf tar;
	size_t at, step;
	int pieces, pause, pauses;
	struct engine_op *op;
	struct timer *timer;
};

static void on_resume_timer(void *arg)
{
	struct transfer *t = arg;

	engine_resume(t->op);
}

static bool pause_now(struct transfer *t)
{
	if (!t->pause || ++t->pieces % t->pause)
		return false;
	t->pauses++;
	timer_start(t->timer, 5);
	return true;
}

static int64_t give(void *arg, char *p, size_t n, struct err *e)
{
	struct transfer *t = arg;

	if (pause_now(t))
		return TAR_PAUSE;
	n = MIN(n, MIN(t->step, t->tar.len - t->at));
	memcpy(p, t->tar.data + t->at, n);
	t->at += n;
	return (int64_t)n;
}

static int64_t take(void *arg, const char *p, size_t n, struct err *e)
{
	struct transfer *t = arg;

	if (pause_now(t))
		return TAR_PAUSE;
	assert_int_equal(buf_add(&t->tar, p, n), 0);
	return (int64_t)n;
}

static void on_transfer(void *arg, const struct engine_result *r)
{
	on_change(&((struct transfer *)arg)->change, r);
}

static void transfer_begin(struct transfer *t, size_t step, int pause)
{
	*t = (struct transfer){.tar = BUF(64u << 20), .step = step, .pause = pause};
	t->timer = timer_new(loop, on_resume_timer, t);
}

static void transfer_done(struct transfer *t)
{
	timer_free(t->timer);
	buf_done(&t->tar);
}
