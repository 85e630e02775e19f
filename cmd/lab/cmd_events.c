/* cmd_events.c - `lab events`: what happened to the sessions, and by which rule. */
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>

#define PAGE 1000

/* "key value", or nothing for what says nothing. */
static void add_word(struct buf *words, const char *key, const struct json *v, const char *kind)
{
	const char *text = json_str(v);
	_cleanup_free_ char *shown = visible(text);

	if (streq(key, kind)) /* "state ready", not "state state ready" */
		(void)buf_addf(words, " %s", shown);
	else if (text && *text)
		(void)buf_addf(words, "  %s %s", key, shown);
	else if (json_type(v) == JSON_INT && str_ends(key, "_ms"))
		(void)buf_addf(words, "  %.*s %s", (int)strlen(key) - 3, key,
			str_human_ms(json_int(v, 0)));
	else if (json_type(v) == JSON_INT)
		(void)buf_addf(words, "  %s %" PRId64, key, json_int(v, 0));
	else if (json_bool(v, false))
		(void)buf_addf(words, "  %s", key);
}

/* One line, as the format wants it; the caller owns it. */
static char *event_line(struct cli *c, const struct json *ev)
{
	const struct json *d = json_get(ev, "data");
	const char *kind = json_str_or(json_get(ev, "kind"), "?");
	_cleanup_free_ char *at = local_time(json_str(json_get(ev, "at"))),
			    *session = visible(json_str(json_get(ev, "session")));
	struct buf line = BUF(1 << 20);
	struct json_writer w;

	if (c->format == FORMAT_JSON) {
		json_begin(&w, &line, false);
		json_put(&w, NULL, ev);
	} else {
		(void)buf_addf(&line, "%s  %s  %s", at, *session ? session : "-", kind);
		for (size_t i = 0; i < json_len(d); i++)
			add_word(&line, json_key(d, i), json_at(d, i), kind);
	}
	return buf_take(&line);
}

bool event_print(struct cli *c, const struct json *ev)
{
	_cleanup_free_ char *line = event_line(c, ev);

	puts(line);
	return fflush(stdout) == 0; /* nobody reads any more: stop */
}

/* --- the verb --- */

struct reading {
	struct cli *cli;
	const char *session; /* NULL = all */
	char **last;         /* ring of the last lines */
	size_t max, n;       /* n counts all that ever came */
	int64_t seen, after; /* events of this page, and the id of its last */
};

/* A name, the beginning of one, or a lab: also of sessions that are gone. */
static bool is_chosen(const struct reading *g, const struct json *ev)
{
	return !g->session || str_starts(json_str_or(json_get(ev, "session"), ""), g->session);
}

static bool on_new(void *arg, const char *kind, const struct json *ev)
{
	struct reading *g = arg;

	return is_chosen(g, ev) ? event_print(g->cli, ev) : true;
}

static bool on_past(void *arg, const char *kind, const struct json *ev)
{
	struct reading *g = arg;
	char **place = &g->last[g->n % g->max];

	g->seen++;
	g->after = json_int(json_get(ev, "id"), g->after);
	if (is_chosen(g, ev)) {
		free(*place);
		*place = event_line(g->cli, ev);
		g->n++;
	}
	return true;
}

/*
 * People want the end of the past. One page of it can be had at once; what has to be looked for, or
 * is more, is read from the start, a page at a time.
 */
static int read_past(struct reading *g, struct err *e)
{
	bool at_once = !g->session && g->max < PAGE;
	int r = 0;

	do {
		_cleanup_free_ char *path =
			strf("/v1/events?limit=%zu", at_once ? g->max : (size_t)PAGE);

		g->seen = 0;
		r = client_follow(
			g->cli->client, path, at_once ? -1 : g->after, FOLLOW_WATCH,
			client_until_ms(g->cli->client), on_past, g, e);
	} while (r == 0 && g->seen == PAGE);
	return r;
}

static int print_past(struct reading *g)
{
	struct err e = ERR_NONE;
	int r;

	g->last = xcalloc(g->max, sizeof(char *));
	r = read_past(g, &e);
	for (size_t i = g->n > g->max ? g->n - g->max : 0; r == 0 && i < g->n; i++)
		puts(g->last[i % g->max]);
	for (size_t i = 0; i < g->max; i++)
		free(g->last[i]);
	free(g->last);
	return r < 0 ? fail(g->cli, &e) : 0;
}

int cmd_events(struct cli *c, int argc, char **argv)
{
	struct reading g = {.cli = c, .session = option_value(c, "session")};
	const char *limit = option_value(c, "limit");
	int64_t n = 1000;
	struct client *k;
	struct err e = ERR_NONE;

	if (argc)
		return fail_usage(c, "'%s' is one word too many", argv[0]);
	if (limit && str_int(limit, 1, 100000, &n, &e) < 0)
		return fail_usage(c, "--limit: %s", e.text);
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	g.max = (size_t)n;
	if (!option_given(c, "follow"))
		return print_past(&g);
	if (client_follow(k, "/v1/events?follow=true", -1, FOLLOW_WATCH, client_until_ms(k), on_new,
		    &g, &e) < 0)
		return fail(c, &e);
	return 0;
}
