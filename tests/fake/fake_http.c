/* fake_http.c - HTTP/1.1 for the fake engine: requests in, answers and chunked streams out. */
#include "tests/fake/fake.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD_MAX (64u << 10)
#define BODY_MAX (256u << 20)

/* --- requests --- */

static bool fill(struct conn *c, struct buf *in)
{
	char *room = buf_room(in, 65536);
	ssize_t n = room ? read(c->fd, room, 65536) : -1;

	if (n <= 0)
		return false;
	buf_grew(in, (size_t)n);
	return true;
}

char *asked_header(const struct request *r, const char *name)
{
	size_t n = strlen(name);

	for (const char *l = r->head; l; l = strstr(l, "\r\n")) {
		l += *l == '\r' ? 2 : 0;
		if (strncasecmp(l, name, n) == 0 && l[n] == ':') {
			const char *v = l + n + 1 + strspn(l + n + 1, " ");

			return xstrndup(v, strcspn(v, "\r"));
		}
	}
	return NULL;
}

static char *decode(const char *s, size_t n)
{
	char *out = xmalloc(n + 1), *o = out;

	for (size_t i = 0; i < n; i++) {
		char hex[3] = {0};

		if (s[i] == '%' && i + 2 < n) {
			memcpy(hex, s + i + 1, 2);
			*o++ = (char)strtol(hex, NULL, 16);
			i += 2;
		} else {
			*o++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	*o = '\0';
	return out;
}

char *asked_query(const struct request *r, const char *key)
{
	size_t n = strlen(key);

	for (const char *p = r->query; p && *p; p += strcspn(p, "&"), p += *p == '&')
		if (strncmp(p, key, n) == 0 && p[n] == '=')
			return decode(p + n + 1, strcspn(p + n + 1, "&"));
	return NULL;
}

/* "POST /v1.41/containers/create?name=x HTTP/1.1" */
static bool read_line(struct request *r)
{
	char target[HEAD_MAX / 4];
	const char *path = target;
	int minor, used;

	if (sscanf(r->head, "%15s %16383s HTTP/1.", r->method, target) != 2)
		return false;
	if (sscanf(target, "/v1.%d%n", &minor, &used) == 1 && target[used] == '/') {
		r->minor = minor;
		path += used;
	}
	r->path = decode(path, strcspn(path, "?"));
	r->query = xstrdup(strchr(path, '?') ? strchr(path, '?') + 1 : "");
	return true;
}

/* Move one chunk from in to the body; 1 = there are more, 0 = it was the last, -1 = broken. */
static int take_chunk(struct conn *c, struct buf *in, struct buf *body)
{
	char *end;

	while (!(end = in->len ? memmem(in->data, in->len, "\r\n", 2) : NULL))
		if (!fill(c, in))
			return -1;
	size_t n = strtoul(in->data, NULL, 16), line = (size_t)(end - in->data) + 2;
	while (in->len < line + n + 2)
		if (!fill(c, in))
			return -1;
	(void)buf_add(body, in->data + line, n);
	buf_drop(in, line + n + 2);
	return n > 0;
}

static bool read_body(struct conn *c, struct buf *in, struct request *r)
{
	_cleanup_free_ char *length = asked_header(r, "Content-Length");
	_cleanup_free_ char *coding = asked_header(r, "Transfer-Encoding");
	size_t n = length ? strtoul(length, NULL, 10) : 0;
	int more = 1;

	buf_init(&r->body, BODY_MAX);
	if (coding) {
		while (more > 0)
			more = take_chunk(c, in, &r->body);
		return more == 0;
	}
	while (in->len < n)
		if (!fill(c, in))
			return false;
	(void)buf_add(&r->body, in->data, n);
	buf_drop(in, n);
	return true;
}

bool asked_read(struct conn *c, struct buf *in, struct request *r)
{
	_cleanup_free_ char *upgrade = NULL;
	char *end;

	*r = (struct request){0};
	while (!(end = in->len ? memmem(in->data, in->len, "\r\n\r\n", 4) : NULL))
		if (in->len > HEAD_MAX || !fill(c, in))
			return false;
	size_t n = (size_t)(end - in->data) + 4;
	r->head = xstrndup(in->data, n);
	buf_drop(in, n);
	upgrade = asked_header(r, "Upgrade");
	r->upgrade = upgrade != NULL;
	return read_line(r) && read_body(c, in, r);
}

void asked_done(struct request *r)
{
	free(r->path);
	free(r->query);
	free(r->head);
	buf_done(&r->body);
}

/* --- answers --- */

bool conn_write(struct conn *c, const void *p, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t w = send(c->fd, (const char *)p + done, n - done, MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return false;
		done += (size_t)w;
	}
	return true;
}

void answer_error(struct conn *c, int status, const char *fmt, ...)
{
	struct buf text = BUF(16384);
	struct json_writer w;
	va_list ap;

	va_start(ap, fmt);
	(void)buf_addv(&text, fmt, ap);
	va_end(ap);
	c->status = status;
	buf_clear(&c->body);
	json_begin(&w, &c->body, false);
	json_object(&w, NULL);
	json_put_str(&w, "message", buf_str(&text));
	json_end(&w);
	buf_done(&text);
}

bool stream_begin(struct conn *c, const char *type)
{
	_cleanup_free_ char *head =
		strf("HTTP/1.1 200 OK\r\nApi-Version: 1.%d\r\nContent-Type: %s\r\n"
		     "Transfer-Encoding: chunked\r\n\r\n",
			c->f->minor, type);

	c->status = 0;
	return conn_write(c, head, strlen(head));
}

bool stream_chunk(struct conn *c, const void *p, size_t n)
{
	char head[32];

	if (c->cut_after && c->streamed + n > c->cut_after) {
		n = c->cut_after - c->streamed;
		c->cut = true;
	}
	c->streamed += n;
	(void)snprintf(head, sizeof(head), "%zx\r\n", n);
	if (n > 0 && !(conn_write(c, head, strlen(head)) && conn_write(c, p, n) &&
			     conn_write(c, "\r\n", 2)))
		return false;
	return !c->cut;
}

void stream_end(struct conn *c)
{
	if (c->cut || !conn_write(c, "0\r\n\r\n", 5))
		c->close = true;
}

bool peer_gone(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLRDHUP};

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR));
}
