/* test_loop.c - turns, timers under both clocks, descriptors, signals, queues and children. */
#include "ev/child.h"
#include "ev/loop.h"
#include "ev/worker.h"

#include "base/buf.h"
#include "base/str.h"
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A list of strings for argv and env. */
#define LIST(...) ((char **)(const char *[]){__VA_ARGS__, NULL})

static int64_t fake_now;

static int64_t fake_ms(void *arg)
{
	return fake_now;
}

static const struct clock fake_clock = {fake_ms, fake_ms, NULL};

/* Callbacks leave a letter here: note(TAG("a")). */
#define TAG(letter) ((void *)(letter))

static char trace[64];

static void note(void *arg)
{
	size_t n = strlen(trace);

	assert_true(n + 2 < sizeof(trace));
	trace[n] = *(const char *)arg;
	trace[n + 1] = '\0';
}

static struct loop *fresh(const struct clock *clock)
{
	struct loop *l = NULL;

	trace[0] = '\0';
	fake_now = 1000;
	assert_int_equal(loop_new(&l, clock, NULL), 0);
	return l;
}

/* --- calls and turns -------------------------------------------------------------------------- */

static struct loop *the_loop;

static void defer_more(void *arg)
{
	note(TAG("m"));
	loop_defer(the_loop, note, TAG("z"));
}

static void deferred_calls_run_in_order_and_wait_a_turn_for_their_own(void **state)
{
	struct loop *l = the_loop = fresh(&fake_clock);

	loop_defer(l, note, TAG("a"));
	loop_defer(l, defer_more, NULL);
	loop_defer(l, note, TAG("b"));
	assert_string_equal(trace, "");
	assert_true(loop_once(l, true));
	assert_string_equal(trace, "amb");
	assert_false(loop_once(l, true));
	assert_string_equal(trace, "ambz");
	loop_defer(l, note, TAG("e")); /* runs before the end, too */
	loop_free(l);
	assert_string_equal(trace, "ambze");
}

static void *post_from_thread(void *arg)
{
	loop_post(arg, note, TAG("p"));
	loop_post(arg, (loop_cb)loop_stop, arg);
	return NULL;
}

static void a_post_from_another_thread_wakes_the_loop(void **state)
{
	struct loop *l = fresh(NULL);
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, post_from_thread, l), 0);
	loop_run(l);
	pthread_join(t, NULL);
	assert_string_equal(trace, "p");
	assert_false(loop_once(l, true)); /* nothing left: must not block */
	loop_free(l);
}

/* --- timers ----------------------------------------------------------------------------------- */

static void timers_of_an_injected_clock_fire_only_by_advance(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct timer *a = timer_new(l, note, TAG("a")), *b = timer_new(l, note, TAG("b")),
		     *c = timer_new(l, note, TAG("c"));

	timer_start(c, 30);
	timer_start(a, 10);
	timer_start(b, 10);
	assert_false(loop_once(l, true));
	fake_now += 9;
	loop_advance(l);
	assert_string_equal(trace, "");
	fake_now += 1;
	loop_advance(l);
	assert_string_equal(trace, "ab");
	assert_false(timer_active(a));
	assert_true(timer_active(c));
	timer_stop(c);
	fake_now += 100;
	loop_advance(l);
	assert_string_equal(trace, "ab");
	timer_start(a, 5);
	timer_start(a, 50); /* re-arms */
	fake_now += 5;
	loop_advance(l);
	assert_string_equal(trace, "ab");
	fake_now += 45;
	loop_advance(l);
	assert_string_equal(trace, "aba");
	timer_free(a);
	timer_free(b);
	timer_free(c);
	loop_free(l);
}

static struct timer *self;
static int left;

static void again_at_once(void *arg)
{
	note(TAG("s"));
	if (--left > 0)
		timer_start(self, 0);
	else {
		timer_free(self);
		self = NULL;
	}
}

static void a_zero_timer_fires_next_turn_and_cannot_starve(void **state)
{
	struct loop *l = fresh(&fake_clock);

	left = 3;
	self = timer_new(l, again_at_once, NULL);
	timer_start(self, 0);
	assert_string_equal(trace, "");
	assert_true(loop_once(l, true));
	assert_string_equal(trace, "s");
	assert_true(loop_once(l, true));
	assert_false(loop_once(l, true));
	assert_string_equal(trace, "sss");
	assert_null(self); /* freed itself */
	loop_free(l);
}

static struct timer *victim;

static void free_victim(void *arg)
{
	note(TAG("k"));
	timer_free(victim);
}

static void a_callback_may_free_a_timer_that_is_due(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct timer *killer = timer_new(l, free_victim, NULL);

	victim = timer_new(l, note, TAG("v"));
	timer_start(killer, 1);
	timer_start(victim, 1);
	fake_now += 1;
	loop_advance(l);
	assert_string_equal(trace, "k");
	timer_start(killer, 0);
	victim = timer_new(l, note, TAG("v"));
	timer_start(victim, 0);
	loop_once(l, true);
	assert_string_equal(trace, "kk");
	timer_free(killer);
	loop_free(l);
}

static void real_timers_fire_in_order_and_not_early(void **state)
{
	struct loop *l = fresh(NULL);
	struct timer *a = timer_new(l, note, TAG("a")), *b = timer_new(l, note, TAG("b")),
		     *never = timer_new(l, note, TAG("n"));
	int64_t start = loop_now_ms(l);

	timer_start(never, 1);
	timer_stop(never);
	timer_start(b, 4);
	timer_start(a, 2);
	while (loop_once(l, true))
		;
	assert_string_equal(trace, "ab");
	assert_true(loop_now_ms(l) - start >= 4);
	timer_free(a);
	timer_free(b);
	timer_free(never);
	loop_free(l);
}

static void a_real_timer_ignores_the_injected_clock(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct timer *r = timer_new_real(l, note, TAG("r"));

	timer_start(r, 2);
	loop_advance(l);
	assert_string_equal(trace, "");
	while (loop_once(l, true))
		;
	assert_string_equal(trace, "r");
	timer_free(r);
	loop_free(l);
}

/* --- descriptors and signals ------------------------------------------------------------------ */

struct peek {
	struct watch *watch;
	int fd, events;
	bool free_in_callback;
};

static void on_peek(void *arg, int events)
{
	struct peek *p = arg;
	char c;

	p->events |= events;
	if (events & WATCH_READ)
		(void)!read(p->fd, &c, 1);
	if (p->free_in_callback) {
		watch_free(p->watch);
		p->watch = NULL;
		close(p->fd);
	}
}

static void a_watch_reports_what_it_was_asked_for(void **state)
{
	struct loop *l = fresh(&fake_clock);
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	struct peek p = {.fd = fd[0]};
	p.watch = watch_new(l, fd[0], on_peek, &p);
	watch_set(p.watch, WATCH_READ);
	loop_once(l, false);
	assert_int_equal(p.events, 0);
	assert_int_equal(write(fd[1], "x", 1), 1);
	loop_once(l, true);
	assert_int_equal(p.events, WATCH_READ);
	watch_set(p.watch, WATCH_WRITE);
	p.events = 0;
	loop_once(l, true);
	assert_int_equal(p.events, WATCH_WRITE);
	watch_set(p.watch, 0);
	assert_false(loop_once(l, true)); /* wants nothing: nothing to wait for */
	watch_set(p.watch, WATCH_HANGUP);
	p.events = 0;
	close(fd[1]);
	p.free_in_callback = true;
	loop_once(l, true);
	assert_int_equal(p.events, WATCH_HANGUP);
	assert_null(p.watch);
	loop_free(l);
}

static void a_broken_descriptor_is_reported_once(void **state)
{
	struct loop *l = fresh(&fake_clock);
	int fd[2];

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	struct peek p = {.fd = fd[1]};
	p.watch = watch_new(l, fd[1], on_peek, &p);
	close(fd[0]); /* the write end now has POLLERR for ever */
	watch_set(p.watch, WATCH_WRITE);
	loop_once(l, true);
	assert_int_equal(p.events, WATCH_WRITE);
	assert_false(loop_once(l, true));
	watch_free(p.watch);
	close(fd[1]);
	loop_free(l);
}

static void on_usr1(void *arg, int signo)
{
	assert_int_equal(signo, SIGUSR1);
	note(arg);
}

static void dawdle(void *arg)
{
	usleep(3000);
}

static uintptr_t slow_fn;

static void told_slow(void *arg, uintptr_t fn, int64_t ms)
{
	assert_true(ms >= 2);
	slow_fn = fn;
	note(arg);
}

static void slow_callbacks_are_told(void **state)
{
	struct loop *l = fresh(NULL);
	struct timer *t = timer_new(l, dawdle, NULL);

	loop_watchdog(l, 1, told_slow, TAG("s"));
	loop_defer(l, dawdle, NULL);
	loop_once(l, false);
	assert_string_equal(trace, "s");
	assert_true(slow_fn == (uintptr_t)dawdle);
	timer_start(t, 0);
	loop_defer(l, note, TAG("q"));
	loop_once(l, false);
	assert_string_equal(trace, "ssq");
	loop_watchdog(l, 0, NULL, NULL);
	loop_defer(l, dawdle, NULL);
	loop_once(l, false);
	assert_string_equal(trace, "ssq");
	timer_free(t);
	loop_free(l);
}

static void signals_arrive_on_the_loop(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct sigwatch *s = sigwatch_new(l, SIGUSR1, on_usr1, TAG("u"));

	raise(SIGUSR1);
	loop_once(l, true);
	assert_string_equal(trace, "u");
	sigwatch_free(s);
	loop_free(l);
}

/* Runs in a child of its own, because it has to abort. */
static void loop_free_aborts_when_something_was_not_freed(void **state)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		struct loop *l = NULL;

		signal(SIGABRT, SIG_DFL);
		(void)dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
		(void)loop_new(&l, NULL, NULL);
		(void)timer_new(l, note, TAG("x"));
		loop_free(l);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

/* --- worker ----------------------------------------------------------------------------------- */

struct gate {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool open;
	int entered, ran;
	pthread_t loop_thread;
};

static struct gate gate;

static void gate_reset(void)
{
	gate = (struct gate){
		PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, .loop_thread = pthread_self()};
}

static void gate_open(void)
{
	pthread_mutex_lock(&gate.lock);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	pthread_mutex_unlock(&gate.lock);
}

static void gate_wait_entered(int n)
{
	pthread_mutex_lock(&gate.lock);
	while (gate.entered < n)
		pthread_cond_wait(&gate.changed, &gate.lock);
	pthread_mutex_unlock(&gate.lock);
}

static void run_gated(void *arg)
{
	assert_false(pthread_equal(pthread_self(), gate.loop_thread));
	pthread_mutex_lock(&gate.lock);
	gate.entered++;
	pthread_cond_broadcast(&gate.changed);
	while (!gate.open)
		pthread_cond_wait(&gate.changed, &gate.lock);
	gate.ran++;
	pthread_mutex_unlock(&gate.lock);
}

static void note_on_loop(void *arg)
{
	assert_true(pthread_equal(pthread_self(), gate.loop_thread));
	note(arg);
}

static void a_queue_keeps_order_and_its_limit(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct worker *w = NULL;
	struct err e;

	gate_reset();
	assert_int_equal(worker_new(&w, l, "test", 1, 2, NULL), 0);
	assert_int_equal(worker_submit(w, run_gated, note_on_loop, TAG("a"), NULL), 0);
	gate_wait_entered(1);
	assert_int_equal(worker_submit(w, run_gated, note_on_loop, TAG("b"), NULL), 0);
	assert_int_equal(worker_submit(w, run_gated, note_on_loop, TAG("c"), NULL), 0);
	assert_int_equal(worker_waiting(w), 2);
	assert_int_equal(worker_submit(w, run_gated, note_on_loop, TAG("d"), &e), ERR_CAPACITY);
	assert_non_null(strstr(e.text, "queue 'test' is full"));
	assert_string_equal(trace, "");
	gate_open();
	while (strlen(trace) < 3)
		assert_true(loop_once(l, true)); /* a running job is something to wait for */
	assert_string_equal(trace, "abc");
	worker_free(w);
	loop_free(l);
}

static struct worker *the_worker;

static void free_the_worker(void *arg)
{
	note(TAG("f"));
	worker_free(the_worker);
}

static void freeing_a_queue_runs_and_delivers_everything(void **state)
{
	struct loop *l = fresh(&fake_clock);

	gate_reset();
	assert_int_equal(worker_new(&the_worker, l, "test", 2, 9, NULL), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			worker_submit(the_worker, run_gated, note_on_loop, TAG("x"), NULL), 0);
	gate_open();
	worker_free(the_worker);
	assert_string_equal(trace, "xxxxx");
	assert_int_equal(gate.ran, 5);
	assert_false(loop_once(l, false));

	/* also from inside a done() */
	trace[0] = '\0';
	assert_int_equal(worker_new(&the_worker, l, "test", 1, 9, NULL), 0);
	assert_int_equal(worker_submit(the_worker, run_gated, free_the_worker, NULL, NULL), 0);
	assert_int_equal(worker_submit(the_worker, run_gated, note_on_loop, TAG("y"), NULL), 0);
	while (strlen(trace) < 2)
		loop_once(l, true);
	assert_string_equal(trace, "fy");
	loop_free(l);
}

/* --- child ------------------------------------------------------------------------------------ */

static void on_child(void *arg, int status)
{
	*(int *)arg = status;
}

static int run_shell(struct loop *l, const char *script, char *const *env, int fd3)
{
	struct child_spec spec = {
		"/bin/sh", LIST("sh", "-c", script), env, {-1, -1, -1, fd3}, false};
	struct child *c = NULL;
	int status = -1;

	assert_int_equal(child_spawn(&c, l, &spec, on_child, &status, NULL), 0);
	assert_true(child_pid(c) > 0);
	while (status < 0)
		loop_once(l, true);
	child_free(c);
	return status;
}

static void children_report_status_and_signal(void **state)
{
	struct loop *l = fresh(&fake_clock);

	assert_int_equal(run_shell(l, "exit 7", NULL, -1), 7);
	assert_int_equal(run_shell(l, "kill -9 $$", NULL, -1), 137);
	loop_free(l);
}

static void children_get_what_is_named_and_nothing_else(void **state)
{
	struct loop *l = fresh(&fake_clock);
	int fd[2];
	char out[256];

	setenv("SECRET", "x", 1);
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	/* the shell's own descriptors aside: 0..2 are /dev/null, 3 is ours, no others */
	assert_int_equal(run_shell(l,
				 "for f in 0 1 2; do [ /dev/fd/$f -ef /dev/null ] || exit 1; done\n"
				 "for f in 4 5 6 7 8 9 11 12 13 14; do [ -e /proc/$$/fd/$f ] && "
				 "exit 2; done\n"
				 "echo \"$COLOUR ${SECRET-none}\" >&3",
				 LIST("COLOUR=green"), fd[1]),
		0);
	ssize_t n = read(fd[0], out, sizeof(out) - 1);
	assert_true(n > 0);
	out[n] = '\0';
	assert_string_equal(out, "green none\n");
	close(fd[0]);
	close(fd[1]);
	loop_free(l);
}

static void a_missing_program_is_said_at_once(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct child_spec spec = {"/nonexistent/x", LIST("x"), NULL, {-1, -1, -1, -1}, false};
	struct child *c = NULL;
	struct err e;

	assert_int_equal(child_spawn(&c, l, &spec, on_child, NULL, &e), ERR_NOT_FOUND);
	assert_null(c);
	assert_non_null(strstr(e.text, "'/nonexistent/x'"));
	loop_free(l);
}

static void a_freed_child_is_killed_and_reaped(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct child *c = NULL;
	int fd[2], status = -1;

	assert_int_equal(pipe2(fd, O_CLOEXEC), 0); /* cat waits for us */
	struct child_spec spec = {"/bin/cat", LIST("cat"), NULL, {fd[0], -1, -1, -1}, false};
	assert_int_equal(child_spawn(&c, l, &spec, on_child, &status, NULL), 0);
	pid_t pid = child_pid(c);
	child_free(c);
	loop_free(l);
	assert_int_equal(status, -1); /* not told any more */
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(errno, ESRCH); /* not even a zombie */
	close(fd[0]);
	close(fd[1]);
}

static void too_late(void *arg)
{
	fail_msg("the end of the child was not told");
}

static void the_end_of_a_detached_child_is_told(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct child *c = NULL;
	int status = -1;
	struct child_spec spec = {
		"/bin/sh", LIST("sh", "-c", "exit 3"), NULL, {-1, -1, -1, -1}, true};

	assert_int_equal(child_spawn(&c, l, &spec, on_child, &status, NULL), 0);
	struct timer *t = timer_new_real(l, too_late, NULL); /* it keeps the loop waiting */
	timer_start(t, 20000);
	while (status < 0)
		loop_once(l, true);
	assert_int_equal(status, 3);
	timer_free(t);
	child_free(c);
	loop_free(l);
}

static void a_detached_child_outlives_its_handle(void **state)
{
	struct loop *l = fresh(&fake_clock);
	struct child *c = NULL;
	int in[2], out[2], status;
	char text[32];

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	struct child_spec spec = {"/bin/sh", LIST("sh", "-c", "read x; echo alive >&3"), NULL,
		{in[0], -1, -1, out[1]}, true};
	assert_int_equal(child_spawn(&c, l, &spec, on_child, NULL, NULL), 0);
	pid_t pid = child_pid(c);
	assert_int_equal(getsid(pid), pid);
	child_free(c);
	loop_free(l);
	assert_int_equal(write(in[1], "\n", 1), 1);
	assert_true(read(out[0], text, sizeof(text)) > 0); /* it lived on */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(deferred_calls_run_in_order_and_wait_a_turn_for_their_own),
		cmocka_unit_test(a_post_from_another_thread_wakes_the_loop),
		cmocka_unit_test(timers_of_an_injected_clock_fire_only_by_advance),
		cmocka_unit_test(a_zero_timer_fires_next_turn_and_cannot_starve),
		cmocka_unit_test(a_callback_may_free_a_timer_that_is_due),
		cmocka_unit_test(real_timers_fire_in_order_and_not_early),
		cmocka_unit_test(a_real_timer_ignores_the_injected_clock),
		cmocka_unit_test(a_watch_reports_what_it_was_asked_for),
		cmocka_unit_test(a_broken_descriptor_is_reported_once),
		cmocka_unit_test(slow_callbacks_are_told),
		cmocka_unit_test(signals_arrive_on_the_loop),
		cmocka_unit_test(loop_free_aborts_when_something_was_not_freed),
		cmocka_unit_test(a_queue_keeps_order_and_its_limit),
		cmocka_unit_test(freeing_a_queue_runs_and_delivers_everything),
		cmocka_unit_test(children_report_status_and_signal),
		cmocka_unit_test(children_get_what_is_named_and_nothing_else),
		cmocka_unit_test(a_missing_program_is_said_at_once),
		cmocka_unit_test(a_freed_child_is_killed_and_reaped),
		cmocka_unit_test(the_end_of_a_detached_child_is_told),
		cmocka_unit_test(a_detached_child_outlives_its_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
