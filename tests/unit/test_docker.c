/*
 * test_docker.c - what lib/engine makes of a Docker engine that fails, lies, hangs or is replaced.
 */
#include "base/base64.h"
#include "base/fsutil.h"
#include "engine/docker/docker.h"
#include "tests/contract/bench.h"
#include "tests/fake/fakeengine.h"

#include <sys/stat.h>
#include <unistd.h>

static struct fake *fake;
static char *const forever[] = {(char *)"sleep", (char *)"600", NULL};

/* --- the frame --- */

static void plan(const char *text)
{
	struct err e = ERR_NONE;

	if (fake_plan(fake, text, &e) < 0)
		fail_msg("%s", e.text);
}

static void probe(void)
{
	struct change c = {0};

	engine_probe(engine, on_change, &c);
	expect_done(&c);
}

static int setup_minor(int minor)
{
	unsetenv("DOCKER_CONFIG");
	id_uuid(install);
	fake = fake_start(NULL, minor);
	if (loop_make(NULL, NULL) < 0 || engine_open(&engine, loop, fake_url(fake), NULL) < 0)
		return -1;
	image_id = xstrdup("debian:12-slim");
	return 0;
}

static int setup_41(void **state)
{
	return setup_minor(41);
}

static int setup_56(void **state)
{
	return setup_minor(56);
}

static int teardown(void **state)
{
	engine_free(engine);
	loop_drop();
	fake_stop(fake);
	free(TAKE(image_id));
	return 0;
}

static struct change finish(struct change *c, enum engine_outcome outcome, int code)
{
	run_until(&c->done);
	if (c->r.outcome != outcome || c->r.err.code != code)
		fail_msg("outcome %d, code %d instead of %d, %d: %s", c->r.outcome, c->r.err.code,
			outcome, code, c->r.err.text);
	return *c;
}

/* --- creates: done, refused, or unknown --- */

static void create_volume(struct change *c)
{
	struct volume_spec s = {.name = "lab-v-1", .labels = labels_of("volume", "data")};

	*c = (struct change){0};
	(void)volume_create(engine, user_turn, &s, on_change, c);
}

static void a_create_whose_answer_is_lost_is_unknown(void **state)
{
	static const struct {
		const char *fault;
		int code;
		size_t made;
	} cases[] = {
		{"fault=refuse", ERR_UNKNOWN, 0},
		{"fault=cut-reply", ERR_UNKNOWN, 1},
		{"fault=status status=500", ERR_ENGINE, 0},
		{"fault=status status=503", ERR_ENGINE, 0},
		{"fault=status-after status=500", ERR_ENGINE, 1},
		{"fault=status-after status=500 text=\"no space left on device\"", ERR_NO_SPACE, 1},
		{"fault=garbage", ERR_PROTO, 1},
		{"fault=truncate", ERR_UNKNOWN, 1},
	};
	struct change c;

	probe();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line =
			strf("%s match=\"POST /volumes/create\" n=1", cases[i].fault);

		plan(line);
		create_volume(&c);
		(void)finish(&c, ENGINE_UNKNOWN, cases[i].code);
		assert_int_equal(fake_count(fake, "volumes"), cases[i].made);
		assert_non_null(strstr(c.r.err.text, "cannot create the volume 'lab-v-1'"));
		/* nobody repeated it behind our back */
		assert_int_equal(fake_calls(fake, "POST /volumes/create"), i + 1);
		DO(volume_remove, "lab-v-1");
	}
}

static void a_create_that_was_not_sent_is_refused(void **state)
{
	struct change c;

	probe();
	fake_away(fake, true);
	create_volume(&c);
	(void)finish(&c, ENGINE_REFUSED, ERR_UNREACHABLE);
	assert_non_null(strstr(c.r.err.text, "no engine listens at"));
	fake_away(fake, false);
	create_volume(&c);
	expect_done(&c); /* it was only away */
	DO(volume_remove, "lab-v-1");
}

static void clear_refusals_are_refused(void **state)
{
	static const struct {
		int status, code;
	} cases[] = {{400, ERR_ENGINE}, {404, ERR_NOT_FOUND}, {409, ERR_STATE}, {429, ERR_ENGINE}};
	struct change c;

	probe();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = strf(
			"fault=status status=%d match=\"POST /volumes/create\" n=1 text=because",
			cases[i].status);

		plan(line);
		create_volume(&c);
		(void)finish(&c, ENGINE_REFUSED, cases[i].code);
		assert_non_null(strstr(c.r.err.text, ": because"));
	}
}

/* --- a container and its second network --- */

static void create_on_two(struct change *c, const struct network *a, const struct network *b)
{
	struct container_network networks[] = {{.id = a->id}, {.id = b->id}};
	struct container_spec s = plain_spec(forever);

	s.networks = networks;
	s.n_networks = 2;
	*c = (struct change){0};
	(void)container_create(engine, user_turn, &s, on_change, c);
}

static void a_half_made_container_is_removed_again(void **state)
{
	struct network a = make_network(true), b = make_network(true);
	struct change c;

	plan("fault=status status=500 match=\"POST /networks/*/connect\" n=1 text=nope");
	create_on_two(&c, &a, &b);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_ENGINE); /* gone, but worth another try */
	assert_non_null(strstr(c.r.err.text, "nope"));
	assert_int_equal(fake_count(fake, "containers"), 0);
	plan("fault=cut-reply match=\"POST /networks/*/connect\" n=1");
	create_on_two(&c, &a, &b);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_UNKNOWN);
	assert_int_equal(fake_count(fake, "containers"), 0);
	plan("fault=status match=\"POST /networks/*/connect\" n=1\nfault=refuse match=\"DELETE *\" "
	     "n=1");
	create_on_two(&c, &a, &b);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_ENGINE);
	assert_int_equal(fake_count(fake, "containers"), 1);
	forget_network(&a);
	forget_network(&b);
}

static void a_cancel_between_the_steps_undoes_them(void **state)
{
	struct network a = make_network(true), b = make_network(true);
	struct container_network networks[] = {{.id = a.id}, {.id = b.id}};
	struct container_spec s = plain_spec(forever);
	struct change c = {0};

	plan("fault=delay ms=300 match=\"POST /networks/*/connect\"");
	s.networks = networks;
	s.n_networks = 2;
	struct engine_op *op = container_create(engine, user_turn, &s, on_change, &c);
	while (fake_calls(fake, "POST /networks/*/connect") == 0)
		(void)loop_once(loop, false);
	engine_cancel(op);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_CANCELED);
	assert_int_equal(fake_count(fake, "containers"), 0);
	drop_network(&a);
	drop_network(&b);
}

/* --- changes that may be repeated: the state decides --- */

static void a_failing_start_is_judged_by_the_state_it_left(void **state)
{
	char *id = make_container(forever);
	struct change c = {0};

	plan("fault=status-after status=500 match=\"POST /containers/*/start\" n=1");
	DO(container_start, id); /* said 500, but it runs */
	DO(container_stop, id, 0);
	plan("fault=status status=500 match=\"POST /containers/*/start\" n=1 text=\"runc create "
	     "failed\"");
	c = REFUSED(ERR_ENGINE, container_start, id);
	assert_non_null(strstr(c.r.err.text, "runc create failed"));
	plan("fault=cut-reply match=\"POST /containers/*/start\" n=1");
	c = (struct change){0};
	(void)container_start(engine, user_turn, id, on_change, &c);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_UNKNOWN);
	plan("fault=status-after status=500 match=\"POST /containers/*/pause\" n=1");
	DO(container_pause, id);
	plan("fault=status status=500 match=\"POST /containers/*/stop\" n=1\n"
	     "fault=refuse match=\"GET /containers/*/json\"");
	c = (struct change){0};
	(void)container_stop(engine, user_turn, id, 0, on_change, &c);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_ENGINE); /* and the state cannot be asked either */
	free(id);
}

static void a_failing_remove_is_busy_until_it_is_gone(void **state)
{
	char *id = start_container(forever);

	plan("fault=status status=500 match=\"DELETE /containers/*\" n=1 text=\"device or resource "
	     "busy\"");
	assert_true(REFUSED(ERR_ENGINE, container_remove, id).r.busy);
	plan("fault=status status=409 match=\"DELETE /containers/*\" n=1 "
	     "text=\"removal of container x is already in progress\"");
	assert_true(REFUSED(ERR_STATE, container_remove, id).r.busy);
	plan("fault=status-after status=500 match=\"DELETE /containers/*\" n=1");
	DO(container_remove, id);
	free(id);
}

static void stale_endpoints_do_not_hold_a_network(void **state)
{
	struct network n = make_network(true);
	unsigned before;

	fake_leak_endpoint(fake, n.name);
	before = fake_calls(fake, "POST /networks/*/disconnect");
	drop_network(&n);
	assert_int_equal(fake_calls(fake, "POST /networks/*/disconnect") - before, 1);
	assert_int_equal(fake_count(fake, "networks"), 0);
}

static void an_engine_that_may_not_raise_limits_is_remembered(void **state)
{
	probe();
	assert_true(docker_of(engine)->ulimits);
	char *id = make_container(forever);

	plan("fault=status status=500 match=\"POST /containers/*/start\" n=1 "
	     "text=\"error setting rlimit type 7: operation not permitted\"");
	assert_non_null(strstr(
		REFUSED(ERR_ENGINE, container_start, id).r.err.text, "create the container again"));
	assert_false(docker_of(engine)->ulimits);
	probe();
	assert_false(docker_of(engine)->ulimits); /* it is not tried again */
	drop_container(id);
}

/* --- reads: could not ask is not absent --- */

struct listing {
	bool done;
	struct err err;
	size_t n;
};

static void on_list(void *arg, const struct engine_listing *l)
{
	*(struct listing *)arg = (struct listing){true, l->err, l->n};
}

static void a_list_that_is_not_whole_says_nothing(void **state)
{
	static const char *const faults[] = {"fault=refuse match=\"GET /volumes\"",
		"fault=garbage match=\"GET /networks\"",
		"fault=status status=500 match=\"GET /networks\"",
		"fault=truncate match=\"GET /containers/json\""};
	struct change c;

	create_volume(&c);
	expect_done(&c);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		struct listing l = {0};

		plan(faults[i]);
		(void)engine_list(engine, install, NULL, on_list, &l);
		run_until(&l.done);
		assert_int_not_equal(l.err.code, 0);
		assert_int_not_equal(l.err.code, ERR_NOT_FOUND);
		assert_int_equal(l.n, 0);
	}
}

static void what_cannot_be_asked_is_not_absent(void **state)
{
	char *id = make_container(forever);

	plan("fault=refuse match=\"GET /containers/*/json\"");
	assert_int_equal(look_at(id).s.err.code, ERR_UNREACHABLE);
	fake_away(fake, true);
	assert_int_equal(look_at(id).s.err.code, ERR_UNREACHABLE);
	free(id);
}

/* --- versions --- */

static void the_version_is_negotiated_again_after_a_downgrade(void **state)
{
	probe();
	assert_string_equal(engine_info(engine)->api, "1.56");
	fake_set_minor(fake, 41);
	char *id = start_container(forever); /* the first call was refused: too new */
	assert_string_equal(engine_info(engine)->api, "1.41");
	drop_container(id);
}

static void an_upgrade_is_noticed_after_a_reconnect(void **state)
{
	struct change c;

	probe();
	assert_string_equal(engine_info(engine)->api, "1.41");
	fake_away(fake, true);
	create_volume(&c);
	(void)finish(&c, ENGINE_REFUSED, ERR_UNREACHABLE);
	fake_set_minor(fake, 45);
	fake_away(fake, false);
	create_volume(&c);
	expect_done(&c);
	assert_string_equal(engine_info(engine)->api, "1.45");
}

static void an_engine_of_the_past_is_refused(void **state)
{
	struct change c = {0};

	fake_set_minor(fake, 40);
	engine_probe(engine, on_change, &c);
	(void)finish(&c, ENGINE_REFUSED, ERR_ENGINE);
	assert_non_null(strstr(c.r.err.text, "install Docker Engine 20.10 or newer"));
}

static void something_else_that_listens_is_no_engine(void **state)
{
	struct change c = {0};

	plan("fault=garbage match=\"GET /version\"");
	engine_probe(engine, on_change, &c);
	(void)finish(&c, ENGINE_REFUSED, ERR_PROTO);
	assert_non_null(strstr(c.r.err.text, "not as a Docker engine"));
}

/* --- which engine it is --- */

static void an_engine_is_known_by_its_id_and_its_folder(void **state)
{
	static const char *const others[] = {
		"engine id=ONE", "engine id=TWO", "engine id=TWO root=/srv/two"};
	_cleanup_free_ char *seen = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		fake_set_minor(fake, 41);
		plan(others[i]);
		probe();
		assert_true(*engine_info(engine)->id);
		assert_false(str_same(seen, engine_info(engine)->id));
		str_set(&seen, engine_info(engine)->id);
		fake_set_minor(fake, 45); /* an upgrade makes no other one of it */
		probe();
		assert_string_equal(engine_info(engine)->api, "1.45");
		assert_string_equal(engine_info(engine)->id, seen);
	}
}

static int is_one(void *arg, const struct engine_info *i, struct err *e)
{
	return str_starts(i->id, "ONE ") ? 0 : err_set(e, ERR_STATE, "this is '%s'", i->id);
}

static void an_engine_that_is_not_accepted_is_asked_for_nothing(void **state)
{
	struct listing l = {0};
	struct change c = {0};

	engine_guard(engine, is_one, NULL);
	plan("engine id=TWO");
	engine_probe(engine, on_change, &c);
	(void)finish(&c, ENGINE_REFUSED, ERR_UNREACHABLE);
	assert_non_null(strstr(c.r.err.text, "this is 'TWO "));
	create_volume(&c);
	(void)finish(&c, ENGINE_REFUSED, ERR_UNREACHABLE);
	assert_non_null(strstr(c.r.err.text, "cannot create the volume 'lab-v-1': this is 'TWO "));
	(void)engine_list(engine, install, NULL, on_list, &l);
	run_until(&l.done);
	assert_int_equal(l.err.code, ERR_UNREACHABLE);
	assert_int_equal(fake_calls(fake, "POST *"), 0);
	assert_int_equal(fake_calls(fake, "GET /networks"), 0);
	plan("engine id=ONE");
	create_volume(&c);
	expect_done(&c);
	DO(volume_remove, "lab-v-1");
}

/* It may have been replaced whenever a connection breaks. */
static void who_answers_after_a_break_is_asked_who_it_is(void **state)
{
	struct listing l = {0};
	struct change c;

	engine_guard(engine, is_one, NULL);
	plan("engine id=ONE\nfault=truncate match=\"GET /networks\" n=1");
	probe();
	plan("engine id=TWO");
	(void)engine_list(engine, install, NULL, on_list, &l);
	run_until(&l.done);
	assert_int_equal(l.err.code, ERR_UNREACHABLE);
	create_volume(&c);
	(void)finish(&c, ENGINE_REFUSED, ERR_UNREACHABLE);
	assert_int_equal(fake_calls(fake, "POST *"), 0);
}

/* --- canceling and ending --- */

static void what_waits_or_runs_can_be_canceled(void **state)
{
	struct change running[4] = {{0}}, waiting = {0}, flying = {0};
	struct volume_spec s = {.name = "lab-v-2", .labels = labels_of("volume", "data")};

	probe();
	plan("fault=delay ms=200 match=\"POST /volumes/create\"");
	struct engine_op *op = NULL;
	for (int i = 0; i < 4; i++)
		op = volume_create(engine, user_turn, &s, on_change, i < 3 ? &running[i] : &flying);
	struct engine_op *last = volume_create(engine, user_turn, &s, on_change, &waiting);
	while (fake_calls(fake, "POST /volumes/create") < 4)
		(void)loop_once(loop, false);
	assert_int_equal(engine_load(engine).in_flight, 4);
	engine_cancel(last);
	assert_false(waiting.done);
	(void)finish(&waiting, ENGINE_REFUSED, ERR_CANCELED);
	engine_cancel(op);
	engine_cancel(op);
	(void)finish(&flying, ENGINE_UNKNOWN, ERR_CANCELED);
	for (int i = 0; i < 3; i++)
		expect_done(&running[i]);
	assert_int_equal(fake_calls(fake, "POST /volumes/create"), 4);
	assert_int_equal(engine_load(engine).in_flight, 0);
}

static void freeing_the_engine_ends_everything_once(void **state)
{
	struct change c[6] = {{0}}, early = {0}, killed = {0};
	struct volume_spec s = {.name = "lab-v-3", .labels = labels_of("volume", "data")};
	struct listing l = {0};
	struct run r;

	(void)volume_create(engine, user_turn, &s, on_change, &early); /* waits for the version */
	probe();
	expect_done(&early);
	char *id = start_container(forever);
	struct exec_spec x = {.container = id, .argv = forever};
	run_begin(&r, &x);
	run_until(&r.started_said);
	plan("fault=silence match=\"POST /volumes/create\"\nfault=silence match=\"GET /networks\"");
	for (int i = 0; i < 6; i++)
		(void)volume_create(engine, user_turn, &s, on_change, &c[i]);
	(void)engine_list(engine, install, NULL, on_list, &l);
	exec_kill(r.exec, on_change, &killed); /* waits for its turn behind them */
	engine_cancel(volume_create(engine, user_turn, &s, on_change, &early)); /* not told yet */
	early.done = false;
	while (fake_calls(fake, "POST /volumes/create") < 5)
		(void)loop_once(loop, false);
	exec_free(TAKE(r.exec));
	engine_free(TAKE(engine));
	for (int i = 0; i < 6; i++)
		assert_int_equal(c[i].r.err.code, ERR_CANCELED);
	assert_int_equal(l.err.code, ERR_CANCELED);
	assert_int_equal(killed.r.err.code, ERR_CANCELED);
	assert_true(early.done);
	(void)loop_once(loop, false);
	run_done(&r);
	free(id);
}

/* --- deadlines, on a clock of our own --- */

static int64_t fake_ms_now;

static int64_t fake_ms(void *arg)
{
	return fake_ms_now;
}

/* Another loop and engine, whose time goes on by hand. */
static void stop_the_clock(void)
{
	static const struct clock clock = {fake_ms, fake_ms, NULL};

	engine_free(engine);
	loop_drop();
	fake_ms_now = 1000;
	assert_int_equal(loop_make(&clock, NULL), 0);
	assert_int_equal(engine_open(&engine, loop, fake_url(fake), NULL), 0);
	probe();
}

static void a_silent_engine_runs_into_the_deadline(void **state)
{
	struct change c;
	struct look l = {0};

	stop_the_clock();
	plan("fault=silence match=\"POST /volumes/create\"\nfault=silence match=\"GET "
	     "/containers/*\"");
	create_volume(&c);
	(void)container_inspect(engine, "lab-x", false, on_look, &l);
	while (fake_calls(fake, "POST /volumes/create") + fake_calls(fake, "GET /containers/*") < 2)
		(void)loop_once(loop, false);
	fake_ms_now += 20000;
	loop_advance(loop);
	run_until(&l.done);
	assert_int_equal(l.s.err.code, ERR_TIMEOUT);
	assert_false(c.done);
	fake_ms_now += 40000;
	loop_advance(loop);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_TIMEOUT);
}

/* --- execs --- */

/* An end that comes too early is lost in the engine, so that this one would never end. */
static void an_empty_stdin_ends_a_moment_after_the_start(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("cat"), .stdin_open = true};
	struct run r, other;

	stop_the_clock();
	run_begin(&r, &s);
	exec_close_stdin(r.exec);
	run_until(&r.started_said);
	fake_ms_now += 99;
	loop_advance(loop);
	run_begin(&other, &s);
	assert_int_equal(exec_write(other.exec, "x", 1, NULL), 0);
	exec_close_stdin(other.exec);
	run_end(&other);
	assert_string_equal(buf_str(&other.out), "x");
	assert_false(r.ended);
	fake_ms_now += 1;
	loop_advance(loop);
	run_end(&r);
	assert_int_equal(r.code, 0);
	run_done(&r);
	run_done(&other);
	free(id);
}

static void a_missing_shell_is_no_output(void **state)
{
	struct exec_spec s = {.argv = LIST("true")};
	struct container_spec c;
	struct run r;

	plan("image name=noshell:1");
	c = plain_spec(forever);
	c.image = "noshell:1";
	char *id = MUST(container_create, &c);
	DO(container_start, id);
	s.container = id;
	run_begin(&r, &s);
	run_end(&r);
	assert_int_equal(r.err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(r.err.text, "/bin/sh"));
	assert_int_equal(r.out.len, 0);
	assert_false(r.started_said);
	run_done(&r);
	drop_container(id);
}

static void stderr_may_overtake_the_first_line(void **state)
{
	char *id = start_container(forever);
	struct run r;

	plan("exec match=hasty early=\"first\\n\" stdout=out stderr=second");
	r = run(id, LIST("hasty"));
	assert_int_equal(r.err.code, 0);
	assert_string_equal(buf_str(&r.error), "first\nsecond");
	assert_string_equal(buf_str(&r.out), "out");
	run_done(&r);
	free(id);
}

/* The stream ends before the pid line: of a program that lives, and of one that was killed. */
static void silence_is_not_a_missing_program(void **state)
{
	char *id = start_container(forever);
	struct run r;

	plan("fault=cut-stream bytes=1 match=\"POST /exec/*/start\" n=1");
	r = run(id, LIST("sleep", "600"));
	assert_int_equal(r.err.code, ERR_UNKNOWN);
	assert_false(r.started_said);
	run_done(&r);
	plan("exec match=victim dies=137");
	r = run(id, LIST("victim"));
	assert_int_equal(r.err.code, ERR_STATE);
	assert_non_null(strstr(r.err.text, "137"));
	run_done(&r);
	free(id);
}

static void a_stream_that_is_cut_is_no_end(void **state)
{
	char *id = start_container(forever);
	struct run r;

	plan("fault=cut-stream bytes=30 match=\"POST /exec/*/start\"\n"
	     "exec match=talk stdout=\"a long story that is cut somewhere\"");
	r = run(id, LIST("talk"));
	assert_int_equal(r.err.code, ERR_UNKNOWN);
	assert_true(r.started_said);
	run_done(&r);
	free(id);
}

static void the_exit_code_is_waited_for(void **state)
{
	char *id = start_container(forever);
	struct run r;

	plan("exec match=job exit=5 stdout=out stderr=err ms=30\n"
	     "fault=status status=500 match=\"GET /exec/*/json\" n=2");
	r = run(id, LIST("job"));
	assert_int_equal(r.code, 5);
	assert_string_equal(buf_str(&r.out), "out");
	assert_string_equal(buf_str(&r.error), "err");
	run_done(&r);
	r = run(id, LIST("job"));
	assert_int_equal(r.err.code, ERR_ENGINE); /* an exit code that cannot be learned is none */
	run_done(&r);
	free(id);
}

static void what_cannot_be_killed_is_said(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("sleep", "601"), .marker = "m"};
	struct change c = {0};
	struct run r;

	plan("hide match=\"sleep 601\"");
	run_begin(&r, &s);
	run_until(&r.started_said);
	exec_kill(r.exec, NULL, NULL); /* nobody wants to know */
	exec_kill(r.exec, on_change, &c);
	expect_refused(&c, ERR_STATE);
	assert_non_null(strstr(c.r.err.text, "still there"));
	run_done(&r);
	free(id);
}

/* A reader that has had enough. */
struct impatient {
	struct exec *exec;
	bool freed;
};

static void on_too_much(void *arg, int stream, const char *p, size_t n)
{
	struct impatient *i = arg;

	assert_false(i->freed);
	i->freed = true;
	exec_free(i->exec);
}

static void on_never(void *arg, int code, const struct err *err)
{
	fail_msg("ended after it was freed");
}

static void a_container_that_stops_meanwhile_is_a_state(void **state)
{
	char *id = start_container(forever);
	struct run r;

	plan("fault=status status=500 match=\"POST /exec/*/start\" "
	     "text=\"Container 1234 is not running: Exited (143) Less than a second ago\"");
	r = run(id, LIST("true"));
	assert_int_equal(r.err.code, ERR_STATE);
	assert_false(r.started_said);
	run_done(&r);
	free(id);
}

static void an_exec_can_be_freed_by_its_own_output(void **state)
{
	static const struct exec_ops ops = {.output = on_too_much, .ended = on_never};
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = SH("echo a; echo b >&2; echo c")};
	struct impatient i = {0};

	i.exec = exec_start(engine, user_turn, &s, &ops, &i);
	run_until(&i.freed);
	rest(20);
	s.argv = forever;
	for (int turns = 0; turns < 12; turns++) { /* at every moment of its start */
		struct exec *x = exec_start(engine, user_turn, &s, &ops, &i);

		for (int t = 0; t < turns; t++)
			(void)loop_once(loop, false);
		exec_free(x);
	}
	rest(20);
	assert_int_equal(engine_load(engine).running, 0);
	free(id);
}

/* --- events --- */

static struct {
	int connected, lost, died, oom;
} heard;

static void on_event(void *arg, const struct engine_event *ev)
{
	heard.connected += ev->kind == EVENT_CONNECTED;
	heard.lost += ev->kind == EVENT_LOST;
	heard.died += ev->kind == EVENT_DIED && ev->exit_code == 137;
	heard.oom += ev->kind == EVENT_OOM;
}

static void wait_for(const int *count, int n)
{
	while (*count < n)
		turn();
}

static void events_come_back_after_a_break(void **state)
{
	struct container_spec s = plain_spec(forever);
	_cleanup_free_ char *name = xstrdup(s.name), *id = NULL;

	memset(&heard, 0, sizeof(heard));
	id = MUST(container_create, &s);
	DO(container_start, id);
	fake_away(fake, true);
	engine_events(engine, install, on_event, NULL);
	wait_for(&heard.lost, 1); /* it is not there from the start */
	fake_away(fake, false);
	wait_for(&heard.connected, 1);
	fake_oom(fake, name);
	wait_for(&heard.died, 1);
	assert_int_equal(heard.oom, 1);
	fake_away(fake, true);
	wait_for(&heard.lost, 2);
	fake_away(fake, false);
	wait_for(&heard.connected, 2);
	engine_events(engine, "somebody-else", on_event, NULL); /* one subscriber: the new one */
	wait_for(&heard.connected, 3);
	DO(container_start, id);
	fake_oom(fake, name);
	rest(100);
	assert_int_equal(heard.died, 1);
}

/* A listener hears of it once, and again only after the engine has answered a probe. */
static void a_call_that_finds_nobody_is_heard_of(void **state)
{
	struct change c;

	memset(&heard, 0, sizeof(heard));
	probe();
	engine_events(engine, install, on_event, NULL);
	wait_for(&heard.connected, 1);
	plan("fault=refuse match=\"POST /volumes/create\"");
	for (int i = 0; i < 2; i++) {
		create_volume(&c);
		(void)finish(&c, ENGINE_UNKNOWN, ERR_UNKNOWN);
		assert_int_equal(heard.lost, 1);
	}
	probe();
	create_volume(&c);
	(void)finish(&c, ENGINE_UNKNOWN, ERR_UNKNOWN);
	assert_int_equal(heard.lost, 2);
}

/* It came between two tries of the stream, and went before the next. */
static void a_probe_that_is_answered_opens_the_stream(void **state)
{
	memset(&heard, 0, sizeof(heard));
	fake_away(fake, true);
	engine_events(engine, install, on_event, NULL);
	wait_for(&heard.lost, 1);
	rest(700); /* the next try is 800 ms away, and the one after that 1.6 s */
	fake_away(fake, false);
	probe();
	rest(100);
	assert_int_equal(heard.connected, 1);
	fake_away(fake, true);
	wait_for(&heard.lost, 2);
}

/* An engine that is there, and cuts or refuses each stream at once, is not asked without end. */
static void a_stream_that_is_cut_at_once_is_waited_for_longer(void **state)
{
	struct container_spec s = plain_spec(forever);
	_cleanup_free_ char *name = xstrdup(s.name), *id = NULL;
	int64_t from;

	memset(&heard, 0, sizeof(heard));
	id = MUST(container_create, &s);
	DO(container_start, id);
	plan("fault=status match=\"GET /events*\" n=1 status=200\n"
	     "fault=status match=\"GET /events*\" n=2 status=403\n"
	     "fault=status match=\"GET /events*\" n=3 status=200");
	from = loop_now_ms(loop);
	engine_events(engine, install, on_event, NULL);
	for (int i = 1; i <= 3; i++) {
		wait_for(&heard.lost, i);
		probe(); /* as the owner does, who wants to know whether it is there */
	}
	assert_true(loop_now_ms(loop) - from >= 200 + 400);
	wait_for(&heard.connected, 3);
	fake_oom(fake, name);
	wait_for(&heard.died, 1); /* it tells something: all is well again */
	fake_away(fake, true);
	wait_for(&heard.lost, 4);
	fake_away(fake, false);
	from = loop_now_ms(loop);
	wait_for(&heard.connected, 4);
	assert_true(loop_now_ms(loop) - from < 1600);
}

/* --- pulls and builds --- */

struct pulled {
	struct change change;
	int64_t done, total;
	char line[80];
	struct buf tar;
	size_t at;
};

static void on_progress(void *arg, const char *line, int64_t done, int64_t total)
{
	struct pulled *p = arg;

	if (total) {
		p->done = done;
		p->total = total;
	}
	(void)snprintf(p->line, sizeof(p->line), "%s", line);
}

static void pull(struct pulled *p, const char *ref)
{
	*p = (struct pulled){0};
	(void)image_pull(engine, user_turn, ref, on_progress, on_change, p);
	run_until(&p->change.done);
}

static void a_pull_adds_its_layers_up(void **state)
{
	struct pulled p;

	plan("registry name=far.example/lab/x:1");
	pull(&p, "far.example/lab/x:1");
	expect_done(&p.change);
	assert_true(str_starts(p.change.id, "sha256:"));
	assert_string_equal(p.line, "pulling far.example/lab/x:1");
	assert_int_equal(p.done, 150);
	assert_int_equal(p.total, 150);
	assert_null(fake_auth(fake));
}

static void a_pull_fails_inside_a_200_too(void **state)
{
	static const struct {
		const char *error;
		int code;
	} cases[] = {
		{"manifest unknown: manifest unknown", ERR_NOT_FOUND},
		{"Get https://far.example/v2/: dial tcp 192.0.2.1:443: i/o timeout",
			ERR_UNREACHABLE},
		{"unauthorized: authentication required", ERR_AUTH},
		{"write /x: no space left on device", ERR_NO_SPACE},
		{"something new", ERR_ENGINE},
	};
	struct pulled p;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *line = strf("registry name=x:1 error=\"%s\"", cases[i].error);

		plan(line);
		pull(&p, "x:1");
		(void)finish(&p.change, ENGINE_REFUSED, cases[i].code);
		assert_non_null(strstr(p.change.r.err.text, cases[i].error));
	}
	pull(&p, "y"); /* 404 before the stream; and the tag is "latest" */
	(void)finish(&p.change, ENGINE_REFUSED, ERR_NOT_FOUND);
}

static void a_pull_shows_its_credentials(void **state)
{
	char folder[] = "/tmp/labyard-config.XXXXXX";
	struct pulled p;

	assert_non_null(mkdtemp(folder));
	_cleanup_free_ char *path = strf("%s/config.json", folder);
	const char *text = "{\"auths\":{\"far.example\":{\"auth\":\"YTpi\"}}}";
	assert_int_equal(fs_write_atomic(path, text, strlen(text), 0600, NULL), 0);
	setenv("DOCKER_CONFIG", folder, 1);
	plan("registry name=far.example/x:1");
	pull(&p, "far.example/x:1");
	expect_done(&p.change);
	_cleanup_free_ char *auth = fake_auth(fake), *plain = base64_decode(auth, NULL);
	assert_string_equal(
		plain, "{\"username\":\"a\",\"password\":\"b\",\"serveraddress\":\"far.example\"}");
	assert_int_equal(fs_remove_tree(folder, NULL), 0);
}

static int64_t give_tar(void *arg, char *p, size_t n, struct err *e)
{
	struct pulled *b = arg;

	n = MIN(n, b->tar.len - b->at);
	memcpy(p, b->tar.data + b->at, n);
	b->at += n;
	return (int64_t)n;
}

static void build(struct pulled *b, const char *dockerfile)
{
	struct build_spec s = {
		.tag = "lab/x:1", .labels = labels_of("image", "x"), .context = give_tar};

	*b = (struct pulled){.tar = BUF(1u << 20)};
	tar_add(&b->tar, "Dockerfile", 0644, 0, 0, dockerfile);
	tar_end(&b->tar);
	(void)image_build(engine, user_turn, &s, on_progress, on_change, b);
	run_until(&b->change.done);
	buf_done(&b->tar);
}

static void a_build_whose_report_is_cut_is_unknown(void **state)
{
	struct pulled b;

	build(&b, "FROM debian:12-slim");
	expect_done(&b.change);
	plan("fault=cut-stream bytes=60 match=\"POST /build\" n=1");
	build(&b, "FROM debian:12-slim\nRUN true");
	(void)finish(&b.change, ENGINE_UNKNOWN, ERR_UNKNOWN);
	plan("fault=garbage match=\"POST /build\" n=1");
	build(&b, "FROM lab/none:1");
	(void)finish(&b.change, ENGINE_REFUSED, ERR_NOT_FOUND);
}

static void a_build_tells_of_its_base(void **state)
{
	struct pulled b;

	plan("registry name=far.example/base:1");
	build(&b, "FROM far.example/base:1");
	expect_done(&b.change);
	assert_true(b.total > 0); /* it was told before the last lines, which have none */
}

#define CASE(f)    cmocka_unit_test_setup_teardown(f, setup_41, teardown)
#define CASE_56(f) cmocka_unit_test_setup_teardown(f, setup_56, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_create_whose_answer_is_lost_is_unknown),
		CASE(a_create_that_was_not_sent_is_refused),
		CASE(clear_refusals_are_refused),
		CASE(a_half_made_container_is_removed_again),
		CASE(a_cancel_between_the_steps_undoes_them),
		CASE(a_failing_start_is_judged_by_the_state_it_left),
		CASE(a_failing_remove_is_busy_until_it_is_gone),
		CASE(stale_endpoints_do_not_hold_a_network),
		CASE(an_engine_that_may_not_raise_limits_is_remembered),
		CASE(a_list_that_is_not_whole_says_nothing),
		CASE(what_cannot_be_asked_is_not_absent),
		CASE_56(the_version_is_negotiated_again_after_a_downgrade),
		CASE(an_upgrade_is_noticed_after_a_reconnect),
		CASE(an_engine_of_the_past_is_refused),
		CASE(something_else_that_listens_is_no_engine),
		CASE(an_engine_is_known_by_its_id_and_its_folder),
		CASE(an_engine_that_is_not_accepted_is_asked_for_nothing),
		CASE(who_answers_after_a_break_is_asked_who_it_is),
		CASE(what_waits_or_runs_can_be_canceled),
		CASE(freeing_the_engine_ends_everything_once),
		CASE(a_silent_engine_runs_into_the_deadline),
		CASE(an_empty_stdin_ends_a_moment_after_the_start),
		CASE(a_missing_shell_is_no_output),
		CASE_56(a_missing_shell_is_no_output),
		CASE(stderr_may_overtake_the_first_line),
		CASE(silence_is_not_a_missing_program),
		CASE(a_stream_that_is_cut_is_no_end),
		CASE(the_exit_code_is_waited_for),
		CASE(what_cannot_be_killed_is_said),
		CASE(a_container_that_stops_meanwhile_is_a_state),
		CASE(an_exec_can_be_freed_by_its_own_output),
		CASE(events_come_back_after_a_break),
		CASE_56(events_come_back_after_a_break),
		CASE(a_call_that_finds_nobody_is_heard_of),
		CASE(a_probe_that_is_answered_opens_the_stream),
		CASE(a_stream_that_is_cut_at_once_is_waited_for_longer),
		CASE(a_pull_adds_its_layers_up),
		CASE(a_pull_fails_inside_a_200_too),
		CASE(a_pull_shows_its_credentials),
		CASE(a_build_whose_report_is_cut_is_unknown),
		CASE(a_build_tells_of_its_base),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
