/*
 * json_stream.c - cuts a stream of bytes into JSON documents.
 *
 * The cutter knows only strings, brackets and white space: enough to see where a document ends. The
 * reader of json.c judges each piece, so a stream is exactly as strict as a single document. A
 * piece that lies whole in the bytes that were fed is parsed where it is; only cut ones are copied.
 */
#include "codec/json.h"

struct json_stream {
	json_doc_cb fn;
	void *arg;
	struct buf held; /* the begun document, from earlier feeds */
	unsigned depth;
	bool begun;     /* inside a document */
	bool string;    /* inside a string */
	bool escaped;   /* behind a backslash */
	struct err err; /* the first error; its code is 0 while all is well */
};

struct json_stream *json_stream_new(json_doc_cb fn, void *arg)
{
	struct json_stream *s = NEW(struct json_stream);

	s->fn = fn;
	s->arg = arg;
	buf_init(&s->held, JSON_CHUNK_MAX);
	return s;
}

void json_stream_free(struct json_stream *s)
{
	if (!s)
		return;
	buf_done(&s->held);
	free(s);
}

static bool white(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Inside a string: the next byte that can matter is a quote or a backslash. */
static size_t skip_string(struct json_stream *s, const char *p, size_t n)
{
	size_t i = 0;

	for (; i < n; i++) {
		if (s->escaped)
			s->escaped = false;
		else if (p[i] == '\\')
			s->escaped = true;
		else if (p[i] == '"')
			break;
	}
	s->string = i == n;
	return i < n ? i + 1 : n;
}

/* The offset in p behind the begun document, or n and not *ret_whole when it goes on. */
static size_t cut(struct json_stream *s, const char *p, size_t n, bool *ret_whole)
{
	size_t i = 0;

	*ret_whole = true;
	while (i < n) {
		char c = p[i];

		if (s->string) {
			i += skip_string(s, p + i, n - i);
			if (!s->string && !s->depth)
				return i;
			continue;
		}
		if (!s->depth && s->begun && (white(c) || c == '{' || c == '[' || c == '"'))
			return i; /* behind a number or word */
		s->begun = true;
		i++;
		if (c == '"')
			s->string = true;
		else if (c == '{' || c == '[')
			s->depth++;
		else if ((c == '}' || c == ']') && (!s->depth || !--s->depth))
			return i;
	}
	*ret_whole = false;
	return n;
}

static int too_large(struct err *e)
{
	return err_set(e, ERR_LIMIT, "a JSON document of the stream is larger than %d KiB",
		JSON_CHUNK_MAX >> 10);
}

static int hold(struct json_stream *s, const char *p, size_t n, struct err *e)
{
	return buf_add(&s->held, p, n) < 0 ? too_large(e) : 0;
}

static int deliver(struct json_stream *s, const char *p, size_t n, struct err *e)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	int r = n > JSON_CHUNK_MAX ? too_large(e) : json_parse(&doc, p, n, e);

	return r < 0 ? r : s->fn(s->arg, doc, e);
}

/* A begun document ends behind these n bytes. */
static int finish(struct json_stream *s, const char *p, size_t n, struct err *e)
{
	int r;

	s->begun = false;
	if (!s->held.len)
		return deliver(s, p, n, e);
	r = hold(s, p, n, e);
	if (r == 0)
		r = deliver(s, s->held.data, s->held.len, e);
	buf_clear(&s->held);
	return r;
}

static int feed(struct json_stream *s, const char *p, size_t n, struct err *e)
{
	while (n) {
		bool whole;
		size_t len;
		int r;

		if (!s->begun && white(*p)) {
			p++;
			n--;
			continue;
		}
		len = cut(s, p, n, &whole);
		if (whole)
			r = finish(s, p, len, e);
		else
			r = hold(s, p, len, e);
		if (r < 0)
			return r;
		p += len;
		n -= len;
	}
	return 0;
}

/* Remember the first error: what follows it in the stream means nothing. */
static int settle(struct json_stream *s, int r, struct err *e)
{
	if (r < 0)
		s->err.code = r;
	return r < 0 ? err_copy(e, &s->err) : 0;
}

int json_stream_feed(struct json_stream *s, const char *p, size_t n, struct err *e)
{
	return settle(s, s->err.code ? s->err.code : feed(s, p, n, &s->err), e);
}

int json_stream_end(struct json_stream *s, struct err *e)
{
	return settle(s, s->err.code ? s->err.code : s->begun ? finish(s, "", 0, &s->err) : 0, e);
}
