/* fakeengine.c - the fake engine's socket, threads, faults on purpose, and routing. */
#include "tests/fake/fake.h"
#include "base/fsutil.h"
#include "base/id.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

void fake_lock(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
}

void fake_unlock(struct fake *f)
{
	pthread_mutex_unlock(&f->lock);
}

int64_t fake_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void fake_wait(struct fake *f, int64_t ms)
{
	int64_t until = fake_now_ms() + ms;
	struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};

	if (ms < 0)
		pthread_cond_wait(&f->changed, &f->lock);
	else
		pthread_cond_timedwait(&f->changed, &f->lock, &t);
}

void new_id(char id[static 65])
{
	unsigned char raw[32];

	random_bytes(raw, sizeof(raw));
	hex_encode(raw, sizeof(raw), id);
}

/* --- routing --- */

static const struct route *const tables[] = {
	object_routes, container_routes, exec_routes, image_routes};

/* The id between `before` and `after`; NULL when the path has another shape. */
static char *match_path(const struct route *t, const char *path)
{
	size_t b = strlen(t->before), a = t->after ? strlen(t->after) : 0, n = strlen(path);

	if (!t->after)
		return streq(path, t->before) ? xstrdup("") : NULL;
	if (n <= b + a || !str_starts(path, t->before) || !streq(path + n - a, t->after))
		return NULL;
	return xstrndup(path + b, n - a - b);
}

static bool version_ok(struct conn *c, const struct request *r)
{
	int min = c->f->minor >= 56 ? 40 : c->f->minor >= 45 ? 24 : 12;

	if (r->minor == 0 || (r->minor >= min && r->minor <= c->f->minor))
		return true;
	if (r->minor < min)
		answer_error(c, 400,
			"client version 1.%d is too old. Minimum supported API version is 1.%d, "
			"please upgrade your client to a newer version", r->minor, min);
	else
		answer_error(c, 400,
			"client version 1.%d is too new. Maximum supported API version is 1.%d",
			r->minor, c->f->minor);
	return false;
}

static void dispatch(struct conn *c, const struct request *r)
{
	if (!version_ok(c, r))
		return;
	for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
		for (const struct route *row = tables[t]; row->method; row++) {
			_cleanup_free_ char *id =
				streq(row->method, r->method) ? match_path(row, r->path) : NULL;

			if (id) {
				c->status = 200;
				row->run(c->f, c, r, id);
				return;
			}
		}
	}
	answer_error(c, 404, "page not found");
}

/* --- answering, well or badly --- */

static void send_answer(struct conn *c, bool truncate)
{
	size_t n = c->body.len;
	_cleanup_free_ char *head = strf("HTTP/1.1 %d X\r\nApi-Version: 1.%d\r\nServer: "
					 "Fake\r\n%s%sContent-Length: %zu\r\n\r\n",
		c->status, c->f->minor, n ? "Content-Type: application/json\r\n" : "",
		c->f->minor >= 45 ? "Builder-Version: 2\r\n" : "", n + (truncate ? 100 : 0));
	bool no_body = c->status == 204 || c->status == 304;

	if (!conn_write(c, head, strlen(head)) || (!no_body && !conn_write(c, c->body.data, n)) ||
		truncate)
		c->close = true;
}

static void set_garbage(struct conn *c)
{
	static const char noise[] = "\x01{\"Id\":]\xff[[[";

	c->status = 200;
	buf_clear(&c->body);
	(void)buf_add(&c->body, noise, sizeof(noise) - 1);
}

static bool is(const struct fault *fault, const char *name)
{
	return fault && streq(fault->name, name);
}

/* Sleep without holding up the end of the fake. */
static void rest(struct fake *f, int64_t ms)
{
	int64_t until = fake_now_ms() + ms;

	while (!f->stopping && (ms < 0 || fake_now_ms() < until))
		fake_wait(f, ms < 0 ? -1 : until - fake_now_ms());
}

static void cut_all(struct fake *f)
{
	struct conn *c;

	list_for_each(c, &f->conns, link)
		shutdown(c->fd, SHUT_RDWR);
}

/* Locked. Returns false when the connection ends. */
static bool serve(struct conn *c, const struct request *r)
{
	struct fake *f = c->f;
	struct fault *planned = plan_fault(f, r), copy = planned ? *planned : (struct fault){0};
	const struct fault *fault = planned ? &copy : NULL;

	c->cut_after = is(fault, "cut-stream") ? copy.bytes : 0;
	c->streamed = 0;
	c->cut = false;
	buf_clear(&c->body);
	if (is(fault, "refuse"))
		return false;
	if (is(fault, "away")) {
		f->away = true;
		cut_all(f);
		rest(f, copy.ms);
		f->away = false;
		return false;
	}
	if (is(fault, "delay") || is(fault, "status") || is(fault, "silence"))
		rest(f, is(fault, "silence") ? -1 : copy.ms);
	if (is(fault, "silence"))
		return false;
	if (is(fault, "status"))
		answer_error(c, copy.status, "%s", copy.text ? copy.text : "planned refusal");
	else
		dispatch(c, r);
	if (is(fault, "late"))
		rest(f, copy.ms);
	if (is(fault, "cut-reply"))
		return false;
	if (is(fault, "status-after"))
		answer_error(c, copy.status, "%s", copy.text ? copy.text : "planned failure");
	if (is(fault, "garbage"))
		set_garbage(c);
	if (c->status) {
		fake_unlock(f);
		send_answer(c, is(fault, "truncate"));
		fake_lock(f);
	}
	return !c->close && !f->stopping;
}

static void count_call(struct fake *f, const struct request *r)
{
	_cleanup_free_ char *key = strf("%s %s", r->method, r->path);

	map_put(f->calls, key, (void *)((uintptr_t)map_get(f->calls, key) + 1));
}

/* There is something to reap, or an end to notice. */
static void wake_acceptor(struct fake *f)
{
	(void)!write(f->wake[1], "x", 1);
	pthread_cond_broadcast(&f->changed);
}

static void *run_conn(void *arg)
{
	struct conn *c = arg;
	struct fake *f = c->f;
	struct buf in = BUF(512u << 20);
	struct request r;
	bool more = true;

	while (more && asked_read(c, &in, &r)) {
		fake_lock(f);
		count_call(f, &r);
		more = serve(c, &r);
		fake_unlock(f);
		asked_done(&r);
		r = (struct request){0};
	}
	asked_done(&r);
	buf_done(&in);
	buf_done(&c->body);
	fake_lock(f);
	shutdown(c->fd, SHUT_RDWR);
	c->finished = true;
	wake_acceptor(f);
	fake_unlock(f);
	return NULL;
}

/* --- accepting --- */

/* Join the threads that are done: the acceptor's work, and after its end fake_stop()'s. Locked. */
static void reap(struct fake *f)
{
	struct conn *c, *tmp;

	list_for_each_safe(c, tmp, &f->conns, link) {
		if (!c->finished)
			continue;
		list_unlink(&c->link);
		pthread_join(c->thread, NULL);
		close(c->fd);
		free(c);
	}
	pthread_cond_broadcast(&f->changed);
}

static void accept_one(struct fake *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	struct conn *c;

	if (fd < 0)
		return;
	if (f->away || f->stopping) {
		close(fd);
		return;
	}
	c = NEW(struct conn);
	c->f = f;
	c->fd = fd;
	buf_init(&c->body, 64u << 20);
	list_append(&f->conns, &c->link);
	if (pthread_create(&c->thread, NULL, run_conn, c) != 0)
		abort();
}

static void *run_acceptor(void *arg)
{
	struct fake *f = arg;

	for (;;) {
		struct pollfd p[] = {{.fd = f->listener, .events = POLLIN},
			{.fd = f->wake[0], .events = POLLIN}};
		char byte;

		(void)poll(p, 2, -1);
		if (p[1].revents)
			(void)!read(f->wake[0], &byte, 1);
		fake_lock(f);
		reap(f);
		if (f->stopping) {
			fake_unlock(f);
			return NULL;
		}
		if (p[0].revents && p[0].fd == f->listener)
			accept_one(f);
		fake_unlock(f);
	}
}

static void listen_on(struct fake *f)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	assert(strlen(f->path) < sizeof(a.sun_path));
	memcpy(a.sun_path, f->path, strlen(f->path));
	(void)unlink(f->path);
	f->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (f->listener < 0 || bind(f->listener, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		listen(f->listener, 256) < 0) {
		perror(f->path);
		abort();
	}
}

/* --- start and stop (free functions of the rows: fake_object.c and others) --- */

struct fake *fake_start(const char *path, int minor)
{
	struct fake *f = NEW(struct fake);
	char folder[] = "/tmp/labyard-fake.XXXXXX";

	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->minor = minor;
	f->next_pid = 7;
	list_init(&f->conns);
	list_init(&f->faults);
	list_init(&f->scripts);
	list_init(&f->events);
	f->networks = map_new(NULL);
	f->volumes = map_new(NULL);
	f->images = map_new(NULL);
	f->containers = map_new(NULL);
	f->execs = map_new(NULL);
	f->registry = map_new(free);
	f->calls = map_new(NULL);
	if (!path && !mkdtemp(folder))
		abort();
	f->folder = path ? NULL : xstrdup(folder);
	f->path = path ? xstrdup(path) : strf("%s/docker.sock", folder);
	f->url = strf("unix://%s", f->path);
	(void)add_image(f, "debian:12-slim");
	listen_on(f);
	if (pipe2(f->wake, O_CLOEXEC) < 0 ||
		pthread_create(&f->acceptor, NULL, run_acceptor, f) != 0)
		abort();
	return f;
}

const char *fake_url(const struct fake *f)
{
	return f->url;
}

void fake_stop(struct fake *f)
{
	fake_lock(f);
	f->stopping = true;
	cut_all(f);
	wake_acceptor(f);
	fake_unlock(f);
	pthread_join(f->acceptor, NULL);
	fake_lock(f);
	while (reap(f), !list_empty(&f->conns) || f->threads > 0)
		fake_wait(f, -1);
	fake_unlock(f);
	(void)unlink(f->path);
	if (f->folder)
		(void)rmdir(f->folder);
	close(f->listener);
	close(f->wake[0]);
	close(f->wake[1]);
	fake_free_rows(f);
	free(f->folder);
	free(f->path);
	free(f->url);
	free(f->auth);
	free(f->id);
	free(f->root);
	pthread_mutex_destroy(&f->lock);
	pthread_cond_destroy(&f->changed);
	free(f);
}

/* --- what a test asks for --- */

void fake_set_minor(struct fake *f, int minor)
{
	fake_lock(f);
	f->minor = minor;
	fake_unlock(f);
}

void fake_away(struct fake *f, bool away)
{
	fake_lock(f);
	f->away = away;
	if (away) {
		close(f->listener);
		(void)unlink(f->path);
		f->listener = -1;
		cut_all(f);
		wake_acceptor(f);
		while (!list_empty(&f->conns))
			fake_wait(f, -1);
	} else {
		listen_on(f);
		wake_acceptor(f);
	}
	fake_unlock(f);
}

unsigned fake_calls(struct fake *f, const char *pattern)
{
	uintptr_t n, sum = 0;
	const char *key;

	fake_lock(f);
	for (size_t i = 0; map_each(f->calls, &i, &key, &n);)
		sum += fnmatch(pattern, key, 0) == 0 ? n : 0;
	fake_unlock(f);
	return (unsigned)sum;
}

char *fake_auth(struct fake *f)
{
	char *auth;

	fake_lock(f);
	auth = f->auth ? xstrdup(f->auth) : NULL;
	fake_unlock(f);
	return auth;
}
