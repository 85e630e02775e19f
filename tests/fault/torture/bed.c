/* bed.c - a state folder, an engine and a labd process, and talking with both. */
#include "tests/fault/torture/bed.h"

#include "base/fsutil.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_MS 20000
#define END_MS   25000
#define CALL_MS  40000L
#define DYING_MS 500

extern char **environ;

void pause_ms(int ms)
{
	(void)poll(NULL, 0, ms);
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool bed_fail(struct bed *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!*b->why)
		(void)vsnprintf(b->why, sizeof(b->why), fmt, ap);
	va_end(ap);
	return false;
}

/* --- talking -----------------------------------------------------------------------------------
 */

void reply_done(struct reply *r)
{
	json_free(r->json);
	*r = (struct reply){0};
}

static size_t take(char *p, size_t size, size_t n, void *arg)
{
	return buf_add(arg, p, size * n) == 0 ? size * n : 0;
}

struct message {
	const char *socket, *method, *path, *type, *key;
	const void *body;
	size_t n;
};

static struct curl_slist *headers(const struct message *m)
{
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	_cleanup_free_ char *type = strf(
				    "Content-Type: %s", m->type ? m->type : "application/json"),
			    *key = m->key ? strf("Idempotency-Key: %s", m->key) : NULL;

	list = curl_slist_append(list, type);
	return key ? curl_slist_append(list, key) : list;
}

/* A connection of its own for each request: libcurl would send it again over a stale one. */
static struct reply talk(void *curl, const struct message *m)
{
	_cleanup_buf_ struct buf in = BUF(64u << 20);
	_cleanup_free_ char *url = strf("http://localhost%s", m->path);
	struct curl_slist *list = headers(m);
	struct reply r = {0};
	long status = 0;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, m->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, m->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, 1L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, CALL_MS);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &in);
	if (m->body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, m->body);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)m->n);
	}
	if (curl_easy_perform(curl) == CURLE_OK)
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	r.status = (int)status;
	if (status && in.len && json_parse(&r.json, in.data, in.len, NULL) < 0)
		r.json = NULL; /* a file, not JSON */
	curl_slist_free_all(list);
	return r;
}

/* A process that dies closes its files first: whoever saw that waits for the rest. */
static void wait_dying(struct bed *b)
{
	for (int i = 0; i < DYING_MS && labd_alive(b); i++)
		pause_ms(1);
}

static struct reply talk_to_labd(struct bed *b, const struct message *m)
{
	struct reply r = talk(b->curl, m);

	if (r.status == 0)
		wait_dying(b);
	return r;
}

struct reply bed_call(
	struct bed *b, const char *method, const char *path, const char *body, const char *key)
{
	return talk_to_labd(b, &(struct message){b->socket, method, path, NULL, key, body,
				       body ? strlen(body) : 0});
}

struct reply bed_send(struct bed *b, const char *method, const char *path, const char *type,
	const void *p, size_t n)
{
	return talk_to_labd(b, &(struct message){b->socket, method, path, type, NULL, p, n});
}

struct reply engine_call(struct bed *b, const char *method, const char *path, const char *body)
{
	return talk(b->curl, &(struct message){b->engine + strlen("unix://"), method, path, NULL,
				     NULL, body, body ? strlen(body) : 0});
}

/* --- the process -------------------------------------------------------------------------------
 */

static char **environment(const struct bed *b, const char *kill)
{
	char **env = strv_new();

	strv_add(&env, "PATH=/usr/local/bin:/usr/bin:/bin");
	strv_add(&env, "HOME=/nonexistent");
	strv_take(&env, strf("XDG_RUNTIME_DIR=%s", b->folder));
	strv_take(&env, strf("XDG_CONFIG_HOME=%s", b->folder));
	strv_take(&env, strf("XDG_CACHE_HOME=%s", b->folder));
	if (kill)
		strv_take(&env, strf("LABD_KILL=%s", kill));
	if (b->speed > 1) {
		strv_take(&env,
			strf("LD_PRELOAD=%s/tests/fault/torture/fasttime.so", b->options.programs));
		strv_take(&env, strf("FAST_TIME=%d", b->speed));
		strv_add(&env, "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0");
	}
	for (char **e = environ; *e; e++)
		if (str_starts(*e, "LABYARD_TEST="))
			strv_add(&env, *e); /* how scripts/run-test finds what outlives a test */
	return env;
}

static bool spawn(struct bed *b, char **env, int out)
{
	_cleanup_free_ char *program = b->options.labd ? xstrdup(b->options.labd)
						       : strf("%s/labd", b->options.programs),
			    *state = strf("%s/state", b->folder),
			    *listen = strf("unix:%s", b->socket),
			    *log = strf("%s/labd.log", b->folder);
	char *argv[] = {program, (char *)"--state", state, (char *)"--listen", listen,
		(char *)"--labs", (char *)b->options.labs, (char *)"--engine", b->engine,
		(char *)"--log-level", (char *)"debug", NULL};
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	int r = posix_spawn(&b->labd, program, &actions, NULL, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		b->labd = 0;
	return r == 0 || bed_fail(b, "cannot run '%s': %s", program, strerror(r));
}

/* Its first line says that it is ready; the end of the pipe that it is dead. */
static bool wait_ready(struct bed *b, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char text[200];

	if (poll(&p, 1, READY_MS) <= 0)
		return bed_fail(b, "labd is not ready after %d s", READY_MS / 1000);
	if (read(fd, text, sizeof(text)) > 0)
		return true;
	wait_dying(b);
	return false;
}

bool labd_start(struct bed *b, const char *kill)
{
	_cleanup_(strv_freep) char **env = environment(b, kill);
	int out[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return bed_fail(b, "pipe: %m");
	bool good = spawn(b, env, out[1]);
	close(out[1]);
	good = good && wait_ready(b, out[0]);
	close(out[0]);
	return good || (kill && !*b->why) ? good : bed_fail(b, "labd does not start");
}

bool labd_alive(struct bed *b)
{
	int status;

	if (!b->labd)
		return false;
	if (waitpid(b->labd, &status, WNOHANG) == 0)
		return true;
	b->labd = 0;
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		bed_fail(b, "labd ended by itself: %s %d",
			WIFSIGNALED(status) ? "signal" : "exit code",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return false;
}

void labd_kill(struct bed *b)
{
	if (!labd_alive(b))
		return;
	(void)kill(b->labd, SIGKILL);
	(void)waitpid(b->labd, NULL, 0);
	b->labd = 0;
}

bool labd_end(struct bed *b)
{
	int64_t until = now_ms() + END_MS;
	int status = -1;

	if (!labd_alive(b))
		return !*b->why;
	(void)kill(b->labd, SIGTERM);
	while (waitpid(b->labd, &status, WNOHANG) == 0) {
		if (now_ms() > until) {
			labd_kill(b);
			return bed_fail(
				b, "labd does not end within %d s after SIGTERM", END_MS / 1000);
		}
		pause_ms(2);
	}
	b->labd = 0;
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       bed_fail(b, "labd did not end well: status 0x%x", status);
}

/* --- the bed -----------------------------------------------------------------------------------
 */

void bed_open(struct bed *b, const struct bed_options *o)
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";

	*b = (struct bed){.options = *o, .speed = 1, .curl = curl_easy_init()};
	b->folder = strf("%s/labyard-fault.XXXXXX", base);
	if (!b->curl || !mkdtemp(b->folder)) {
		perror(b->folder);
		exit(2);
	}
	b->socket = strf("%s/labd.sock", b->folder);
	b->database = strf("%s/state/labyard.db", b->folder);
	if (o->engine) {
		b->engine = xstrdup(o->engine);
		return;
	}
	_cleanup_free_ char *path = strf("%s/docker.sock", b->folder);
	b->fake = fake_start(path, 41);
	b->engine = xstrdup(fake_url(b->fake));
}

void bed_close(struct bed *b, bool keep_folder)
{
	labd_kill(b);
	if (b->fake)
		fake_stop(b->fake);
	if (!keep_folder)
		(void)fs_remove_tree(b->folder, NULL);
	curl_easy_cleanup(b->curl);
	free(b->folder);
	free(b->socket);
	free(b->database);
	free(b->engine);
}
