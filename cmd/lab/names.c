/* names.c - what a user calls a session: its name, the beginning of it, its lab, or nothing. */
#include "cmd/lab/client_impl.h"

enum fit { FIT_NONE, FIT_BEGINNING, FIT_LAB, FIT_NAME };

/* "hello-lab", or "mlops/hello-lab" */
static bool is_lab(const struct json *s, const char *word)
{
	const char *lab = json_str_or(json_get(s, "lab"), ""),
		   *repo = json_str(json_get(s, "repo"));
	_cleanup_free_ char *whole = strf("%s/%s", repo ? repo : "", lab);

	return streq(lab, word) || (repo && streq(whole, word));
}

static enum fit fits(const struct json *s, const char *word)
{
	const char *name = json_str_or(json_get(s, "name"), "");

	if (streq(name, word))
		return FIT_NAME;
	if (is_lab(s, word))
		return FIT_LAB;
	return *word && str_starts(name, word) ? FIT_BEGINNING : FIT_NONE;
}

static bool in_state(const struct json *s, const char *const *states)
{
	for (; *states; states++)
		if (streq(json_str_or(json_get(s, "state"), ""), *states))
			return true;
	return false;
}

/* Without a word: the only live session; when none lives, the only one that is left. */
static const struct json *only_one(const struct json *sessions, size_t *ret_n)
{
	static const char *const ending[] = {"ending", "gone", NULL};
	static const char *const at_rest[] = {"ending", "gone", "stopped", "failed", NULL};
	const char *const *passes[] = {at_rest, ending};
	const struct json *s, *found = NULL;

	*ret_n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(passes) && *ret_n == 0; i++)
		json_for_each (s, sessions)
			if (!in_state(s, passes[i])) {
				found = s;
				++*ret_n;
			}
	return *ret_n == 1 ? found : NULL;
}

const struct json *session_named(const struct json *sessions, const char *word, size_t *ret_n)
{
	const struct json *s, *found = NULL;
	enum fit best = FIT_BEGINNING;

	if (!word)
		return only_one(sessions, ret_n);
	*ret_n = 0;
	json_for_each (s, sessions) {
		enum fit fit = fits(s, word);

		if (fit < best || fit == FIT_NONE)
			continue;
		*ret_n = fit > best ? 1 : *ret_n + 1;
		best = fit;
		found = s;
	}
	return *ret_n == 1 ? found : NULL;
}

static int not_one(const struct json *sessions, const char *word, size_t n, struct err *e)
{
	_cleanup_buf_ struct buf names = BUF(360);
	const struct json *s;

	if (n == 0)
		return word ? err_set(e, ERR_NOT_FOUND,
				      "no lab '%s' is started: 'lab status' lists those that are",
				      word)
			    : err_set(e, ERR_NOT_FOUND,
				      "no lab is started: 'lab catalog' lists labs, 'lab start "
				      "LAB' starts one");
	json_for_each (s, sessions)
		if (!word || fits(s, word))
			(void)buf_addf(&names, " %s", json_str_or(json_get(s, "name"), "?"));
	return word ? err_set(e, ERR_USAGE, "'%s' may mean several labs:%s", word, buf_str(&names))
		    : err_set(e, ERR_USAGE, "several labs are there, name one:%s", buf_str(&names));
}

/* The list has all that there is to know of each, so nothing else has to be asked. */
static int fetch(struct client *k, struct err *e)
{
	json_free(TAKE(k->sessions));
	return client_call(k, "GET", "/v1/sessions", NULL, &k->sessions, e);
}

static int resolve(struct client *k, const char *word, const struct json **ret, struct err *e)
{
	const struct json *sessions = json_get(k->sessions, "sessions");
	size_t n;

	*ret = session_named(sessions, word, &n);
	return *ret ? 0 : not_one(sessions, word, n, e);
}

int client_session(struct client *k, const char *word, const struct json **ret, struct err *e)
{
	int r = fetch(k, e);

	return r < 0 ? r : resolve(k, word, ret, e);
}

/* --- verbs whose session may be left out --- */

static bool has(const struct json *list, const char *key, const char *word)
{
	const struct json *item;

	json_for_each (item, list)
		if (streq(json_str_or(json_get(item, key), ""), word))
			return true;
	return false;
}

/* Is it a task or a port of one of the sessions? */
static bool means_something_else(const struct json *sessions, const char *word)
{
	const struct json *s;

	json_for_each (s, sessions)
		if (has(json_get(s, "tasks"), "id", word) ||
			has(json_get(s, "ports"), "name", word))
			return true;
	return false;
}

static bool means_session(const struct json *sessions, const char *word)
{
	const struct json *s;
	enum fit best = FIT_NONE;

	json_for_each (s, sessions)
		best = MAX(best, fits(s, word));
	return best > FIT_BEGINNING ||
	       (best == FIT_BEGINNING && !means_something_else(sessions, word));
}

int client_session_word(
	struct client *k, int *argc, char ***argv, const struct json **ret, struct err *e)
{
	const char *word = NULL;
	int r = fetch(k, e);

	if (r < 0)
		return r;
	if (*argc && means_session(json_get(k->sessions, "sessions"), **argv)) {
		word = *(*argv)++;
		--*argc;
	}
	return resolve(k, word, ret, e);
}

const char *session_name(const struct json *s)
{
	return json_str_or(json_get(s, "name"), "");
}

int64_t session_change(const struct json *s)
{
	return json_int(json_get(s, "change"), -1);
}
