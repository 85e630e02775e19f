/*
 * test_orphancheck.c - the auditor of the engine finds one of each that was planted by hand, leaves
 * alone what is right or of others, and is content when all is gone. Needs a Docker Engine
 * (requires_engine) with debian:12-slim; what only root can plant is left out for others.
 */
#include "base/id.h"
#include "tests/unit/store_test.h"

#include <curl/curl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATHS = 32 };

struct planted {
	struct place place;
	char mark[16], install[40], other[40];
	char *paths[PATHS]; /* of the API: to be deleted */
	size_t n;
	char *baseline, *fetch;
	pid_t process;
	bool bridge;
};

static char *auditor;
static const char *engine = "unix:///var/run/docker.sock";

/* --- the engine ------------------------------------------------------------------------------ */

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	return buf_add(arg, p, size * n) == 0 ? size * n : 0;
}

/* The status; 0 = no answer. */
static long call(const char *method, const char *path, const char *body, struct buf *out)
{
	_cleanup_free_ char *url =
		strf("http://%s%s", str_starts(engine, "tcp://") ? engine + 6 : "engine", path);
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	CURL *c = curl_easy_init();
	long status = 0;

	buf_clear(out);
	if (str_starts(engine, "unix://"))
		(void)curl_easy_setopt(c, CURLOPT_UNIX_SOCKET_PATH, engine + 7);
	(void)curl_easy_setopt(c, CURLOPT_URL, url);
	(void)curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
	(void)curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(c, CURLOPT_WRITEDATA, out);
	(void)curl_easy_setopt(c, CURLOPT_TIMEOUT, 60L);
	if (body)
		(void)curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
	if (curl_easy_perform(c) == CURLE_OK)
		(void)curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_cleanup(c);
	curl_slist_free_all(headers);
	return status;
}

static void post(const char *path, const char *body)
{
	_cleanup_buf_ struct buf out = BUF(1 << 20);
	long status = call("POST", path, body, &out);

	if (status < 200 || status > 299)
		fail_msg("%s: %ld %s", path, status, buf_str(&out));
}

/* "name", and labels of an installation unless intent is 0. */
static char *named(const char *key, const char *name, const char *install, int64_t intent)
{
	if (!intent)
		return strf("\"%s\":\"%s\"", key, name);
	return strf("\"%s\":\"%s\",\"Labels\":{\"labd.install\":\"%s\",\"labd.intent\":\"%d\"}",
		key, name, install, (int)intent);
}

static void keep(struct planted *p, char *path)
{
	assert_true(p->n < PATHS);
	p->paths[p->n++] = path;
}

static void container(struct planted *p, const char *name, const char *install, int64_t intent)
{
	_cleanup_free_ char *path = strf("/containers/create?name=lab-%s-%s", p->mark, name);
	_cleanup_free_ char *labels = named("Hostname", "x", install, intent);
	_cleanup_free_ char *body =
		strf("{%s,\"Image\":\"debian:12-slim\","
		     "\"Cmd\":[\"sleep\",\"600\"],\"HostConfig\":{\"Init\":true}}",
			labels);

	post(path, body);
	keep(p, strf("/containers/lab-%s-%s?force=1&v=1", p->mark, name));
}

static void network(struct planted *p, const char *name, int64_t intent)
{
	_cleanup_free_ char *full = strf("lab-%s-%s", p->mark, name);
	_cleanup_free_ char *labels = named("Name", full, p->install, intent);
	_cleanup_free_ char *body = strf("{%s,\"Options\":"
					 "{\"com.docker.network.bridge.name\":\"lab-%.4s%.4s\"}}",
		labels, name, p->mark);

	post("/networks/create", body);
	keep(p, strf("/networks/%s", full));
}

static void volume(struct planted *p, const char *name, int64_t intent)
{
	_cleanup_free_ char *full = strf("lab-%s-%s", p->mark, name);
	_cleanup_free_ char *labels = named("Name", full, p->install, intent);
	_cleanup_free_ char *body = strf("{%s}", labels);

	post("/volumes/create", body);
	keep(p, strf("/volumes/%s", full));
}

/* --- planting -------------------------------------------------------------------------------- */

static void plant_rows(struct planted *p)
{
	static const struct {
		int64_t id;
		const char *kind, *name, *state;
	} rows[] = {
		{1, "container", "good", "live"},
		{2, "container", "lost", "live"},
		{3, "network", "ending", "deleting"},
		{4, "volume", "begun", "intent"},
		{5, "volume", "good", "live"},
	};
	struct tx *t;

	place_open(&p->place);
	(void)snprintf(p->install, sizeof(p->install), "%s", store_install(p->place.store));
	t = tx_new(p->place.store);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		tx_object(t, &(struct row_object){.id = rows[i].id,
				     .session = 1,
				     .kind = rows[i].kind,
				     .name = rows[i].name,
				     .state = rows[i].state});
	assert_int_equal(commit(&p->place, t), 0);
	place_close(&p->place); /* its epoch is 1: checks of epoch 0 are of a former labd */
}

/* A check in the container that is right. */
static void plant_exec(struct planted *p, const char *marker)
{
	_cleanup_free_ char *path = strf("/containers/lab-%s-good/exec", p->mark);
	_cleanup_free_ char *body =
		strf("{\"Cmd\":[\"sleep\",\"600\"],\"Env\":[\"LABD_EXEC=%s\"]}", marker);
	_cleanup_buf_ struct buf out = BUF(1 << 20);

	assert_int_equal(call("POST", path, body, &out), 201);
	char *id = strstr(out.data, "\"Id\":\"");
	assert_non_null(id);
	_cleanup_free_ char *run = strf("/exec/%.64s/start", id + 6);
	post(run, "{\"Detach\":true}");
}

static void plant_process(struct planted *p)
{
	char *const argv[] = {(char[]){"lab-fetch"}, (char[]){"600"}, NULL};
	_cleanup_buf_ struct buf b = BUF(4 << 20);

	p->fetch = strf("%s/lab-fetch", p->place.folder);
	assert_int_equal(fs_read("/bin/sleep", &b, NULL), 0);
	assert_int_equal(fs_write_atomic(p->fetch, b.data, b.len, 0700, NULL), 0);
	assert_int_equal(posix_spawn(&p->process, p->fetch, NULL, NULL, argv, NULL), 0);
}

static void plant(struct planted *p)
{
	_cleanup_free_ char *start = strf("/containers/lab-%s-good/start", p->mark);
	_cleanup_free_ char *tmp = strf("%s/part.77.tmp", p->place.folder);
	_cleanup_free_ char *link = strf("ip link add lab-b%s type bridge 2>/dev/null", p->mark);

	plant_rows(p);
	container(p, "good", p->install, 1);
	container(p, "twin", p->install, 1);
	container(p, "norow", p->install, 99);
	container(p, "bare", NULL, 0);
	container(p, "other", p->other, 96);
	network(p, "norow", 98);
	network(p, "bare", 0);
	network(p, "ending", 3);
	volume(p, "norow", 97);
	volume(p, "bare", 0);
	volume(p, "good", 5);
	post(start, NULL);
	plant_exec(p, "check-0-7");
	plant_exec(p, "check-1-8"); /* of this one */
	plant_process(p);
	p->bridge = str_starts(engine, "unix://") && geteuid() == 0 && system(link) == 0;
	assert_int_equal(fs_write_atomic(tmp, "x", 1, 0600, NULL), 0);
}

static void uproot(struct planted *p)
{
	_cleanup_free_ char *link = strf("ip link delete lab-b%s", p->mark);
	_cleanup_free_ char *tmp = strf("%s/part.77.tmp", p->place.folder);
	_cleanup_buf_ struct buf out = BUF(1 << 20);

	for (size_t i = 0; i < p->n; i++) {
		(void)call("DELETE", p->paths[i], NULL, &out);
		free(TAKE(p->paths[i]));
	}
	p->n = 0;
	if (p->bridge)
		p->bridge = system(link) != 0;
	if (p->process > 0) {
		(void)kill(p->process, SIGKILL);
		(void)waitpid(p->process, NULL, 0);
	}
	p->process = 0;
	(void)unlink(tmp);
}

/* --- asking ---------------------------------------------------------------------------------- */

static int audit(struct planted *p, const char *arguments, struct buf *out)
{
	_cleanup_free_ char *command = strf("%s -e %s %s %s 2>&1", auditor, engine, arguments,
		str_starts(arguments, "-l") ? "" : p->place.folder);
	FILE *f = popen(command, "re");
	char line[1024];

	assert_non_null(f);
	buf_clear(out);
	while (fgets(line, sizeof(line), f))
		assert_int_equal(buf_adds(out, line), 0);
	int status = pclose(f);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool says(const struct buf *b, const char *verdict, const char *kind, const char *name,
	const char *why)
{
	_cleanup_free_ char *begin = strf("%s\t%s\t%s\t", verdict, kind, name);
	const char *at = strstr(buf_str(b), begin);
	_cleanup_free_ char *line = at ? xstrndup(at, strcspn(at, "\n")) : NULL;

	return line && strstr(line, why);
}

static void expect_found(struct planted *p, const struct buf *b)
{
	static const struct {
		const char *verdict, *kind, *name, *why;
	} rows[] = {
		{"orphan", "container", "lab-%s-norow", "no row has intent 99"},
		{"orphan", "container", "lab-%s-bare", "no label"},
		{"orphan", "network", "lab-%s-norow", "no row has intent 98"},
		{"orphan", "network", "lab-%s-bare", "no label"},
		{"unsettled", "network", "lab-%s-ending", "'deleting'"},
		{"orphan", "volume", "lab-%s-norow", "no row has intent 97"},
		{"orphan", "volume", "lab-%s-bare", "no label"},
		{"missing", "container", "lost", "row 2"},
		{"unsettled", "volume", "begun", "row 4 is 'intent'"},
		{"orphan", "process", "lab-fetch", "its labd has gone"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *mark = strstr(rows[i].name, "%s");
		_cleanup_free_ char *name =
			mark ? strf("lab-%s%s", p->mark, mark + 2) : xstrdup(rows[i].name);

		if (!says(b, rows[i].verdict, rows[i].kind, name, rows[i].why))
			fail_msg("no '%s %s %s ... %s' in:\n%s", rows[i].verdict, rows[i].kind,
				name, rows[i].why, buf_str(b));
	}
	_cleanup_free_ char *bridge = strf("lab-b%s", p->mark);
	if (p->bridge)
		assert_true(says(b, "orphan", "bridge", bridge, "no network has it"));
	if (geteuid() == 0 && str_starts(engine, "unix://"))
		assert_true(says(b, "orphan", "process", "LABD_EXEC=check-0-7", "a former labd"));
	assert_non_null(strstr(b->data, "part.77.tmp"));
	assert_non_null(strstr(b->data, "the second of intent 1"));
}

static void one_of_each_is_found_and_nothing_else(void **state)
{
	struct planted *p = *state;
	_cleanup_buf_ struct buf out = BUF(1 << 20);
	_cleanup_free_ char *quick = strf("-b %s -w 0", p->baseline);
	_cleanup_free_ char *patient = strf("-b %s -w 20", p->baseline);
	_cleanup_free_ char *other = strf("lab-%s-other", p->mark);
	_cleanup_free_ char *good = strf("volume\tlab-%s-good", p->mark);
	_cleanup_free_ char *bridge = strf("lab-noro%.4s", p->mark);

	assert_int_equal(audit(p, "-l", &out), 0);
	assert_int_equal(fs_write_atomic(p->baseline, buf_str(&out), out.len, 0600, NULL), 0);
	plant(p);
	assert_int_equal(audit(p, quick, &out), 1);
	expect_found(p, &out);
	assert_null(strstr(out.data, other)); /* of another installation */
	assert_null(strstr(out.data, good));  /* its row lives */
	assert_null(strstr(out.data, "check-1-8"));
	assert_false(says(&out, "orphan", "bridge", bridge, "")); /* a network has it */

	_cleanup_buf_ struct buf all = BUF(1 << 20);
	assert_int_equal(audit(p, "-l", &all), 0); /* what was there before is not reported */
	assert_int_equal(fs_write_atomic(p->baseline, buf_str(&all), all.len, 0600, NULL), 0);
	(void)audit(p, quick, &out);
	assert_null(strstr(buf_str(&out), "no label"));

	uproot(p);
	place_exec(&p->place, "UPDATE object SET state = 'gone'");
	if (audit(p, patient, &out) != 0)
		fail_msg("not content: %s", buf_str(&out));
}

static void an_engine_that_is_away_is_not_an_empty_one(void **state)
{
	struct planted *p = *state;
	_cleanup_free_ char *command =
		strf("%s -e unix:///nowhere -w 0 %s 2>/dev/null", auditor, p->place.folder);

	assert_int_equal(WEXITSTATUS(system(command)), 2);
}

static int begin(void **state)
{
	_cleanup_buf_ struct buf out = BUF(1 << 20);
	struct planted *p = NEW(struct planted);

	place_new(&p->place);
	id_random(p->mark, 6);
	id_uuid(p->other);
	p->baseline = strf("%s/baseline", p->place.folder);
	*state = p;
	return 0;
}

static int end(void **state)
{
	struct planted *p = *state;

	uproot(p);
	place_done(&p->place);
	free(p->baseline);
	free(p->fetch);
	free(p);
	return 0;
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_engine_that_is_away_is_not_an_empty_one),
		T(one_of_each_is_found_and_nothing_else),
	};
	_cleanup_buf_ struct buf out = BUF(1 << 20);
	_cleanup_free_ char *here = fs_program_dir();

	if (getenv("DOCKER_HOST"))
		engine = getenv("DOCKER_HOST");
	if (call("GET", "/images/debian:12-slim/json", NULL, &out) != 200) {
		(void)fprintf(stderr, "no engine at '%s' with debian:12-slim\n", engine);
		return 77;
	}
	auditor = strf("%s/../../orphancheck", here);
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	free(auditor);
	curl_global_cleanup();
	return r;
}
