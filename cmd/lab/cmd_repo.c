/* cmd_repo.c - `lab repo add|list|sync|remove`: labs that come from git repositories. */
#include "base/fsutil.h"
#include "base/map.h"
#include "cmd/lab/client.h"
#include "cmd/lab/output.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define KEY_MAX     (32 << 10)
#define COMMIT_SEEN 12 /* digits that people see */

static char *short_commit(const char *commit)
{
	return commit ? xstrndup(commit, COMMIT_SEEN) : xstrdup("-");
}

/* --- following a sync --- */

struct following {
	struct cli *cli;
	struct json *last; /* of the sync's own document */
};

static void say_progress(struct cli *c, const struct json *sync)
{
	const char *phase = json_str_or(json_get(sync, "phase"), ""),
		   *repo = json_str_or(json_get(sync, "repo"), "");
	int64_t bytes = json_int(json_get(sync, "bytes"), 0),
		total = json_int(json_get(sync, "total"), 0);

	if (streq(phase, "fetch") && total)
		progress(c, "%s: fetching, %" PRId64 " of %" PRId64 " objects, %s", repo,
			json_int(json_get(sync, "objects"), 0), total, str_human_size(bytes));
	else
		progress(c, "%s: %s", repo,
			streq(phase, "fetch")  ? "fetching"
			: streq(phase, "read") ? "reading the files"
					       : "looking at the labs");
}

static bool on_event(void *arg, const char *kind, const struct json *ev)
{
	struct following *f = arg;
	_cleanup_buf_ struct buf text = BUF(4 << 20);
	struct json_writer w;

	if (!ev) /* labd was started again: it knows nothing of this sync */
		return true;
	if (!streq(kind, "done")) {
		say_progress(f->cli, ev);
		return true;
	}
	json_begin(&w, &text, false); /* it is valid during this call only */
	json_put(&w, NULL, ev);
	json_free(f->last);
	f->last = NULL;
	return json_parse(&f->last, buf_str(&text), text.len, NULL) < 0;
}

/* Ask for a sync and wait for its end. *ret is its document. Returns an exit code. */
static int run_sync(struct cli *c, const char *path, const struct buf *body, struct json **ret)
{
	_cleanup_(json_freep) struct json *begun = NULL;
	struct following f = {.cli = c};
	struct err e = ERR_NONE;

	if (client_call(c->client, "POST", path, body, &begun, &e) < 0)
		return fail(c, &e);
	_cleanup_free_ char *events =
		strf("/v1/syncs/%" PRId64 "/events", json_int(json_get(begun, "id"), 0));
	int r = client_follow(c->client, events, -1, FOLLOW_WORK, client_until_ms(c->client),
		on_event, &f, &e);
	progress_clear(c);
	if (r == 0 && !f.last)
		r = err_set(&e, ERR_UNKNOWN, "the sync was cut off: 'lab repo sync' tries again");
	if (r < 0) {
		json_free(f.last);
		r = fail(c, &e);
		if (e.code == ERR_CANCELED || e.code == ERR_TIMEOUT)
			advise(c, "the sync goes on: 'lab repo list' shows what came of it");
		return r;
	}
	*ret = f.last;
	return 0;
}

/* Why a sync failed, as an error; 0 when it did not. */
static int sync_error(const struct json *sync, struct err *e)
{
	const struct json *why = json_get(sync, "error");

	if (json_type(why) != JSON_OBJECT)
		return 0;
	return err_set(e, err_from_kind(json_str_or(json_get(why, "kind"), "")), "%s",
		json_str_or(json_get(why, "detail"), "the sync failed"));
}

/* --- what a sync found --- */

struct result {
	struct cli *cli;
	struct buf json; /* the documents, with -o json */
	struct json_writer w;
	size_t labs, rejected;
	int failed; /* exit code of the worst that failed */
};

/* Of several outcomes: a signal, then 4, then 5, then what came first. */
static int worse(int one, int other)
{
	static const int order[] = {4, 5};

	if (one > 128 || other > 128)
		return MAX(one, other);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (one == order[i] || other == order[i])
			return order[i];
	return one ? one : other;
}

static void begin(struct result *r, struct cli *c)
{
	*r = (struct result){.cli = c, .json = BUF(32 << 20)};
	json_begin(&r->w, &r->json, c->tty_out);
	json_object(&r->w, NULL);
	json_put_str(&r->w, "schema", "labyard/syncs/v1");
	json_array(&r->w, "syncs");
}

static void take_lab(struct result *r, const char *repo, const struct json *lab)
{
	const char *state = json_str_or(json_get(lab, "state"), "?");

	if (streq(state, "removed"))
		return;
	r->labs++;
	r->rejected += streq(state, "rejected");
	if (r->cli->format == FORMAT_NAME)
		printf("%s/%s\n", repo, json_str_or(json_get(lab, "slug"), "?"));
}

static void take_sync(struct result *r, const struct json *sync)
{
	const struct json *lab;
	struct err e = ERR_NONE;

	json_put(&r->w, NULL, sync);
	if (sync_error(sync, &e) < 0) {
		int code = r->cli->format == FORMAT_JSON ? err_exit(e.code) : fail(r->cli, &e);

		r->failed = worse(r->failed, code);
	}
	json_for_each (lab, json_get(sync, "labs"))
		take_lab(r, json_str_or(json_get(sync, "repo"), "?"), lab);
}

static void print_table(struct cli *c, struct json *const *syncs, size_t n)
{
	static const char *const heads[] = {"LAB", "STATE", "COMMIT"};
	struct table *t = table_new(c, heads, ARRAY_SIZE(heads));
	const struct json *lab;

	for (size_t i = 0; i < n; i++)
		json_for_each (lab, json_get(syncs[i], "labs")) {
			const char *state = json_str_or(json_get(lab, "state"), "?");
			_cleanup_free_ char *name = strf("%s/%s",
						    json_str_or(json_get(syncs[i], "repo"), "?"),
						    json_str_or(json_get(lab, "slug"), "?")),
					    *commit =
						    short_commit(json_str(json_get(lab, "commit")));

			table_row(t, name, state, commit, NULL);
			table_color(t, 1,
				streq(state, "rejected")    ? "red"
				: streq(state, "unchanged") ? "gray"
							    : "green");
		}
	table_print(t);
}

static void print_lines(const char *repo, const struct json *lines)
{
	const struct json *line;

	json_for_each (line, lines) {
		_cleanup_free_ char *shown = visible(json_str(line));

		fprintf(stderr, "%s/%s\n", repo, shown);
	}
}

static void print_problems(const struct json *sync)
{
	const char *repo = json_str_or(json_get(sync, "repo"), "?");
	const struct json *lab;

	json_for_each (lab, json_get(sync, "labs"))
		print_lines(repo, json_get(lab, "problems"));
}

static int finish(struct result *r, struct json *const *syncs, size_t n)
{
	struct cli *c = r->cli;

	json_end(&r->w);
	json_end(&r->w);
	if (c->format == FORMAT_JSON)
		puts(buf_str(&r->json));
	if (c->format == FORMAT_TABLE && r->labs)
		print_table(c, syncs, n);
	for (size_t i = 0; i < n && c->format != FORMAT_JSON; i++)
		print_problems(syncs[i]);
	buf_done(&r->json);
	if (r->failed)
		return r->failed;
	if (r->rejected && c->format != FORMAT_JSON)
		progress_keep(c, "%zu of %zu labs rejected: their last good commits stay",
			r->rejected, r->labs);
	return !r->rejected ? 0 : r->rejected == r->labs ? err_exit(ERR_INVALID) : 1;
}

/* --- add --- */

/* A folder of this machine is named by its absolute path. */
static char *address(const char *word)
{
	char *real = strstr(word, "://") ? NULL : realpath(word, NULL);

	return real ? real : xstrdup(word);
}

static int read_key(struct cli *c, struct buf *out)
{
	const char *path = option_value(c, "key");
	struct err e = ERR_NONE;
	struct stat st;

	if (!path)
		return 0;
	if (fs_read(path, out, &e) < 0)
		return fail(c, &e);
	if (stat(path, &st) == 0 && (st.st_mode & 077)) {
		err_set(&e, ERR_FORBIDDEN,
			"the key file '%s' can be read by others: 'chmod 600 %s'", path, path);
		return fail(c, &e);
	}
	if (out->len && memchr(out->data, '\0', out->len))
		out->len = 0;
	return out->len ? 0 : fail_usage(c, "the key file '%s' holds no text", path);
}

static int add(struct cli *c, const char *word)
{
	_cleanup_free_ char *url = address(word);
	_cleanup_buf_ struct buf key = BUF(KEY_MAX), body = BUF(4 * KEY_MAX);
	struct json *sync = NULL;
	struct result result;
	struct json_writer w;
	int r = read_key(c, &key);

	if (r != 0)
		return r;
	json_begin(&w, &body, false);
	json_object(&w, NULL);
	json_put_str(&w, "url", url);
	if (option_given(c, "name"))
		json_put_str(&w, "name", option_value(c, "name"));
	if (option_given(c, "ref"))
		json_put_str(&w, "ref", option_value(c, "ref"));
	if (key.len)
		json_put_str(&w, "key", buf_str(&key));
	json_end(&w);
	r = run_sync(c, "/v1/repos", &body, &sync);
	explicit_bzero(body.data, body.len);
	if (key.len)
		explicit_bzero(key.data, key.len);
	if (r != 0)
		return r;
	begin(&result, c);
	take_sync(&result, sync);
	r = finish(&result, &sync, 1);
	json_free(sync);
	return r;
}

/* --- sync --- */

static int sync_one(struct cli *c, const char *name, const char *kind, struct json **ret)
{
	_cleanup_buf_ struct buf body = BUF(256);
	_cleanup_free_ char *word = http_escape(name), *path = strf("/v1/repos/%s/syncs", word);

	(void)buf_addf(&body, "{\"kind\":\"%s\"}", kind);
	return run_sync(c, path, &body, ret);
}

static int read_repos(struct cli *c, struct json **ret)
{
	struct err e = ERR_NONE;

	return client_call(c->client, "GET", "/v1/repos", NULL, ret, &e) < 0 ? fail(c, &e) : 0;
}

/* One after the other: whatever becomes of one, the others are synced, too. */
static int sync(struct cli *c, const char *name)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	_cleanup_(strv_freep) char **names = strv_new();
	const char *kind = option_given(c, "dry-run") ? "dry" : "full";
	const struct json *repo;
	struct result result;
	size_t n = 0;
	int code = name ? 0 : read_repos(c, &doc);

	if (code != 0)
		return code;
	if (name)
		strv_add(&names, name);
	json_for_each (repo, json_get(doc, "repos"))
		strv_add(&names, json_str_or(json_get(repo, "name"), ""));
	_cleanup_free_ struct json **syncs = xcalloc(strv_len(names) + 1, sizeof(*syncs));
	begin(&result, c);
	for (char **s = names; *s && result.failed < 128; s++) {
		code = sync_one(c, *s, kind, &syncs[n]);
		result.failed = worse(result.failed, code);
		if (code == 0)
			take_sync(&result, syncs[n++]);
	}
	code = finish(&result, syncs, n);
	for (size_t i = 0; i < n; i++)
		json_free(syncs[i]);
	if (!names[0])
		progress_keep(c, "there is no repository: 'lab repo add URL' adds one");
	return code;
}

/* --- list --- */

static size_t count_rejected(const struct json *labs)
{
	const struct json *lab;
	size_t n = 0;

	json_for_each (lab, labs)
		n += streq(json_str_or(json_get(lab, "state"), ""), "rejected");
	return n;
}

static void print_repos(struct cli *c, const struct json *repos, bool outdated)
{
	static const char *const heads[] = {
		"REPO", "REF", "COMMIT", "LABS", "REJECTED", "SYNCED", "UPSTREAM"};
	struct table *t = table_new(c, heads, outdated ? 7 : 6);
	const struct json *repo;

	json_for_each (repo, repos) {
		size_t rejected = count_rejected(json_get(repo, "labs"));
		_cleanup_free_ char *commit = short_commit(json_str(json_get(repo, "commit"))),
				    *upstream = short_commit(json_str(json_get(repo, "upstream"))),
				    *n = strf("%zu", json_len(json_get(repo, "labs"))),
				    *bad = strf("%zu", rejected),
				    *at = local_time(json_str(json_get(repo, "synced_at")));

		table_row(t, json_str_or(json_get(repo, "name"), "?"),
			json_str_or(json_get(repo, "ref"), "HEAD"), commit, n, bad, at,
			outdated ? upstream : NULL, NULL);
		if (rejected)
			table_color(t, 4, "red");
	}
	table_print(t);
	json_for_each (repo, repos) {
		const char *error = json_str(json_get(repo, "error"));

		if (error)
			warn(c, "%s: the last sync failed: %s",
				json_str_or(json_get(repo, "name"), "?"), error);
	}
}

/* The repositories whose ref names another commit by now, each with that one. */
static int keep_outdated(struct cli *c, struct json **doc)
{
	_cleanup_buf_ struct buf out = BUF(16 << 20);
	const struct json *repo;
	struct json *kept = NULL;
	struct json_writer w;
	int r = 0;

	json_begin(&w, &out, false);
	json_object(&w, NULL);
	json_put_str(&w, "schema", "labyard/repos/v1");
	json_array(&w, "repos");
	json_for_each (repo, json_get(*doc, "repos")) {
		_cleanup_(json_freep) struct json *asked = NULL;
		struct err e = ERR_NONE;

		if (r > 128)
			break;
		int code = sync_one(c, json_str_or(json_get(repo, "name"), ""), "commit", &asked);
		const char *now = json_str(json_get(asked, "commit"));

		if (code == 0 && sync_error(asked, &e) < 0)
			code = fail(c, &e);
		r = worse(r, code);
		if (code || !now || str_same(now, json_str(json_get(repo, "commit"))))
			continue;
		json_object(&w, NULL);
		for (size_t i = 0; i < json_len(repo); i++)
			json_put(&w, json_key(repo, i), json_at(repo, i));
		json_put_str(&w, "upstream", now);
		json_end(&w);
	}
	json_end(&w);
	json_end(&w);
	if (json_parse(&kept, buf_str(&out), out.len, NULL) < 0)
		abort(); /* it is our own */
	json_free(*doc);
	*doc = kept;
	return r;
}

static int list(struct cli *c)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	bool outdated = option_given(c, "outdated");
	int r = read_repos(c, &doc);

	if (r != 0)
		return r;
	if (!json_len(json_get(doc, "repos")) && c->format == FORMAT_TABLE) {
		progress_keep(c, "there is no repository: 'lab repo add URL' adds one");
		return 0;
	}
	if (outdated)
		r = keep_outdated(c, &doc);
	const struct json *repos = json_get(doc, "repos");
	if (outdated && !json_len(repos) && r == 0 && c->format == FORMAT_TABLE)
		progress_keep(c, "every repository is at the commit that its ref names");
	else if (!print_list(c, doc, repos, "name") && json_len(repos))
		print_repos(c, repos, outdated);
	return r;
}

/* --- remove --- */

static int remove_repo(struct cli *c, const char *name)
{
	_cleanup_free_ char *word = http_escape(name), *path = strf("/v1/repos/%s", word);
	struct err e = ERR_NONE;
	int r = confirm(c, "remove repository '%s' and its labs? labs that run go on", name);

	if (r != 0)
		return r;
	if (client_call(c->client, "DELETE", path, NULL, NULL, &e) < 0)
		return fail(c, &e);
	puts(name);
	return 0;
}

/* --- the verb --- */

/* Which options a word takes; all of them are options of the verb. */
static int check_options(struct cli *c, const char *word)
{
	static const struct {
		const char *option, *word;
	} rows[] = {{"name", "add"}, {"ref", "add"}, {"key", "add"}, {"outdated", "list"},
		{"dry-run", "sync"}};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (option_given(c, rows[i].option) && !streq(rows[i].word, word))
			return fail_usage(
				c, "--%s goes with 'lab repo %s'", rows[i].option, rows[i].word);
	return 0;
}

int cmd_repo(struct cli *c, int argc, char **argv)
{
	static const struct {
		const char *word;
		int min, max; /* arguments behind it */
	} words[] = {{"add", 1, 1}, {"list", 0, 0}, {"sync", 0, 1}, {"remove", 1, 1}};
	const char *word = argc ? argv[0] : "", *first = argc > 1 ? argv[1] : NULL;
	struct client *k;
	struct err e = ERR_NONE;
	size_t i = 0;
	int r;

	while (i < ARRAY_SIZE(words) && !streq(words[i].word, word))
		i++;
	if (i == ARRAY_SIZE(words))
		return fail_usage(c, "'lab repo' needs one of add, list, sync, remove");
	if (argc - 1 < words[i].min)
		return fail_usage(
			c, "'lab repo %s' needs %s", word, i == 0 ? "an address" : "a name");
	if (argc - 1 > words[i].max)
		return fail_usage(c, "'%s' is one word too many", argv[words[i].max + 1]);
	r = check_options(c, word);
	if (r != 0)
		return r;
	if (client_open(&k, c, &e) < 0)
		return fail(c, &e);
	return i == 0   ? add(c, first)
	       : i == 1 ? list(c)
	       : i == 2 ? sync(c, first)
			: remove_repo(c, first);
}
