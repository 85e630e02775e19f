/* raw.c - see raw.h. */
#include "tests/bench/raw.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void die(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", program_invocation_short_name);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(4);
}

int raw_try_connect(const char *socket_path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(socket_path) >= sizeof(a.sun_path))
		die("the path of the socket '%s' is too long", socket_path);
	memcpy(a.sun_path, socket_path, strlen(socket_path));
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

int raw_connect(const char *socket_path)
{
	int fd = raw_try_connect(socket_path);

	if (fd < 0)
		die("nobody answers at '%s'", socket_path);
	return fd;
}

/* --- sending --- */

static void send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0)
			die("cannot send: %s", strerror(errno));
		p += k;
		n -= (size_t)k;
	}
}

static void send_request(int fd, const char *method, const char *path, const char *headers,
	const void *body, size_t n)
{
	char *text;
	int len = asprintf(&text,
		"%s %s HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %zu\r\n\r\n", method, path,
		headers, n);

	if (len < 0 || !(text = realloc(text, (size_t)len + n + 1)))
		die("no memory");
	if (n)
		memcpy(text + len, body, n);
	send_all(fd, text, (size_t)len + n);
	free(text);
}

static void send_json(
	int fd, const char *method, const char *path, const char *headers, const char *body)
{
	char all[400];

	(void)snprintf(all, sizeof(all), "%s%s", headers ? headers : "",
		body ? "Content-Type: application/json\r\n" : "");
	send_request(fd, method, path, all, body, body ? strlen(body) : 0);
}

/* --- receiving --- */

struct input {
	int fd;
	char *p;
	size_t len, cap;
};

/* False at the end of the connection. */
static bool more(struct input *in)
{
	if (in->cap - in->len < 65536 && !(in->p = realloc(in->p, in->cap = in->cap * 2 + 131072)))
		die("no memory");
	ssize_t k = recv(in->fd, in->p + in->len, in->cap - in->len - 1, 0);
	if (k < 0)
		die("cannot receive: %s", strerror(errno));
	in->len += (size_t)k;
	in->p[in->len] = '\0';
	return k > 0;
}

static void need(struct input *in, size_t n)
{
	while (in->len < n)
		if (!more(in))
			die("the answer was cut");
}

/* The end of the line or head that `mark` closes, from `at` on. */
static size_t need_mark(struct input *in, size_t at, const char *mark)
{
	const char *end;

	while (!(end = in->len > at ? strstr(in->p + at, mark) : NULL))
		if (!more(in))
			die("the answer was cut");
	return (size_t)(end - in->p) + strlen(mark);
}

static const char *header(const char *head, const char *name)
{
	for (const char *line = strchr(head, '\n'); line; line = strchr(line + 1, '\n'))
		if (strncasecmp(line + 1, name, strlen(name)) == 0)
			return line + 1 + strlen(name);
	return NULL;
}

/* Chunks are put together at the start of the body. */
static size_t read_chunks(struct input *in, size_t body)
{
	size_t to = body, at = body, n;

	do {
		size_t data = need_mark(in, at, "\r\n");

		n = strtoul(in->p + at, NULL, 16);
		need(in, data + n + 2);
		memmove(in->p + to, in->p + data, n);
		to += n;
		at = data + n + 2;
	} while (n > 0);
	return to - body;
}

static struct raw_answer receive(int fd, const char *method, const char *path)
{
	struct input in = {.fd = fd};
	struct raw_answer a = {0};
	size_t start = need_mark(&in, 0, "\r\n\r\n");
	in.p[start - 1] = '\0'; /* the head is a text of its own */
	const char *length = header(in.p, "content-length:");
	const char *coding = header(in.p, "transfer-encoding: chunked");
	if (sscanf(in.p, "HTTP/1.1 %d", &a.status) != 1)
		die("%s %s: the answer is no HTTP", method, path);
	if (coding) {
		a.len = read_chunks(&in, start);
	} else {
		a.len = length ? strtoul(length, NULL, 10) : 0;
		need(&in, start + a.len);
	}
	a.body = in.p;
	memmove(a.body, in.p + start, a.len);
	a.body[a.len] = '\0';
	return a;
}

struct raw_answer raw_call(
	int fd, const char *method, const char *path, const char *headers, const char *body)
{
	send_json(fd, method, path, headers, body);
	return receive(fd, method, path);
}

char *raw_must(int fd, const char *method, const char *path, const char *body, bool lenient)
{
	struct raw_answer a = raw_call(fd, method, path, NULL, body);
	bool good = a.status / 100 == 2 || (lenient && (a.status == 304 || a.status == 404));

	if (!good)
		die("%s %s: %d: %s", method, path, a.status, a.body);
	return a.body;
}

void raw_put(int fd, const char *path, const void *bytes, size_t n)
{
	send_request(fd, "PUT", path, "", bytes, n);
	struct raw_answer a = receive(fd, "PUT", path);

	if (a.status / 100 != 2)
		die("PUT %s: %d: %s", path, a.status, a.body);
	free(a.body);
}

void raw_send(int fd, const char *method, const char *path, const char *body)
{
	send_json(fd, method, path, NULL, body);
}

int raw_until(int fd, const char *mark)
{
	struct input in = {.fd = fd};
	int status = 0;

	while (more(&in))
		if (mark && strstr(in.p, mark))
			break;
	if (!in.len || sscanf(in.p, "HTTP/1.1 %d", &status) != 1)
		die("the answer is no HTTP");
	free(in.p);
	return status;
}

/* --- reading JSON that a program wrote --- */

static const char *value_of(const char *from, const char *key)
{
	char quoted[80];

	(void)snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	const char *p = strstr(from, quoted);
	return p ? p + strlen(quoted) : NULL;
}

char *raw_string(const char *from, const char *key)
{
	const char *p = value_of(from, key);

	return p && *p == '"' ? strndup(p + 1, strcspn(p + 1, "\"")) : NULL;
}

double raw_number(const char *from, const char *key, double fallback)
{
	const char *p = value_of(from, key);

	return p ? strtod(p, NULL) : fallback;
}
