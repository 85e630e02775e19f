/*
 * follow.c - server-sent events, taken up again after the last one when the connection is lost.
 */
#include "cmd/lab/client_impl.h"
#include "cmd/lab/interrupt.h"

#include <inttypes.h>

#define SILENCE_MS       60000 /* labd sends a comment every 15 s */
#define TAKE_UP_AGAIN_MS 500
#define TAKE_UP_TRIES    20
#define MAX_LINE         (1u << 20)
#define MAX_PROBLEM      (64u << 10)

struct follow {
	struct client *k;
	struct buf line, data;
	char kind[32];
	int64_t last; /* id of the last event; -1 = none yet */
	bool open, ended, enough;
	bool heard; /* something on this connection, be it that labd lives */
	int seen;   /* events of it */
	int status;
	struct err err;
	struct buf problem;
	event_fn fn;
	void *arg;
};

static void dispatch(struct follow *f)
{
	_cleanup_(json_freep) struct json *doc = NULL;

	f->seen++;
	if (f->data.len && json_parse(&doc, buf_str(&f->data), f->data.len, NULL) == 0)
		f->enough = !f->fn(f->arg, f->kind, doc);
	buf_clear(&f->data);
	f->kind[0] = '\0';
}

/* What comes after the name of a field and its colon, without the one blank that may follow. */
static const char *value(const char *s, const char *field)
{
	if (!str_starts(s, field))
		return NULL;
	s += strlen(field);
	return *s == ' ' ? s + 1 : s;
}

/* One line of the stream: id, event, data, a comment, or the empty line that ends an event. */
static void take_line(struct follow *f, const char *s)
{
	const char *v;

	if (!*s)
		dispatch(f);
	else if ((v = value(s, "id:")))
		f->last = strtoll(v, NULL, 10);
	else if ((v = value(s, "event:")))
		(void)snprintf(f->kind, sizeof(f->kind), "%s", v);
	else if ((v = value(s, "data:")))
		(void)buf_addf(&f->data, "%s%s", f->data.len ? "\n" : "", v);
}

static int head(void *arg, int status, struct err *e)
{
	struct follow *f = arg;

	f->status = status;
	f->open = status == 200;
	return 0;
}

static int64_t bytes(void *arg, const char *p, size_t n, struct err *e)
{
	struct follow *f = arg;

	f->heard = true;
	for (const char *at = p, *end = p + n; at < end && !f->enough;) {
		const char *nl = memchr(at, '\n', (size_t)(end - at));

		if (buf_add(&f->line, at, (size_t)((nl ? nl : end) - at)) < 0)
			return err_set(e, ERR_LIMIT, "labd sent an event of more than 1 MiB");
		if (!nl)
			break;
		take_line(f, buf_str(&f->line));
		buf_clear(&f->line);
		at = nl + 1;
	}
	return (int64_t)n;
}

static void over(void *arg, const struct http_result *r)
{
	struct follow *f = arg;

	f->ended = true;
	f->status = r->status;
	f->err = r->err;
	buf_clear(&f->problem);
	if (r->status >= 300)
		(void)buf_add(&f->problem, r->body.data, r->body.len);
}

static char *path_after(const struct follow *f, const char *path)
{
	return f->last < 0
		       ? xstrdup(path)
		       : strf("%s%cafter=%" PRId64, path, strchr(path, '?') ? '&' : '?', f->last);
}

/* One connection, until it ends or enough was seen. Returns 0, or why it is over for good. */
static int follow_once(struct follow *f, const char *path, const bool *late, struct err *e)
{
	struct client *k = f->k;
	_cleanup_free_ char *full = path_after(f, path);
	struct http_request req = {.method = "GET",
		.path = full,
		.on_head = head,
		.on_data = bytes,
		.silence_ms = SILENCE_MS};

	f->ended = f->open = f->heard = false;
	f->seen = 0;
	buf_clear(&f->line);
	buf_clear(&f->data);
	struct http_op *op = http_send(k->http, &req, over, f);
	while (!f->ended && !f->enough && !interrupt_signal() && !*late)
		loop_once(k->loop, true);
	if (!f->ended) {
		http_cancel(op);
		while (!f->ended)
			loop_once(k->loop, true);
	}
	if (f->enough)
		return 0;
	if (interrupt_signal())
		return err_set(e, ERR_CANCELED, "interrupted");
	if (*late)
		return err_set(e, ERR_TIMEOUT, "not done in time; it goes on");
	if (f->status >= 300)
		return client_problem(k, f->status, buf_str(&f->problem), f->problem.len, e);
	return f->err.code == ERR_LIMIT ? err_copy(e, &f->err) : 0;
}

static void raise_flag(void *arg)
{
	*(bool *)arg = true;
}

/* The daemon is away for a moment, or for good. */
static int take_up(struct follow *f, enum follow_mode mode, int tries, struct err *e)
{
	struct err why = ERR_NONE;

	if (tries >= TAKE_UP_TRIES)
		return err_copy(e, &f->err);
	int r = client_rest(f->k, TAKE_UP_AGAIN_MS, e);
	if (r < 0)
		return r;
	/* Started again it recovers what it did; when it cannot be, its own words say more. */
	if (mode == FOLLOW_WORK && f->err.code == ERR_UNREACHABLE && client_revive(f->k, &why) < 0)
		return err_copy(e, &why);
	return 0;
}

/*
 * A stream also ends when labd goes down in good order. So whoever waits for work asks once more:
 * a session that is gone ends the stream again at once.
 */
static bool over_for_good(const struct follow *f, enum follow_mode mode, bool ended_before)
{
	return f->open && !f->err.code && (mode == FOLLOW_WATCH || (ended_before && !f->seen));
}

int client_follow(struct client *k, const char *path, int64_t after, enum follow_mode mode,
	int64_t until_ms, event_fn fn, void *arg, struct err *e)
{
	struct follow f = {.k = k,
		.last = after,
		.line = BUF(MAX_LINE),
		.data = BUF(MAX_LINE),
		.problem = BUF(MAX_PROBLEM),
		.fn = fn,
		.arg = arg};
	bool late = false, ended = false;
	struct timer *t = timer_new(k->loop, raise_flag, &late);
	int r = 0;

	if (until_ms != INT64_MAX)
		timer_start(t, until_ms - loop_now_ms(k->loop));
	for (int tries = 0; r == 0; tries++) {
		r = follow_once(&f, path, &late, e);
		if (r != 0 || f.enough || over_for_good(&f, mode, ended))
			break;
		ended = f.open && !f.err.code;
		if (f.heard)
			tries = 0;
		if (!ended)
			r = take_up(&f, mode, tries, e);
		if (r == 0 && mode == FOLLOW_WORK && f.open && !fn(arg, "", NULL))
			break;
	}
	timer_free(t);
	buf_done(&f.line);
	buf_done(&f.data);
	buf_done(&f.problem);
	return r;
}
