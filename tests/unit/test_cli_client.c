/*
 * test_cli_client.c - the built `lab` against a scripted API: problems, lost connections, Ctrl-C.
 *
 * Each test is a table of answers, given by lib/api's own server on this test's loop; `lab` is a
 * child whose stdout, stderr and exit code are looked at.
 */
#include "api/httpd.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "codec/json.h"
#include "ev/child.h"
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define VERSION                                                                                    \
	"{\"schema\":\"labyard/version/v1\",\"version\":\"9.9\",\"api\":1,\"pid\":1,"              \
	"\"self_started\":true,\"live_sessions\":0,\"engine\":{\"kind\":\"docker\","               \
	"\"version\":\"27\"}}"
#define SESSION                                                                                    \
	"{\"name\":\"hello-aaaa\",\"lab\":\"hello\",\"lab_version\":\"1\",\"state\":\"ready\","    \
	"\"services_wanted\":1,\"limits\":{\"expires_at\":\"2030-01-01T00:00:00.000Z\","           \
	"\"extensions_left\":2,\"extend_by_ms\":60000},\"tasks\":[{\"id\":\"greet\","              \
	"\"max_m\":40000}],\"ports\":[],\"services\":[]}"
#define SESSIONS "{\"sessions\":[" SESSION "]}"

struct world;
typedef void (*answer_fn)(struct world *w, struct request *r);

struct answer {
	const char *method, *path;
	const char *body; /* answered with `status`, or */
	int status;
	answer_fn fn;
};

struct world {
	struct loop *l;
	struct httpd *h;
	const struct answer *script;
	char dir[32], *socket, *out_path, *err_path;
	struct child *child;
	bool over, drained;
	int status;
	char *out, *err;
	/* what the scripts remember */
	int times;
	char *after;
	struct request *held;
	struct timer *cut;
	struct httpd_socket *ws;
	int signo;
	bool bare; /* without --host */
	bool fast; /* its clock goes 30 times faster */
};

/* --- answering --- */

static void reply(struct request *r, int status, const char *text)
{
	struct buf b = BUF(1 << 20);

	(void)buf_adds(&b, text);
	request_reply(r, status, "application/json", &b);
}

static void on_request(void *arg, struct request *r)
{
	struct world *w = arg;

	for (const struct answer *a = w->script; a->method; a++) {
		if (!streq(a->method, request_method(r)) || !streq(a->path, request_path(r)))
			continue;
		if (a->fn)
			a->fn(w, r);
		else
			reply(r, a->status ? a->status : 200, a->body);
		return;
	}
	if (streq(request_path(r), "/v1/version"))
		reply(r, 200, VERSION);
	else if (streq(request_path(r), "/v1/sessions"))
		reply(r, 200, SESSIONS);
	else if (streq(request_path(r), "/v1/sessions/hello-aaaa"))
		reply(r, 200, SESSION);
	else
		reply(r, 404, "{\"detail\":\"not in the script\",\"kind\":\"not_found\"}");
}

static const struct httpd_ops httpd_ops = {NULL, on_request, NULL};

static void open_world(struct world *w, const struct answer *script)
{
	*w = (struct world){.script = script, .dir = "/tmp/labyard-cli-XXXXXX"};
	assert_non_null(mkdtemp(w->dir));
	_cleanup_free_ char *folder = strf("%s/labyard", w->dir);
	assert_int_equal(mkdir(folder, 0700), 0);
	w->socket = strf("%s/labd.sock", folder);
	w->out_path = strf("%s/out", w->dir);
	w->err_path = strf("%s/err", w->dir);
	assert_int_equal(loop_new(&w->l, NULL, NULL), 0);
	assert_int_equal(httpd_new(&w->h, w->l, &httpd_ops, w, NULL), 0);
	assert_int_equal(httpd_listen_unix(w->h, w->socket, NULL), 0);
}

static void close_world(struct world *w)
{
	request_unref(w->held);
	timer_free(w->cut);
	httpd_free(w->h);
	loop_free(w->l);
	assert_int_equal(fs_remove_tree(w->dir, NULL), 0);
	free(w->socket);
	free(w->out_path);
	free(w->err_path);
	free(w->out);
	free(w->err);
	free(w->after);
}

/* --- the child --- */

static void on_over(void *arg, int status)
{
	struct world *w = arg;

	w->over = true;
	w->status = status;
}

static void too_late(void *arg)
{
	fail_msg("lab did not end within 30 s");
}

static char *text_of(const char *path)
{
	struct buf b = BUF(8 << 20);

	assert_int_equal(fs_read(path, &b, NULL), 0);
	return buf_take(&b);
}

static void start_lab(struct world *w, const char *const *words)
{
	_cleanup_free_ char *here = fs_program_dir(), *program = strf("%s/../../lab", here),
			    *host = strf("--host=unix:%s", w->socket),
			    *home = strf("XDG_CONFIG_HOME=%s", w->dir),
			    *runtime = strf("XDG_RUNTIME_DIR=%s", w->dir);
	_cleanup_(strv_freep) char **argv = strv_new();
	_cleanup_free_ char *preload =
		strf("LD_PRELOAD=%s/../fault/torture/fasttime.so", here);
	char *env[] = {home, runtime, (char *)"PATH=/usr/bin:/bin", w->fast ? preload : NULL,
		(char *)"FAST_TIME=30",
		(char *)"ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0", NULL};
	_cleanup_close_ int out = open(w->out_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600),
			    err = open(w->err_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	strv_add(&argv, "lab");
	if (!w->bare)
		strv_add(&argv, host);
	for (; *words; words++)
		strv_add(&argv, *words);
	struct child_spec spec = {program, argv, env, {-1, out, err, -1}, false};
	assert_int_equal(child_spawn(&w->child, w->l, &spec, on_over, w, NULL), 0);
}

static int end_lab(struct world *w)
{
	struct timer *t = timer_new_real(w->l, too_late, NULL);

	timer_start(t, 30000);
	while (!w->over)
		loop_once(w->l, true);
	timer_free(t);
	child_free(w->child);
	free(w->out);
	free(w->err);
	w->out = text_of(w->out_path);
	w->err = text_of(w->err_path);
	w->over = false;
	return w->status;
}

static int run(struct world *w, const char *const *words)
{
	start_lab(w, words);
	return end_lab(w);
}

static void assert_says(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("'%s' is not in:\n%s", part, text);
}

/* --- problems --- */

static void a_problem_is_told_with_its_advice(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/labs",
			"{\"detail\":\"no room for '\\u001b[2J'\",\"kind\":\"capacity\",\"code\":6,"
			"\"advice\":[\"stop a lab\",\"or "
			"wait\"],\"ref\":\"k7\",\"retry_after_s\":30}",
			503, NULL},
		{0},
	};
	struct world w;
	struct json *doc;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("catalog")), 6);
	assert_string_equal(w.out, "");
	assert_string_equal(w.err, "lab: error[6]: no room for '\\x1b[2J'\n"
				   "  stop a lab\n  or wait\n  ref: k7\n");
	assert_int_equal(run(&w, LIST("catalog", "-o", "json")), 6);
	assert_int_equal(json_parse(&doc, w.err, strlen(w.err), NULL), 0);
	assert_string_equal(json_str(json_get(doc, "schema")), "labyard/error/v1");
	assert_int_equal(json_int(json_get(doc, "code"), 0), 6);
	assert_string_equal(json_str(json_get(doc, "kind")), "capacity");
	assert_int_equal(json_int(json_get(doc, "retry_after_s"), 0), 30);
	assert_int_equal(json_len(json_get(doc, "advice")), 2);
	json_free(doc);
	close_world(&w);
}

static void an_answer_without_sense_is_an_error(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/labs", "<html>", 500, NULL},
		{"GET", "/v1/history", "{\"grades\":[", 200, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("catalog")), 4);
	assert_says(w.err, "labd answered 500 without saying why");
	assert_int_equal(run(&w, LIST("history")), 4);
	close_world(&w);
}

static void nobody_is_started_for_a_named_socket(void **state)
{
	struct world w;

	open_world(&w, (const struct answer[]){{0}});
	str_set(&w.socket, "/nonexistent/s");
	assert_int_equal(run(&w, LIST("status")), 4);
	assert_string_equal(w.err, "lab: error[4]: no labd answers on '/nonexistent/s'\n");
	close_world(&w);
}

static void another_api_is_warned_of(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/version", "{\"version\":\"9.9\",\"api\":2,\"live_sessions\":1}", 200,
			NULL},
		{"GET", "/v1/labs", "{\"labs\":[]}", 200, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("catalog", "-q")), 0);
	assert_says(w.err, "lab: warning: labd 9.9 has running labs and speaks another API");
	close_world(&w);
}

static void texts_of_strangers_are_made_visible(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/labs",
			"{\"labs\":[{\"name\":\"x\",\"level\":\"easy\",\"title\":\"a\\u001b]0;"
			"b\\u202e\"}]}",
			200, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("catalog")), 0);
	assert_says(w.out, "a\\x1b]0;b\\u202e");
	assert_int_equal(run(&w, LIST("catalog", "-o", "name")), 0);
	assert_string_equal(w.out, "x\n");
	close_world(&w);
}

/* --- a start and its events --- */

static void event(struct world *w, struct request *r, int id, const char *kind, const char *data)
{
	char number[16], at[32];

	(void)snprintf(number, sizeof(number), "%d", id);
	str_rfc3339(loop_wall_ms(w->l), at);
	_cleanup_free_ char *text = strf(
		"{\"id\":%d,\"session\":\"hello-aaaa\",\"at\":\"%s\",\"kind\":\"%s\",\"data\":%s}",
		id, at, kind, data);
	assert_int_equal(request_sse_send(r, kind, number, text, NULL), 0);
}

#define STARTING "{\"name\":\"hello-aaaa\",\"lab\":\"hello\",\"state\":\"starting\"}"

static void cut(void *arg)
{
	request_end(((struct world *)arg)->held, false);
}

/* The first connection is cut; the second must go on after the last event. */
static void cut_events(struct world *w, struct request *r)
{
	str_set(&w->after, request_query(r, "after"));
	request_sse(r, NULL, NULL);
	if (w->times++ == 0) {
		event(w, r, 5, "service", "{\"service\":\"web\",\"state\":\"ready\"}");
		event(w, r, 6, "progress", "{\"phase\":\"build\",\"image\":\"x\",\"line\":\"\"}");
		w->held = request_ref(r);
		w->cut = timer_new_real(w->l, cut, w);
		timer_start(w->cut, 50); /* what was sent goes out first */
	} else {
		event(w, r, 7, "state", "{\"state\":\"ready\",\"from\":\"starting\"}");
	}
}

static void a_lost_connection_is_taken_up_after_the_last_event(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, cut_events},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("start", "hello")), 0);
	assert_string_equal(w.out, "hello-aaaa\n");
	assert_int_equal(w.times, 2);
	assert_string_equal(w.after, "6");
	assert_says(w.err, "web ready\n");
	close_world(&w);
}

/* Each stream opens, and is cut without a word. */
static void silent_events(struct world *w, struct request *r)
{
	w->times++;
	request_sse(r, NULL, NULL);
	request_end(r, false);
}

static void a_stream_that_is_always_cut_is_not_asked_for_for_ever(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, silent_events},
		{0},
	};
	struct world w;

	open_world(&w, script);
	w.fast = true;
	assert_int_equal(run(&w, LIST("start", "hello")), 4);
	assert_int_equal(w.times, 21);
	assert_says(w.err, "closed before the answer was whole");
	close_world(&w);
}

/* A daemon that goes down in good order ends its streams; the start is not over by that. */
static void ended_events(struct world *w, struct request *r)
{
	request_sse(r, NULL, NULL);
	if (w->times++ == 0)
		event(w, r, 5, "state", "{\"state\":\"starting\"}");
	else
		event(w, r, 6, "state", "{\"state\":\"ready\"}");
	request_end(r, true);
}

static void a_stream_that_ends_is_asked_for_again(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, ended_events},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("start", "hello")), 0);
	assert_int_equal(w.times, 2);
	close_world(&w);
}

static void good_events(struct world *w, struct request *r)
{
	request_sse(r, NULL, NULL);
	event(w, r, 5, "service", "{\"service\":\"seed\",\"state\":\"done\"}");
	event(w, r, 6, "service", "{\"service\":\"web\",\"state\":\"ready\"}");
	event(w, r, 7, "service", "{\"service\":\"db\",\"state\":\"ready\"}");
	event(w, r, 8, "state", "{\"state\":\"ready\",\"from\":\"starting\"}");
}

/* Where lines cannot be replaced each service is told once; a one-shot is not counted. */
static void a_start_tells_what_is_ready(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, good_events},
		{"GET", "/v1/sessions/hello-aaaa",
			"{\"name\":\"hello-aaaa\",\"state\":\"ready\","
			"\"startup\":{\"took_ms\":15900},\"services\":[{\"state\":\"done\"},{"
			"\"state\":\"ready\"},"
			"{\"state\":\"ready\"},{\"state\":\"absent\"}]}",
			200, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("start", "hello")), 0);
	assert_says(w.err, "\n\u00b7 seed done\n\u00b7 web ready\n\u00b7 db ready\n"
			   "\u00b7 2 services ready in 15.9 s, ends at ");
	close_world(&w);
}

static void failing_events(struct world *w, struct request *r)
{
	request_sse(r, NULL, NULL);
	event(w, r, 5, "log", "{\"service\":\"db\",\"text\":\"no disk\\nbye\\u0007\\n\"}");
	event(w, r, 6, "state", "{\"state\":\"failed\",\"cause\":\"'db' ended with 1\"}");
}

static void a_start_that_fails_shows_the_last_words(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, failing_events},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("start", "hello", "-q")), 4);
	assert_string_equal(w.out, "");
	assert_string_equal(w.err, "last lines of db:\n  | no disk\n  | bye\\x07\n"
				   "lab: error[4]: 'hello-aaaa' is failed: 'db' ended with 1\n");
	close_world(&w);
}

/* As labd does it: those after the one that was asked for. All are of the same moment. */
static void past_events(struct world *w, struct request *r)
{
	static const char *const states[] = {"failed", "ready", "ready", "stopped"};
	const char *after = request_query(r, "after");

	request_sse(r, NULL, NULL);
	for (int id = after ? atoi(after) : 0; id < 4; id++) {
		_cleanup_free_ char *data = strf("{\"state\":\"%s\"}", states[id]);

		event(w, r, id + 1, "state", data);
	}
}

static void what_happened_before_is_past(void **state)
{
	static const struct answer script[] = {
		{"POST", "/v1/sessions",
			"{\"name\":\"hello-aaaa\",\"state\":\"starting\",\"change\":1}", 201,
			NULL},
		{"POST", "/v1/sessions/hello-aaaa/stop",
			"{\"name\":\"hello-aaaa\",\"state\":\"ending\",\"change\":3}", 200,
			NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, past_events},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("start", "hello", "-o", "json")), 0);
	assert_says(w.out, "\"state\":\"ready\"");
	assert_string_equal(w.err, "");
	assert_int_equal(run(&w, LIST("stop", "hello-aaaa", "-q")), 0);
	assert_string_equal(w.err, "");
	close_world(&w);
}

/* --- Ctrl-C --- */

/* Say nothing, and send the signal. */
static void interrupt(struct world *w, struct request *r)
{
	if (streq(request_path(r), "/v1/sessions/hello-aaaa/events"))
		request_sse(r, NULL, NULL);
	else if (!w->held)
		w->held = request_ref(r);
	assert_int_equal(kill(child_pid(w->child), w->signo), 0);
}

static void interrupted(const struct answer *script, const char *const *words, bool goes_on)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
		struct world w;

		open_world(&w, script);
		w.signo = signals[i];
		assert_int_equal(run(&w, words), 128 + signals[i]);
		assert_string_equal(w.out, "");
		assert_null(strstr(w.err, "error["));
		if (goes_on)
			assert_says(w.err, " goes on");
		close_world(&w);
	}
}

static void ctrl_c_ends_a_wait_and_the_work_goes_on(void **state)
{
	static const struct answer start[] = {
		{"POST", "/v1/sessions", STARTING, 201, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, interrupt},
		{0},
	};
	static const struct answer grade[] = {
		{"POST", "/v1/sessions/hello-aaaa/grades", "{\"id\":3,\"state\":\"running\"}", 202,
			NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, interrupt},
		{0},
	};
	static const struct answer stop[] = {
		{"POST", "/v1/sessions/hello-aaaa/stop",
			"{\"name\":\"hello-aaaa\",\"state\":\"ending\"}", 200, NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, interrupt},
		{0},
	};

	interrupted(start, LIST("start", "hello"), true);
	interrupted(grade, LIST("grade"), true);
	interrupted(stop, LIST("stop"), true);
}

static void ctrl_c_ends_a_call_that_is_not_answered(void **state)
{
	static const struct answer version[] = {{"GET", "/v1/version", NULL, 0, interrupt}, {0}};
	static const struct answer labs[] = {{"GET", "/v1/labs", NULL, 0, interrupt}, {0}};
	static const struct answer exec[] = {
		{"GET", "/v1/sessions/hello-aaaa/exec", NULL, 0, interrupt}, {0}};
	static const struct answer files[] = {
		{"GET", "/v1/sessions/hello-aaaa/files", NULL, 0, interrupt}, {0}};

	interrupted(version, LIST("status"), false);
	interrupted(labs, LIST("catalog"), false);
	interrupted(exec, LIST("exec", "--", "true"), false);
	interrupted(files, LIST("cp", ":/x", "/tmp"), false);
}

/* --- runs --- */

static void run_over(struct world *w, struct request *r)
{
	request_sse(r, NULL, NULL);
	event(w, r, 9, "run", "{\"run\":3,\"text\":\"done\"}");
}

#define CHECK(verdict) "{\"check\":\"t/c\",\"task\":\"t\",\"verdict\":\"" verdict "\"}"

static void the_worst_verdict_decides(void **state)
{
	static const struct {
		const char *checks;
		int status;
	} cases[] = {
		{CHECK("pass") "," CHECK("skipped"), 0},
		{CHECK("pass") "," CHECK("fail"), 1},
		{CHECK("fail") "," CHECK("timeout"), 5},
		{CHECK("timeout") "," CHECK("error") "," CHECK("fail"), 4},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *body =
			strf("{\"id\":3,\"state\":\"done\",\"checks\":[%s]}", cases[i].checks);
		struct answer script[] = {
			{"POST", "/v1/sessions/hello-aaaa/checks",
				"{\"id\":3,\"state\":\"running\"}", 202, NULL},
			{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, run_over},
			{"GET", "/v1/runs/3", body, 200, NULL},
			{0},
		};
		struct answer at_once[] = {
			{"POST", "/v1/sessions/hello-aaaa/checks", body, 202, NULL},
			{0},
		};
		struct world w;

		open_world(&w, script);
		assert_int_equal(run(&w, LIST("check")), cases[i].status);
		close_world(&w);
		open_world(&w, at_once);
		assert_int_equal(run(&w, LIST("check")), cases[i].status);
		close_world(&w);
	}
}

static void the_time_of_a_command_is_one_for_all_it_waits_for(void **state)
{
	static const struct answer goes_on[] = {
		{"POST", "/v1/sessions/hello-aaaa/checks", "{\"id\":3,\"state\":\"running\"}", 202,
			NULL},
		{"GET", "/v1/sessions/hello-aaaa/events", NULL, 0, run_over},
		{"GET", "/v1/runs/3", "{\"id\":3,\"state\":\"running\"}", 200, NULL},
		{0},
	};
	static const struct answer fails[] = {
		{"POST", "/v1/sessions/hello-aaaa/checks",
			"{\"id\":3,\"state\":\"done\",\"checks\":[" CHECK("fail") "]}", 202, NULL},
		{0},
	};
	struct world w;

	open_world(&w, goes_on);
	w.fast = true;
	assert_int_equal(run(&w, LIST("check", "--timeout", "20s")), 5);
	assert_says(w.err, "not done in time; it goes on");
	close_world(&w);
	open_world(&w, fails);
	w.fast = true;
	assert_int_equal(run(&w, LIST("check", "--watch", "--timeout", "20s")), 1);
	close_world(&w);
}

static void a_task_may_stand_where_a_session_could(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/sessions/hello-aaaa/hints/greet",
			"{\"hints\":[{\"hint\":\"one\",\"bought\":false,\"cost_m\":4000,"
			"\"attainable_m\":36000}]}",
			200, NULL},
		{"POST", "/v1/sessions/hello-aaaa/hints/greet",
			"{\"hint\":\"one\",\"bought\":true,\"text\":\"Use `printf`.\"}", 200, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("hint", "greet")), 2); /* nobody can be asked */
	assert_says(w.err, "say --yes");
	assert_int_equal(run(&w, LIST("hint", "greet", "--yes")), 0);
	assert_string_equal(w.out, "Use printf.\n");
	assert_int_equal(run(&w, LIST("hint", "hello", "greet", "--list")), 0);
	assert_says(w.out, "one   4.00");
	close_world(&w);
}

/* --- repositories --- */

static void sync_over(struct world *w, struct request *r)
{
	bool late = streq(request_path(r), "/v1/syncs/4/events");
	_cleanup_free_ char *done = strf(
		"{\"repo\":\"r\",\"error\":%s,\"labs\":[{\"slug\":\"l%d\",\"state\":\"new\"}]}",
		late ? "{\"kind\":\"timeout\",\"detail\":\"too late\"}" : "null", ++w->times);

	request_sse(r, NULL, NULL);
	assert_int_equal(request_sse_send(r, "done", "1", done, NULL), 0);
	request_end(r, true);
}

static void the_others_are_synced_when_one_cannot_be(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/repos",
			"{\"repos\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}", 200,
			NULL},
		{"POST", "/v1/repos/a/syncs", "{\"detail\":\"full\",\"kind\":\"capacity\"}", 503,
			NULL},
		{"POST", "/v1/repos/b/syncs", "{\"id\":4}", 202, NULL},
		{"POST", "/v1/repos/c/syncs", "{\"id\":5}", 202, NULL},
		{"GET", "/v1/syncs/4/events", NULL, 0, sync_over},
		{"GET", "/v1/syncs/5/events", NULL, 0, sync_over},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("repo", "sync", "-q", "-o", "name")), 5);
	assert_string_equal(w.out, "r/l1\nr/l2\n");
	assert_string_equal(w.err, "lab: error[6]: full\nlab: error[5]: too late\n");
	assert_int_equal(run(&w, LIST("repo", "sync", "a", "-q")), 6);
	close_world(&w);
}

/* --- commands --- */

static void say(struct world *w, enum ws_kind kind, const char *text)
{
	assert_int_equal(httpd_socket_send(w->ws, kind, text, strlen(text), NULL), 0);
}

static void on_ws_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
	struct world *w = arg;

	if (w->times++)
		return;
	assert_non_null(strstr(p, "\"argv\":[\"cat\"]"));
	say(w, WS_TEXT, "{\"started\":true}");
	say(w, WS_BINARY, "\1out\n");
	say(w, WS_BINARY, "\2err\n");
	say(w, WS_TEXT, "{\"notice\":\"soon\\u001b\"}");
}

static void on_ws_closed(void *arg, int code, const char *reason)
{
}

static const struct httpd_socket_ops ws_ops = {on_ws_message, NULL, on_ws_closed};

static void accept_exec(struct world *w, struct request *r)
{
	assert_int_equal(request_upgrade(r, "labyard.exec.v1", &ws_ops, w, &w->ws, NULL), 0);
}

static void end_exec(void *arg)
{
	struct world *w = arg;

	if (w->signo) /* the script's word for "go down" */
		httpd_socket_close(w->ws, WS_CLOSE_RESTART, "");
	else
		say(w, WS_TEXT, "{\"exit\":9}");
}

static int exec_cat(struct world *w)
{
	start_lab(w, LIST("exec", "--", "cat"));
	while (!w->times)
		loop_once(w->l, true);
	end_exec(w);
	return end_lab(w);
}

static void a_command_passes_its_status_and_streams_on(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/sessions/hello-aaaa/exec", NULL, 0, accept_exec}, {0}};
	struct world w;

	open_world(&w, script);
	assert_int_equal(exec_cat(&w), 9);
	assert_string_equal(w.out, "out\n");
	assert_string_equal(w.err, "err\n\u00b7 soon\\x1b\n");
	close_world(&w);

	open_world(&w, script);
	w.signo = 1;
	assert_int_equal(exec_cat(&w), 4);
	assert_string_equal(w.out, "out\n");
	assert_says(w.err, "lab: error[4]: labd has gone down\n");
	close_world(&w);
}

static void a_refused_command_says_why(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/sessions/hello-aaaa/exec",
			"{\"detail\":\"a grade is running\",\"kind\":\"state\",\"ref\":\"r9\"}",
			409, NULL},
		{0},
	};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("exec", "--", "true")), 4);
	assert_string_equal(w.err, "lab: error[4]: a grade is running\n  ref: r9\n");
	assert_int_equal(run(&w, LIST("shell", "-c", "true")), 4);
	assert_int_equal(run(&w, LIST("exec", "true")), 2);
	close_world(&w);
}

/* --- ports --- */

static void on_forward_message(void *arg, enum ws_kind kind, const char *p, size_t n)
{
}

static void tick(void *arg)
{
}

static const struct httpd_socket_ops forward_ops = {on_forward_message, NULL, on_ws_closed};

/* The first is lab's own probe; the second is refused, the third is there. */
static void accept_forward(struct world *w, struct request *r)
{
	assert_int_equal(
		request_upgrade(r, "labyard.forward.v1", &forward_ops, w, &w->ws, NULL), 0);
	if (++w->times == 2)
		say(w, WS_TEXT,
			"{\"error\":{\"detail\":\"port 7 is closed\",\"kind\":\"unreachable\"}}");
	else if (w->times == 3)
		say(w, WS_TEXT, "{\"connected\":true}");
}

/* Turns of the loop until a file of lab's output has the word; its text. */
static char *await_word(struct world *w, const char *path, const char *word)
{
	struct timer *t = timer_new_real(w->l, too_late, NULL),
		     *turn = timer_new_real(w->l, tick, w);
	char *text = NULL;

	timer_start(t, 30000);
	do {
		free(text);
		timer_start(turn, 1);
		loop_once(w->l, true);
		text = text_of(path);
	} while (!w->over && !strstr(text, word));
	assert_says(text, word);
	timer_free(t);
	timer_free(turn);
	return text;
}

static int connect_to(const char *line)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_port = htons((uint16_t)atoi(strchr(line, ':') + 1));
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void a_connection_that_breaks_is_told_and_ends_no_other(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/sessions/hello-aaaa/forward", NULL, 0, accept_forward}, {0}};
	const struct linger reset = {1, 0};
	struct world w;

	open_world(&w, script);
	start_lab(&w, LIST("port", "0:7"));
	_cleanup_free_ char *place = await_word(&w, w.out_path, "7\n");
	int refused = connect_to(place);
	free(await_word(&w, w.err_path, "warning: 7: port 7 is closed\n"));
	close(refused);

	int left = connect_to(place);
	while (!w.over && w.times < 3)
		loop_once(w.l, true);
	assert_int_equal(setsockopt(left, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(left);
	free(await_word(&w, w.err_path, "warning: 7: the local connection broke"));
	child_kill(w.child, SIGTERM);
	assert_int_equal(end_lab(&w), 128 + SIGTERM);
	close_world(&w);
}

/* --- logs --- */

static void lines(struct world *w, struct request *r)
{
	static const char text[] =
		"{\"service\":\"web\",\"stream\":\"stdout\",\"text\":\"one\\u001b\"}\n"
		"{\"error\":{\"detail\":\"the engine went away\",\"kind\":\"unreachable\"}}\n";

	str_set(&w->after, request_query(r, "tail"));
	request_stream(r, 200, "application/x-ndjson", NULL, NULL);
	assert_int_equal(request_write(r, text, strlen(text), NULL), 0);
	request_end(r, true);
}

static void a_log_that_broke_is_an_error(void **state)
{
	static const struct answer script[] = {
		{"GET", "/v1/sessions/hello-aaaa/logs", NULL, 0, lines}, {0}};
	struct world w;

	open_world(&w, script);
	assert_int_equal(run(&w, LIST("logs", "hello", "--tail", "7")), 4);
	assert_string_equal(w.out, "web | one\\x1b\n");
	assert_string_equal(w.after, "7");
	assert_says(w.err, "the engine went away");
	assert_int_equal(run(&w, LIST("logs", "hello", "web")), 4);
	assert_string_equal(w.out, "one\\x1b\n");
	close_world(&w);
}

/* --- completion --- */

/* It takes no --host (its words are the user's own), so it finds the socket by itself. */
static void complete(struct world *w, const char *typed, const char *want)
{
	_cleanup_(strv_freep) char **words = strv_split(typed, ' ');

	w->bare = true;
	assert_int_equal(run(w, (const char *const *)words), 0);
	assert_string_equal(w->out, want);
	assert_string_equal(w->err, "");
}

static void completion_knows_what_lives(void **state)
{
	struct world w;

	open_world(&w, (const struct answer[]){{0}});
	complete(&w, "__complete sta",
		"start\tstart a lab, or go on with it\n"
		"status\twhat is running, and what happens to it next\n");
	complete(&w, "__complete status he", "hello-aaaa\tready\n");
	complete(&w, "__complete -o json status he", "hello-aaaa\tready\n");
	complete(&w, "__complete hint ", "greet\t\nhello-aaaa\tready\n");
	complete(&w, "__complete check hello-aaaa g", "greet\t\n");
	complete(&w, "__complete cp h", "hello-aaaa:\tready\n:files\n");
	complete(&w, "__complete verify x", ":files\n");
	complete(&w, "__complete -o j", "json\t\n");
	complete(&w, "__complete stop --dis", "--discard\tremove the work, too: nothing is left\n");
	complete(&w, "__complete nosuch ", "");
	httpd_free(w.h); /* nobody answers: silence, and nobody is started */
	w.h = NULL;
	complete(&w, "__complete status ", "");
	close_world(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_problem_is_told_with_its_advice),
		cmocka_unit_test(an_answer_without_sense_is_an_error),
		cmocka_unit_test(nobody_is_started_for_a_named_socket),
		cmocka_unit_test(another_api_is_warned_of),
		cmocka_unit_test(texts_of_strangers_are_made_visible),
		cmocka_unit_test(a_lost_connection_is_taken_up_after_the_last_event),
		cmocka_unit_test(a_stream_that_is_always_cut_is_not_asked_for_for_ever),
		cmocka_unit_test(a_stream_that_ends_is_asked_for_again),
		cmocka_unit_test(a_start_tells_what_is_ready),
		cmocka_unit_test(a_start_that_fails_shows_the_last_words),
		cmocka_unit_test(what_happened_before_is_past),
		cmocka_unit_test(ctrl_c_ends_a_wait_and_the_work_goes_on),
		cmocka_unit_test(ctrl_c_ends_a_call_that_is_not_answered),
		cmocka_unit_test(the_worst_verdict_decides),
		cmocka_unit_test(the_time_of_a_command_is_one_for_all_it_waits_for),
		cmocka_unit_test(a_task_may_stand_where_a_session_could),
		cmocka_unit_test(the_others_are_synced_when_one_cannot_be),
		cmocka_unit_test(a_command_passes_its_status_and_streams_on),
		cmocka_unit_test(a_refused_command_says_why),
		cmocka_unit_test(a_connection_that_breaks_is_told_and_ends_no_other),
		cmocka_unit_test(a_log_that_broke_is_an_error),
		cmocka_unit_test(completion_knows_what_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
