/*
 * test_engine.c - the contract of engine.h, the same cases against every engine (requires_engine).
 * time limit: 300 s
 *
 * The engine is LAB_TEST_ENGINE (unix:///path, tcp://host:port), else the one labd would find. It
 * needs the image LAB_TEST_IMAGE (debian:12-slim). test_fake.c runs the cases against the fake one.
 * Everything made here carries an install label of this run; the last case lists it: nothing is
 * left.
 */
#include "tests/contract/bench.h"
#include "tests/fake/fakeengine.h"

#include <unistd.h>

#ifndef FAKE_MINOR
#define FAKE_MINOR 0
#endif

static struct fake *fake; /* NULL on a real engine */

static char *const forever[] = {(char *)"sleep", (char *)"600", NULL};

/* --- the engine itself --- */

static void probe_tells_what_it_is(void **state)
{
	const struct engine_info *i = engine_info(engine);
	struct change c = {0};

	engine_probe(engine, on_change, &c);
	assert_false(c.done); /* never from inside start */
	expect_done(&c);
	assert_true(i->cores >= 1);
	assert_true(i->memory > 0);
	assert_true(i->cgroup == 1 || i->cgroup == 2);
	assert_true(str_starts(i->api, "1."));
	assert_true(atoi(i->api + 2) >= 41);
	assert_true(i->seccomp);
	assert_true(*i->id && *i->version && *i->where && *i->os && *i->storage);
	assert_int_equal(engine_load(engine).limit, 2 * i->cores);
	printf("# %s: engine %s, API %s (%s to %s), nofile %lld, memlock %lld\n", i->where,
		i->version, i->api, i->api_min, i->api_max, (long long)i->nofile_max,
		(long long)i->memlock_max);
}

/* --- networks and volumes --- */

static void networks_are_made_once_and_removed_often(void **state)
{
	struct network n = make_network(true);
	struct network_spec same = {.name = n.name, .labels = labels_of("network", "front")};
	struct network_spec overlap = {.name = "lab-contract-overlap",
		.labels = labels_of("network", "x"),
		.subnet = n.subnet};

	REFUSED(ERR_EXISTS, network_create, &same);
	REFUSED(ERR_CAPACITY, network_create, &overlap);
	DO(network_remove, n.id);
	drop_network(&n); /* again: done */
}

static void a_network_in_use_is_busy(void **state)
{
	struct network n = make_network(true);
	struct container_network use = {.id = n.id};
	struct container_spec s = plain_spec(forever);

	s.networks = &use;
	s.n_networks = 1;
	char *id = MUST(container_create, &s);
	DO(container_start, id);
	assert_true(REFUSED(ERR_STATE, network_remove, n.id).r.busy);
	assert_true(look_at(id).s.running); /* it was not cut off */
	assert_int_equal(look_at(id).s.n_addresses, 1);
	drop_container(id);
	drop_network(&n);
}

static void volumes_are_busy_while_a_container_has_them(void **state)
{
	char *volume = make_volume();
	struct container_mount m = {.volume = volume, .target = "/data"};
	struct container_spec s = plain_spec(forever);

	s.mounts = &m;
	s.n_mounts = 1;
	char *id = MUST(container_create, &s);
	assert_true(REFUSED(ERR_STATE, volume_remove, volume).r.busy);
	drop_container(id);
	DO(volume_remove, volume);
	DO(volume_remove, volume);
	free(volume);
}

/* --- the life of a container --- */

static void changes_can_be_repeated(void **state)
{
	char *id = make_container(forever);

	assert_false(look_at(id).s.running);
	DO(container_start, id);
	DO(container_start, id);
	DO(container_pause, id);
	DO(container_pause, id);
	assert_true(look_at(id).s.paused);
	REFUSED(ERR_STATE, container_start, id);
	DO(container_unpause, id);
	DO(container_unpause, id);
	assert_true(look_at(id).s.running && !look_at(id).s.paused);
	DO(container_stop, id, 1000);
	DO(container_stop, id, 1000);
	REFUSED(ERR_STATE, container_pause, id);
	DO(container_start, id);
	DO(container_remove, id);
	REFUSED(ERR_NOT_FOUND, container_start, id);
	REFUSED(ERR_NOT_FOUND, container_stop, id, 0);
	assert_int_equal(look_at(id).s.err.code, ERR_NOT_FOUND);
	drop_container(id);
}

static void a_name_or_an_image_that_cannot_be_is_refused(void **state)
{
	struct container_spec s = plain_spec(forever);
	char *id = MUST(container_create, &s);

	assert_non_null(strstr(REFUSED(ERR_EXISTS, container_create, &s).r.err.text, s.name));
	drop_container(id);
	s = plain_spec(forever);
	s.image = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
	REFUSED(ERR_NOT_FOUND, container_create, &s);
}

static void what_is_created_is_as_the_spec_says(void **state)
{
	struct network a = make_network(true), b = make_network(true);
	_cleanup_free_ char *address =
		strf("%.*s", (int)(strrchr(a.subnet, '.') - a.subnet), a.subnet);
	_cleanup_free_ char *fixed = strf("%s.%d", address, atoi(strrchr(a.subnet, '.') + 1) + 9);
	struct container_network networks[] = {
		{.id = a.id, .address = fixed, .aliases = LIST("api")},
		{.id = b.id, .aliases = LIST("back")}};
	struct container_spec s = plain_spec(forever);
	struct look l;

	s.networks = networks;
	s.n_networks = 2;
	s.hostname = "box";
	s.env = LIST("GREETING=hello there");
	char *id = MUST(container_create, &s);
	DO(container_start, id);
	l = look_at(id);
	assert_true(l.s.running);
	assert_int_equal(l.s.n_addresses, 2);
	assert_true(streq(l.addresses[0], fixed) || streq(l.addresses[1], fixed));
	assert_true(l.s.started_wall_ms > loop_wall_ms(loop) - 60000);
	assert_true(l.s.started_wall_ms <= loop_wall_ms(loop) + 1000);
	assert_int_equal(l.s.size_rw, -1);
	expect_run(id, LIST("printenv", "GREETING"), 0, "hello there\n");
	if (!fake) {
		_cleanup_free_ char *hosts = strf("%s     api\n", fixed);
		struct run r = run(
			id, SH("getent ahostsv4 api | head -n 1 | tr -s ' '; getent hosts back"));

		assert_true(str_starts(buf_str(&r.out), fixed));
		assert_non_null(strstr(buf_str(&r.out), "back"));
		run_done(&r);
		expect_run(id, LIST("hostname"), 0, "box\n");
	}
	drop_container(id);
	drop_network(&a);
	drop_network(&b);
}

/* The lock-down as the processes inside see it. */
static void the_hardening_is_in_force(void **state)
{
	if (fake)
		skip(); /* only a kernel can show it */
	char *id = start_container(forever);
	struct run r =
		run(id, SH("grep -E '^(NoNewPrivs|Seccomp|CapBnd):' /proc/self/status; "
			   "ulimit -Hn; ulimit -c; cat /sys/fs/cgroup/pids/pids.max "
			   "/sys/fs/cgroup/pids.max 2>/dev/null; "
			   "echo 1 2>/dev/null >/proc/sys/kernel/core_pattern || echo read-only; "
			   "wc -c </proc/kcore; ls /proc/acpi | wc -l"));
	const char *out = buf_str(&r.out);
	_cleanup_free_ char *nofile = strf(
		"\n%d\n", engine_info(engine)->nofile_max && engine_info(engine)->nofile_max < 65536
				  ? (int)engine_info(engine)->nofile_max
				  : 65536);

	assert_non_null(strstr(out, "NoNewPrivs:\t1\n"));
	assert_non_null(strstr(out, "Seccomp:\t2\n"));
	/* CHOWN, DAC_OVERRIDE, FOWNER, KILL, SETGID, SETUID */
	assert_non_null(strstr(out, "CapBnd:\t00000000000000eb\n"));
	if (str_starts(engine_info(engine)->where, "unix:")) /* elsewhere none is set */
		assert_non_null(strstr(out, nofile));
	assert_non_null(strstr(out, "\n64\n"));
	assert_non_null(strstr(out, "read-only\n"));
	run_done(&r);
	drop_container(id);
}

static void a_hidden_container_has_no_capabilities(void **state)
{
	if (fake)
		skip();
	struct container_spec s = plain_spec(forever);

	s.hidden = true;
	s.read_only = true;
	s.tmpfs = LIST("/tmp");
	char *id = MUST(container_create, &s);
	DO(container_start, id);
	expect_run(id,
		SH("grep CapBnd /proc/self/status; touch /x 2>/dev/null || echo no; touch /tmp/x "
		   "&& echo yes"),
		0, "CapBnd:\t0000000000000000\nno\nyes\n");
	drop_container(id);
}

static void stopping_kills_what_ignores_term(void **state)
{
	char *id = start_container(SH("trap '' TERM; sleep 600"));
	int64_t before = loop_now_ms(loop);

	rest(200); /* let the shell come to its trap */
	DO(container_stop, id, 1000);
	assert_true(loop_now_ms(loop) - before >= 1000);
	assert_true(loop_now_ms(loop) - before < 10000);
	assert_false(look_at(id).s.running);
	assert_int_equal(look_at(id).s.exit_code, 137);
	drop_container(id);
}

/* --- lists --- */

struct listing {
	bool done;
	struct err err;
	size_t n, containers, networks, volumes, running;
};

static void on_list(void *arg, const struct engine_listing *l)
{
	struct listing *out = arg;

	out->err = l->err;
	out->n = l->n;
	for (size_t i = 0; i < l->n; i++) {
		const struct engine_object *o = &l->objects[i];

		out->containers += o->kind == OBJECT_CONTAINER;
		out->networks += o->kind == OBJECT_NETWORK;
		out->volumes += o->kind == OBJECT_VOLUME;
		out->running += o->running;
		assert_int_equal(o->epoch, 7);
		assert_true(o->intent > 0);
		assert_string_equal(o->session, "contract-1");
		assert_true(str_starts(o->name, "lab-contract-"));
	}
	out->done = true;
}

static struct listing list_of(const char *whose, const char *session)
{
	struct listing l = {0};

	(void)engine_list(engine, whose, session, on_list, &l);
	run_until(&l.done);
	if (l.err.code)
		fail_msg("%s", l.err.text);
	return l;
}

static struct listing list_all(const char *whose)
{
	return list_of(whose, NULL);
}

static void lists_show_what_is_ours(void **state)
{
	struct network n = make_network(true);
	char *volume = make_volume(), *a = start_container(forever), *b = make_container(forever);
	struct listing l = list_all(install);

	assert_int_equal(l.networks, 1);
	assert_int_equal(l.volumes, 1);
	assert_int_equal(l.containers, 2);
	assert_int_equal(l.running, 1);
	assert_int_equal(list_of(install, "contract-1").n, l.n);
	assert_int_equal(list_of(install, "contract-2").n, 0);
	assert_int_equal(list_all("somebody-else").n, 0);
	drop_container(a);
	drop_container(b);
	DO(volume_remove, volume);
	free(volume);
	drop_network(&n);
}

/* --- execs --- */

static void execs_keep_the_two_streams_apart(void **state)
{
	char *id = start_container(forever);
	struct run r = run(id, SH("echo out; echo err >&2; echo more; exit 7"));

	assert_int_equal(r.err.code, 0);
	assert_int_equal(r.code, 7);
	assert_true(r.pid > 0);
	assert_string_equal(buf_str(&r.out), "out\nmore\n");
	assert_string_equal(buf_str(&r.error), "err\n");
	run_done(&r);
	expect_run(id, LIST("true"), 0, "");
	expect_run(id, LIST("echo", "it's", "a \"test\"", "$HOME"), 0, "it's a \"test\" $HOME\n");
	drop_container(id);
}

static void many_execs_at_once_lose_nothing(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = SH("echo out; echo err >&2; exit 7")};
	struct run r[4];

	for (int i = 0; i < 20; i++) {
		for (int k = 0; k < 4; k++)
			run_begin(&r[k], &s);
		for (int k = 0; k < 4; k++) {
			run_end(&r[k]);
			assert_string_equal(r[k].err.text, "");
			assert_string_equal(buf_str(&r[k].out), "out\n");
			assert_string_equal(buf_str(&r[k].error), "err\n");
			assert_int_equal(r[k].code, 7);
			run_done(&r[k]);
		}
	}
	drop_container(id);
}

static void stdin_ends_by_half_close(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("wc", "-c"), .stdin_open = true};
	char *block = xcalloc(1, 100000);
	struct run r;

	run_begin(&r, &s);
	for (int i = 0; i < 3; i++) /* before it has started: waits */
		assert_int_equal(exec_write(r.exec, block, 100000, NULL), 0);
	exec_close_stdin(r.exec);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "300000\n");
	run_done(&r);

	run_begin(&r, &s); /* nothing at all */
	exec_close_stdin(r.exec);
	assert_int_equal(exec_write(r.exec, "x", 1, NULL), ERR_STATE);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "0\n");
	run_done(&r);
	free(block);
	drop_container(id);
}

static void a_talk_goes_both_ways(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("cat"), .stdin_open = true};
	struct run r;

	run_begin(&r, &s);
	for (int i = 1; i <= 3; i++) {
		assert_int_equal(exec_write(r.exec, "ping\n", 5, NULL), 0);
		while (r.out.len < 5u * (unsigned)i)
			turn();
	}
	exec_close_stdin(r.exec);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "ping\nping\nping\n");
	assert_int_equal(r.code, 0);
	run_done(&r);
	drop_container(id);
}

static void an_exec_gets_its_environment(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id,
		.argv = LIST("printenv", "LABD_EXEC"),
		.marker = "row-12",
		.env = LIST("A=b c"),
		.user = "nobody"};
	struct run r;

	run_begin(&r, &s);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "row-12\n");
	run_done(&r);
	s.argv = LIST("printenv", "A");
	run_begin(&r, &s);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "b c\n");
	run_done(&r);
	if (!fake) {
		s.argv = SH("id -un; pwd");
		s.workdir = "/var";
		run_begin(&r, &s);
		run_end(&r);
		assert_string_equal(buf_str(&r.out), "nobody\n/var\n");
		run_done(&r);
	}
	drop_container(id);
}

static void expect_no_start(const struct exec_spec *s, int code)
{
	struct run r;

	run_begin(&r, s);
	run_end(&r);
	if (r.err.code != code)
		fail_msg("code %d instead of %d: %s", r.err.code, code, r.err.text);
	assert_false(r.started_said);
	assert_int_equal(r.out.len + r.error.len, 0); /* the runtime's words are no output */
	run_done(&r);
}

static void what_cannot_start_is_not_output(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("no-such-program")};

	expect_no_start(&s, ERR_NOT_FOUND);
	s.argv = LIST("/etc/passwd"); /* no program */
	expect_no_start(&s, ERR_NOT_FOUND);
	s.argv = LIST("true");
	s.user = "no-such-user";
	expect_no_start(&s, ERR_NOT_FOUND);
	s.user = NULL;
	DO(container_pause, id);
	expect_no_start(&s, ERR_STATE);
	DO(container_unpause, id);
	DO(container_stop, id, 0);
	expect_no_start(&s, ERR_STATE);
	drop_container(id);
	s.container = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	expect_no_start(&s, ERR_NOT_FOUND);
}

static void a_terminal_has_a_size_and_an_echo(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id,
		.argv = SH("sleep 0.4; stty size; sleep 0.6; stty size"),
		.tty = true,
		.stdin_open = true,
		.rows = 31,
		.cols = 97,
		.env = LIST("TERM=xterm")};
	struct run r;

	run_begin(&r, &s);
	exec_resize(r.exec, 32, 98); /* before the start */
	while (r.out.len == 0)
		turn();
	exec_resize(r.exec, 33, 99);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "32 98\r\n33 99\r\n");
	run_done(&r);

	s.argv = LIST("cat");
	run_begin(&r, &s);
	assert_int_equal(exec_write(r.exec, "hi\n", 3, NULL), 0);
	while (r.out.len < 8)
		turn();
	assert_int_equal(exec_write(r.exec, "\x04", 1, NULL), 0);
	run_end(&r);
	assert_string_equal(buf_str(&r.out), "hi\r\nhi\r\n");
	assert_int_equal(r.code, 0);
	run_done(&r);
	drop_container(id);
}

static void a_slow_reader_holds_the_program_up(void **state)
{
	const size_t size = 20 << 20;
	char *id = start_container(forever);
	_cleanup_free_ char *count = strf("%zu", size);
	struct exec_spec s = {.container = id, .argv = LIST("head", "-c", count, "/dev/zero")};
	struct run r;
	size_t held;

	run_begin(&r, &s);
	while (r.out.len == 0)
		turn();
	exec_pause_output(r.exec, true);
	held = r.out.len;
	rest(200);
	assert_int_equal(r.out.len, held);
	assert_true(held < 4 << 20);
	exec_pause_output(r.exec, false);
	run_end(&r);
	assert_int_equal(r.out.len, size);
	assert_int_equal(r.code, 0);
	run_done(&r);
	drop_container(id);
}

static void a_kill_reaches_the_whole_group(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id,
		.argv = fake ? LIST("sleep", "600") : SH("sleep 600 & sleep 600"),
		.marker = "row-13"};
	struct change killed = {0};
	struct run r;

	run_begin(&r, &s);
	run_until(&r.started_said);
	exec_kill(r.exec, on_change, &killed);
	expect_done(&killed);
	run_end(&r);
	assert_int_equal(r.code, 137);
	run_done(&r);
	if (!fake) /* only the container's own sleep is left */
		expect_run(id, SH("cat /proc/[0-9]*/comm | grep -c '^sleep$'"), 0, "1\n");
	drop_container(id);
}

/* Killed while it is still waiting for its start, and after its end. */
static void a_kill_may_come_early_or_late(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .argv = LIST("sleep", "600"), .marker = "row-14"};
	struct change early = {0}, late = {0};
	struct run r;

	run_begin(&r, &s);
	exec_kill(r.exec, on_change, &early);
	expect_done(&early);
	run_until(&r.ended);
	exec_kill(r.exec, on_change, &late);
	assert_false(late.done);
	expect_done(&late);
	run_end(&r);
	run_done(&r);
	drop_container(id);
}

/* execs on the fake engine; processes on a real one, with the container's own */
static void expect_sleeping(const char *id, size_t execs, const char *processes)
{
	if (!fake) {
		expect_run(id, SH("cat /proc/[0-9]*/comm | grep -c '^sleep$'"), 0, processes);
		return;
	}
	for (int i = 0; i < 1000 && fake_count(fake, "execs") != execs; i++)
		rest(2); /* its threads end in their time */
	assert_int_equal(fake_count(fake, "execs"), execs);
}

static void what_was_left_behind_is_found_by_its_marker(void **state)
{
	char *id = start_container(forever);
	struct exec_spec s = {.container = id, .marker = "row-15-1", .user = "nobody",
		.argv = fake ? LIST("sleep", "600") : SH("setsid sleep 600 & exec sleep 600")};
	struct change c = {0}, other = {0}, again = {0};
	struct run r;

	run_begin(&r, &s);
	run_until(&r.started_said);
	if (!fake)
		rest(200);
	exec_free(TAKE(r.exec)); /* labd is gone; the programs are not */
	run_done(&r);
	(void)exec_kill_marked(engine, id, "nobody", "row-", "row-15-", on_change, &other);
	expect_done(&other); /* those of this labd go on */
	expect_sleeping(id, 1, "3\n");
	(void)exec_kill_marked(engine, id, "nobody", "row-", "row-16-", on_change, &c);
	expect_done(&c);
	expect_sleeping(id, 0, "1\n");
	DO(container_stop, id, 0);
	(void)exec_kill_marked(engine, id, "nobody", "row-", "row-16-", on_change, &again);
	expect_done(&again); /* nothing lives in a stopped container */
	drop_container(id);
}

/* --- logs, events, figures --- */

struct log {
	struct change change;
	struct buf text; /* "1:out\n2:err\n" */
	bool full;
};

static bool on_log(void *arg, int stream, const char *p, size_t n)
{
	struct log *l = arg;

	if (n)
		assert_int_equal(buf_addf(&l->text, "%d:%.*s", stream, (int)n, p), 0);
	return !l->full;
}

static void on_log_done(void *arg, const struct engine_result *r)
{
	on_change(&((struct log *)arg)->change, r);
}

static void logs_can_be_read_and_followed(void **state)
{
	char *id = start_container(
		SH("echo out; sleep 0.1; echo err >&2; sleep 0.3; echo last; exit 3"));
	struct log all = {.text = BUF(65536)}, tail = {.text = BUF(65536)},
		   none = {.text = BUF(65536)};

	(void)container_logs(engine, id, true, -1, 0, on_log, on_log_done, &all);
	expect_done(&all.change); /* it ended because the container did */
	assert_string_equal(buf_str(&all.text), "1:out\n2:err\n1:last\n");
	(void)container_logs(engine, id, false, 1, 0, on_log, on_log_done, &tail);
	expect_done(&tail.change);
	assert_string_equal(buf_str(&tail.text), "1:last\n");
	(void)container_logs(
		engine, id, false, -1, loop_wall_ms(loop) / 1000 + 60, on_log, on_log_done, &none);
	expect_done(&none.change);
	assert_string_equal(buf_str(&none.text), "");
	assert_int_equal(look_at(id).s.exit_code, 3);
	buf_done(&all.text);
	buf_done(&tail.text);
	drop_container(id);
	none.change.done = false;
	(void)container_logs(engine, "lab-contract-none", false, -1, 0, on_log, on_log_done, &none);
	expect_refused(&none.change, ERR_NOT_FOUND);
	buf_done(&none.text);
}

static void a_log_waits_for_its_reader(void **state)
{
	char *id = start_container(
		SH("echo out; sleep 0.1; echo err >&2; sleep 0.3; echo last; exit 3"));
	struct log l = {.text = BUF(65536), .full = true};
	struct engine_op *op = container_logs(engine, id, true, -1, 0, on_log, on_log_done, &l);

	rest(300);
	assert_int_equal(l.text.len, 0);
	l.full = false;
	engine_resume(op);
	expect_done(&l.change);
	assert_string_equal(buf_str(&l.text), "1:out\n2:err\n1:last\n");
	buf_done(&l.text);
	drop_container(id);
}

static void following_a_log_can_be_canceled(void **state)
{
	char *id = start_container(forever);
	struct log l = {.text = BUF(65536)};
	struct engine_op *op = container_logs(engine, id, true, -1, 0, on_log, on_log_done, &l);

	rest(100);
	assert_false(l.change.done);
	engine_cancel(op);
	assert_false(l.change.done);
	expect_refused(&l.change, ERR_CANCELED);
	buf_done(&l.text);
	drop_container(id);
}

static struct {
	int connected, died;
	int code;
	char id[80];
	bool done;
} heard;

static void on_event(void *arg, const struct engine_event *ev)
{
	if (ev->kind == EVENT_CONNECTED)
		heard.connected++;
	if (ev->kind != EVENT_DIED)
		return;
	heard.died++;
	heard.code = ev->exit_code;
	(void)snprintf(heard.id, sizeof(heard.id), "%s", ev->container);
	heard.done = true;
}

static void the_end_of_a_container_is_told(void **state)
{
	char *id = make_container(SH("exit 3"));

	engine_events(engine, install, on_event, NULL);
	while (!heard.connected)
		turn();
	DO(container_start, id);
	run_until(&heard.done);
	assert_string_equal(heard.id, id);
	assert_int_equal(heard.code, 3);
	assert_int_equal(heard.died, 1);
	drop_container(id);
}

struct figures {
	bool done;
	struct container_stats s;
};

static void on_stats(void *arg, const struct container_stats *s)
{
	((struct figures *)arg)->s = *s;
	((struct figures *)arg)->done = true;
}

static struct container_stats measure(const char *id)
{
	struct figures f = {0};

	(void)container_stats(engine, id, on_stats, &f);
	run_until(&f.done);
	return f.s;
}

static void time_and_memory_are_measured(void **state)
{
	char *id = start_container(forever);
	struct container_stats a = measure(id), b;

	assert_int_equal(a.err.code, 0);
	assert_true(a.cpu_ns > 0);
	assert_true(a.memory > 0 && a.memory < 64 << 20);
	rest(20);
	expect_run(id, LIST("true"), 0, "");
	b = measure(id);
	assert_true(b.cpu_ns > a.cpu_ns);
	DO(container_stop, id, 0);
	assert_int_equal(measure(id).err.code, ERR_STATE);
	drop_container(id);
	assert_int_equal(measure("lab-contract-none").err.code, ERR_NOT_FOUND);
}

/* --- files --- */

static void put(const char *id, const char *path, struct transfer *t)
{
	t->op = container_put(engine, user_turn, id, path, give, on_transfer, t);
	expect_done(&t->change);
}

static void get(const char *id, const char *path, struct transfer *t, int pause)
{
	transfer_begin(t, 0, pause);
	t->op = container_get(engine, id, path, take, on_transfer, t);
	expect_done(&t->change);
}

static void expect_file(const char *id, const char *path, const char *name, const char *text)
{
	struct transfer t;
	const char *h;

	get(id, path, &t, 0);
	h = tar_find(&t.tar, name);
	assert_non_null(h);
	assert_int_equal(strtoul(h + 124, NULL, 8), strlen(text));
	assert_memory_equal(h + 512, text, strlen(text));
	assert_int_equal(strtoul(h + 100, NULL, 8) & 07777, 0640);
	assert_int_equal(strtoul(h + 108, NULL, 8), 1234);
	assert_int_equal(strtoul(h + 116, NULL, 8), 4321);
	transfer_done(&t);
}

static void files_come_back_as_they_went(void **state)
{
	char *volume = make_volume();
	struct container_mount m = {.volume = volume, .target = "/data"};
	struct container_spec s = plain_spec(forever);
	struct transfer t;

	s.mounts = &m;
	s.n_mounts = 1;
	s.read_only = true;
	char *id = MUST(container_create, &s);
	transfer_begin(&t, 100, 3); /* in small pieces, with pauses */
	tar_add(&t.tar, "src/", 0755, 0, 0, NULL);
	tar_add(&t.tar, "src/a.txt", 0640, 1234, 4321, "hello\n");
	tar_end(&t.tar);
	put(id, "/data", &t); /* created, not started, read-only root: volumes work */
	assert_true(t.pauses > 3);
	t.change.done = false;
	t.at = 0;
	t.op = container_put(engine, user_turn, id, "/etc", give, on_transfer, &t);
	expect_refused(&t.change, ERR_STATE);
	assert_non_null(strstr(t.change.r.err.text, "read-only"));
	transfer_done(&t);

	expect_file(id, "/data/src/a.txt", "a.txt", "hello\n");
	DO(container_start, id);
	expect_run(id, LIST("cat", "/data/src/a.txt"), 0, "hello\n");
	expect_file(id, "/data/src", "src/a.txt", "hello\n");
	DO(container_pause, id);
	expect_file(id, "/data/src/a.txt", "a.txt", "hello\n");
	DO(container_unpause, id);

	transfer_begin(&t, 0, 0);
	t.op = container_get(engine, id, "/data/none", take, on_transfer, &t);
	expect_refused(&t.change, ERR_NOT_FOUND);
	transfer_done(&t);
	transfer_begin(&t, 0, 0);
	t.op = container_get(engine, id, "/data/src/a.txt/none", take, on_transfer, &t);
	expect_refused(&t.change, ERR_NOT_FOUND);
	transfer_done(&t);
	drop_container(id);
	transfer_begin(&t, 0, 0);
	t.op = container_get(engine, "lab-contract-none", "/data", take, on_transfer, &t);
	expect_refused(&t.change, ERR_STATE);
	transfer_done(&t);
	DO(volume_remove, volume);
	free(volume);
}

static void big_archives_stream_both_ways(void **state)
{
	char *id = make_container(forever), *big = xmalloc((3 << 20) + 1);
	struct transfer t;

	for (size_t i = 0; i < 3 << 20; i++)
		big[i] = (char)('a' + i * 7919 % 26);
	big[3 << 20] = '\0';
	transfer_begin(&t, 60000, 20);
	tar_add(&t.tar, "big", 0640, 1234, 4321, big);
	tar_end(&t.tar);
	put(id, "/tmp", &t);
	transfer_done(&t);
	get(id, "/tmp/big", &t, 4);
	assert_true(t.pauses > 3);
	const char *h = tar_find(&t.tar, "big");
	assert_non_null(h);
	assert_memory_equal(h + 512, big, 3 << 20);
	transfer_done(&t);
	free(big);
	drop_container(id);
}

static int64_t give_up(void *arg, char *p, size_t n, struct err *e)
{
	return err_set(e, ERR_INVALID, "the folder changed meanwhile");
}

static void a_source_that_gives_up_is_heard(void **state)
{
	char *id = make_container(forever);
	struct change c = {0};

	(void)container_put(engine, user_turn, id, "/tmp", give_up, on_change, &c);
	run_until(&c.done);
	assert_int_equal(c.r.err.code, ERR_INVALID);
	assert_non_null(strstr(c.r.err.text, "the folder changed meanwhile"));
	assert_int_not_equal(c.r.outcome, ENGINE_DONE);
	drop_container(id);
}

/* --- images --- */

struct picture {
	bool done;
	struct err err;
	char id[80];
	char user[32], volume[64];
	size_t n_volumes;
	int64_t size;
};

static void on_picture(void *arg, const struct image_info *i)
{
	struct picture *p = arg;

	p->err = i->err;
	(void)snprintf(p->id, sizeof(p->id), "%s", i->id ? i->id : "");
	(void)snprintf(p->user, sizeof(p->user), "%s", i->user ? i->user : "");
	(void)snprintf(p->volume, sizeof(p->volume), "%s", i->n_volumes ? i->volumes[0] : "");
	p->n_volumes = i->n_volumes;
	p->size = i->size;
	p->done = true;
}

static struct picture inspect(const char *ref)
{
	struct picture p = {0};

	(void)image_inspect(engine, ref, on_picture, &p);
	run_until(&p.done);
	return p;
}

static const char *image_ref(void)
{
	return getenv("LAB_TEST_IMAGE") ? getenv("LAB_TEST_IMAGE") : "debian:12-slim";
}

static void images_are_found_or_certainly_absent(void **state)
{
	struct picture p = inspect(image_ref());

	assert_int_equal(p.err.code, 0);
	assert_true(str_starts(p.id, "sha256:"));
	assert_int_equal(strlen(p.id), 71);
	assert_true(p.size > 0);
	assert_string_equal(inspect(p.id).id, p.id);
	assert_int_equal(inspect("lab/contract-none:1").err.code, ERR_NOT_FOUND);
	DO(image_remove, "lab/contract-none:1");
}

struct build {
	struct transfer transfer; /* first: give() and on_transfer() take it */
	struct buf said;
	struct engine_op *op;
};

static void on_progress(void *arg, const char *line, int64_t done, int64_t total)
{
	struct build *b = arg;

	(void)buf_addf(&b->said, "%s\n", line);
}

static void build_begin(struct build *b, const char *tag, const char *dockerfile)
{
	struct build_spec s = {.tag = tag,
		.labels = labels_of("image", "x"),
		.dockerfile = "images/Dockerfile",
		.args = LIST("WHO=the world"),
		.no_network = true,
		.context = give};

	transfer_begin(&b->transfer, 300, 0);
	b->said = BUF(1u << 20);
	tar_add(&b->transfer.tar, "images/Dockerfile", 0644, 0, 0, dockerfile);
	tar_end(&b->transfer.tar);
	b->op = image_build(engine, user_turn, &s, on_progress, on_transfer, b);
}

static void build_done(struct build *b)
{
	transfer_done(&b->transfer);
	buf_done(&b->said);
}

static void images_are_built_with_labels(void **state)
{
	_cleanup_free_ char *tag = strf("lab/contract-%.8s:1", install);
	_cleanup_free_ char *text = strf("FROM %s\nARG WHO\nRUN echo hello to ${WHO}\n"
					 "USER nobody\nVOLUME /srv/data", image_ref());
	struct build b;
	struct picture p;

	build_begin(&b, tag, text);
	expect_done(&b.transfer.change);
	p = inspect(tag);
	assert_string_equal(p.id, b.transfer.change.id);
	assert_non_null(strstr(buf_str(&b.said), "Step 3/"));
	if (!fake) {
		assert_non_null(strstr(buf_str(&b.said), "\nhello to the world\n"));
		assert_string_equal(p.user, "nobody");
		assert_string_equal(p.volume, "/srv/data");
		assert_int_equal(p.n_volumes, 1);
	}
	assert_int_equal(list_all(install).n, 0); /* images are nobody's object */
	build_done(&b);
	DO(image_remove, tag);
}

static void a_build_that_fails_says_why(void **state)
{
	_cleanup_free_ char *text = strf("FROM %s\nRUN echo here >&2\nRUN exit 3", image_ref());
	struct build b;

	build_begin(&b, "lab/contract-bad:1", text);
	expect_refused(&b.transfer.change, ERR_ENGINE);
	assert_non_null(strstr(b.transfer.change.r.err.text, "returned a non-zero code: 3"));
	assert_non_null(strstr(buf_str(&b.said), "here"));
	build_done(&b);
	build_begin(&b, "lab/contract-bad:1", "NONSENSE");
	expect_refused(&b.transfer.change, ERR_ENGINE);
	build_done(&b);
	assert_int_equal(inspect("lab/contract-bad:1").err.code, ERR_NOT_FOUND);
}

static void a_build_can_be_canceled(void **state)
{
	_cleanup_free_ char *text = strf("FROM %s\nRUN sleep 20\nRUN true", image_ref());
	int64_t before = loop_now_ms(loop);
	struct build b;

	build_begin(&b, "lab/contract-slow:1", text);
	while (!strstr(buf_str(&b.said), "sleep 20"))
		turn();
	engine_cancel(b.op);
	run_until(&b.transfer.change.done);
	assert_int_equal(b.transfer.change.r.err.code, ERR_CANCELED);
	assert_true(loop_now_ms(loop) - before < 15000);
	build_done(&b);
}

static void a_registry_that_cannot_be_asked_is_not_an_absent_image(void **state)
{
	struct build b = {.said = BUF(65536)};

	(void)image_pull(engine, user_turn, "127.0.0.1:1/lab/none:1", on_progress, on_transfer, &b);
	expect_refused(&b.transfer.change, ERR_UNREACHABLE);
	buf_done(&b.said);
}

/* --- many at once --- */

static void many_containers_go_through_the_queue(void **state)
{
	struct change created[8] = {0}, started[8] = {0}, removed[8] = {0};

	for (size_t i = 0; i < 8; i++) {
		struct container_spec s = plain_spec(forever);

		(void)container_create(engine, user_turn, &s, on_change, &created[i]);
	}
	assert_true(engine_load(engine).waiting > 0);
	for (size_t i = 0; i < 8; i++)
		expect_done(&created[i]);
	for (size_t i = 0; i < 8; i++)
		(void)container_start(engine, user_turn, created[i].id, on_change, &started[i]);
	rest(5);
	assert_true(engine_load(engine).running <= engine_load(engine).limit);
	for (size_t i = 0; i < 8; i++)
		expect_done(&started[i]);
	for (size_t i = 0; i < 8; i++)
		(void)container_remove(engine, user_turn, created[i].id, on_change, &removed[i]);
	for (size_t i = 0; i < 8; i++)
		expect_done(&removed[i]);
	assert_int_equal(engine_load(engine).running + engine_load(engine).waiting, 0);
}

static void nothing_is_left(void **state)
{
	assert_int_equal(list_all(install).n, 0);
	if (fake)
		assert_int_equal(fake_count(fake, "containers") + fake_count(fake, "networks") +
					 fake_count(fake, "volumes"), 0);
}

/* --- the frame --- */

static int clean_up(void **state)
{
	engine_free(engine);
	loop_drop();
	if (fake)
		fake_stop(fake);
	fake = NULL;
	free(TAKE(image_id));
	return 0;
}

/* Open the engine and find the image; the text says why not. */
static int open_engine(const char *where, struct err *e)
{
	struct picture p;
	struct change c = {0};
	int r;

	id_uuid(install);
	memset(&heard, 0, sizeof(heard));
	if (loop_make(NULL, e) < 0)
		return -1;
	r = engine_open(&engine, loop, where, e);
	if (r < 0)
		return r;
	engine_probe(engine, on_change, &c);
	run_until(&c.done);
	if (c.r.err.code)
		return err_copy(e, &c.r.err);
	p = inspect(image_ref());
	if (p.err.code)
		return err_copy(e, &p.err);
	image_id = xstrdup(p.id);
	return 0;
}

static const struct CMUnitTest cases[] = {
	cmocka_unit_test(probe_tells_what_it_is),
	cmocka_unit_test(networks_are_made_once_and_removed_often),
	cmocka_unit_test(a_network_in_use_is_busy),
	cmocka_unit_test(volumes_are_busy_while_a_container_has_them),
	cmocka_unit_test(changes_can_be_repeated),
	cmocka_unit_test(a_name_or_an_image_that_cannot_be_is_refused),
	cmocka_unit_test(what_is_created_is_as_the_spec_says),
	cmocka_unit_test(the_hardening_is_in_force),
	cmocka_unit_test(a_hidden_container_has_no_capabilities),
	cmocka_unit_test(stopping_kills_what_ignores_term),
	cmocka_unit_test(lists_show_what_is_ours),
	cmocka_unit_test(execs_keep_the_two_streams_apart),
	cmocka_unit_test(many_execs_at_once_lose_nothing),
	cmocka_unit_test(stdin_ends_by_half_close),
	cmocka_unit_test(a_talk_goes_both_ways),
	cmocka_unit_test(an_exec_gets_its_environment),
	cmocka_unit_test(what_cannot_start_is_not_output),
	cmocka_unit_test(a_terminal_has_a_size_and_an_echo),
	cmocka_unit_test(a_slow_reader_holds_the_program_up),
	cmocka_unit_test(a_kill_reaches_the_whole_group),
	cmocka_unit_test(a_kill_may_come_early_or_late),
	cmocka_unit_test(what_was_left_behind_is_found_by_its_marker),
	cmocka_unit_test(logs_can_be_read_and_followed),
	cmocka_unit_test(a_log_waits_for_its_reader),
	cmocka_unit_test(following_a_log_can_be_canceled),
	cmocka_unit_test(the_end_of_a_container_is_told),
	cmocka_unit_test(time_and_memory_are_measured),
	cmocka_unit_test(files_come_back_as_they_went),
	cmocka_unit_test(big_archives_stream_both_ways),
	cmocka_unit_test(a_source_that_gives_up_is_heard),
	cmocka_unit_test(images_are_found_or_certainly_absent),
	cmocka_unit_test(images_are_built_with_labels),
	cmocka_unit_test(a_build_that_fails_says_why),
	cmocka_unit_test(a_build_can_be_canceled),
	cmocka_unit_test(a_registry_that_cannot_be_asked_is_not_an_absent_image),
	cmocka_unit_test(many_containers_go_through_the_queue),
	cmocka_unit_test(nothing_is_left),
};

#if FAKE_MINOR
static int open_fake(int minor)
{
	struct err e = ERR_NONE;

	fake = fake_start(NULL, minor);
	if (fake_plan(fake,
		    "registry name=127.0.0.1:1/lab/none:1 error=\"dial tcp 127.0.0.1:1: refused\"",
		    &e) < 0 ||
		open_engine(fake_url(fake), &e) < 0) {
		fprintf(stderr, "%s\n", e.text);
		return -1;
	}
	return 0;
}
#else
int main(void)
{
	struct err e = ERR_NONE;

	if (open_engine(getenv("LAB_TEST_ENGINE"), &e) < 0) {
		fprintf(stderr, "no engine to test: %s\n", e.text);
		return 77;
	}
	return cmocka_run_group_tests(cases, NULL, clean_up);
}
#endif
