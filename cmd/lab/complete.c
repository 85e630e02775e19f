/*
 * complete.c - `lab __complete WORDS...`: what may stand where the cursor is.
 *
 * The last word is the one that is being typed. It has to be fast and silent: a daemon that does
 * not run is not started, one that does not answer at once is not waited for.
 */
#include "cmd/lab/client.h"
#include "lab/catalog.h"

#define PATIENCE_MS 500

struct completing {
	struct cli *cli;
	const char *typed;  /* so far */
	char *const *words; /* before it */
	size_t n;
	const struct command *verb; /* NULL = not said yet */
	size_t argument;            /* which argument of the verb is typed */
	const char *first;          /* the first one, NULL = none yet */
	struct json *sessions, *repos; /* asked for once */
	bool asked, asked_repos;
};

static void offer(const struct completing *t, const char *word, const char *what)
{
	if (str_starts(word, t->typed))
		printf("%s\t%s\n", word, what ? what : "");
}

/* --- what the daemon knows --- */

static void ask(struct completing *t, const char *path, bool *asked, struct json **ret)
{
	struct client *k = t->cli->client;

	if (!*asked && (k || client_peek(&k, t->cli, PATIENCE_MS, NULL) == 0))
		(void)client_call(k, "GET", path, NULL, ret, NULL); /* nothing to offer then */
	*asked = true;
}

static const struct json *sessions(struct completing *t)
{
	ask(t, "/v1/sessions", &t->asked, &t->sessions);
	return json_get(t->sessions, "sessions");
}

static const struct json *repos(struct completing *t)
{
	ask(t, "/v1/repos", &t->asked_repos, &t->repos);
	return json_get(t->repos, "repos");
}

/* The session that the first argument names, or the only one. */
static const struct json *session(struct completing *t)
{
	const struct json *list = sessions(t), *s;
	size_t n;

	if (t->first && t->argument > 0 && (s = session_named(list, t->first, &n)))
		return s;
	return session_named(list, NULL, &n);
}

static void offer_sessions(struct completing *t, const char *end)
{
	const struct json *s;

	json_for_each(s, sessions(t)) {
		_cleanup_free_ char *word = strf("%s%s", json_str_or(json_get(s, "name"), ""), end);

		offer(t, word, json_str(json_get(s, "state")));
	}
}

/* A member of each item of a list; another one says what it is. */
static void offer_list(
	const struct completing *t, const struct json *list, const char *key, const char *what)
{
	const struct json *i;

	json_for_each(i, list)
		offer(t, json_str_or(json_get(i, key), ""), json_str(json_get(i, what)));
}

static void offer_checks(struct completing *t)
{
	const struct json *task, *tasks = json_get(session(t), "tasks");

	offer_list(t, tasks, "id", "title");
	if (strchr(t->typed, '/'))
		json_for_each(task, tasks)
			offer_list(t, json_get(task, "checks"), "check", "title");
}

static void offer_services(struct completing *t, const char *lead)
{
	const struct json *s;

	json_for_each(s, json_get(session(t), "services")) {
		_cleanup_free_ char *word = strf(
			"%s%s%s", lead, json_str_or(json_get(s, "name"), ""), *lead ? ":/" : "");

		if (streq(json_str_or(json_get(s, "role"), ""), "learner"))
			offer(t, word, "service");
	}
}

/* SESSION:SERVICE:/ or a file */
static void offer_places(struct completing *t)
{
	const char *colon = strchr(t->typed, ':');

	if (!colon) {
		offer_sessions(t, ":");
		puts(":files");
		return;
	}
	_cleanup_free_ char *name = xstrndup(t->typed, (size_t)(colon - t->typed)),
			    *lead = strf("%s:", name);
	t->first = *name ? name : NULL;
	t->argument = 1;
	offer_services(t, lead);
	t->first = NULL;
}

static void offer_labs_of(struct completing *t, const char *repo, const struct json *labs)
{
	const struct json *lab;

	json_for_each (lab, labs) {
		_cleanup_free_ char *word =
			strf("%s/%s", repo, json_str_or(json_get(lab, "slug"), ""));

		offer(t, word, "lab");
	}
}

static void offer_repo_labs(struct completing *t)
{
	const struct json *repo, *list = repos(t);

	json_for_each (repo, list)
		offer_labs_of(t, json_str_or(json_get(repo, "name"), ""), json_get(repo, "labs"));
}

/* No daemon is needed to know the labs of the catalogue. */
static void offer_labs(struct completing *t)
{
	_cleanup_free_ char *folder = labs_folder();
	_cleanup_(strv_freep) char **slugs = NULL;

	offer_repo_labs(t);
	if (catalog_slugs(folder, &slugs, NULL) < 0)
		return;
	for (char **s = slugs; *s; s++)
		offer(t, *s, "lab");
}

/* The lab's folder, or its name in the catalogue; without either, this folder. */
static void offer_variants(const struct completing *t)
{
	const char *word = t->first ? t->first : ".";
	_cleanup_free_ char *labs = labs_folder(), *named = strf("%s/%s", labs, word);
	_cleanup_(lab_freep) struct lab *l = NULL;

	if (lab_load(&l, strchr("./", *word) || strchr(word, '/') ? word : named, NULL, NULL) < 0)
		return;
	for (size_t i = 0; i < l->n_variants; i++)
		offer(t, l->variants[i].id, l->variants[i].note);
}

/* --- what the table knows --- */

static void offer_words(const struct completing *t, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		offer(t, words[i], NULL);
}

static void offer_verbs(const struct completing *t)
{
	for (const struct command *cmd = commands; cmd->name; cmd++)
		if (!cmd->hidden)
			offer(t, cmd->name, cmd->summary);
}

static void offer_options(const struct completing *t, const struct option_spec *o)
{
	for (; o && o->name; o++) {
		_cleanup_free_ char *word = strf("--%s", o->name);

		offer(t, word, o->help);
	}
}

/* "[SESSION] WORD...": the first argument may be either. */
static void offer_kind(struct completing *t, enum word_kind kind)
{
	static const char *const shells[] = {"bash", "zsh", "fish"},
				 *const formats[] = {"table", "json", "name"},
				 *const repo_verbs[] = {"add", "list", "sync", "remove"};

	switch (kind) {
	case WORD_LAB:
		offer_labs(t);
		break;
	case WORD_SESSION:
		offer_sessions(t, "");
		break;
	case WORD_TASK:
		offer_list(t, json_get(session(t), "tasks"), "id", "title");
		break;
	case WORD_CHECK:
		offer_checks(t);
		break;
	case WORD_SERVICE:
		offer_services(t, "");
		break;
	case WORD_PORT:
		offer_list(t, json_get(session(t), "ports"), "name", "service");
		break;
	case WORD_VERB:
		offer_verbs(t);
		break;
	case WORD_PLACE:
		offer_places(t);
		break;
	case WORD_FILE:
		puts(":files");
		break;
	case WORD_SHELL:
		offer_words(t, shells, ARRAY_SIZE(shells));
		break;
	case WORD_FORMAT:
		offer_words(t, formats, ARRAY_SIZE(formats));
		break;
	case WORD_REPO:
		offer_list(t, repos(t), "name", "url");
		break;
	case WORD_REPO_VERB:
		offer_words(t, repo_verbs, ARRAY_SIZE(repo_verbs));
		break;
	case WORD_VARIANT:
		offer_variants(t);
		break;
	case WORD_NONE:
		break;
	}
}

static void offer_argument(struct completing *t)
{
	enum word_kind first = t->verb->words[0], further = t->verb->words[1];
	bool optional = further != WORD_NONE && further != WORD_PLACE && further != WORD_FILE &&
			further != WORD_REPO;

	offer_kind(t, t->argument == 0 ? first : further);
	if (t->argument == 0 && optional) { /* a session may come first, or be left out */
		if (first != WORD_SESSION)
			offer_sessions(t, "");
		else
			offer_kind(t, further);
	}
}

/* --- where the cursor is --- */

static const struct option_spec *find_option(const struct option_spec *o, const char *word)
{
	for (; o && o->name; o++)
		if (word[1] == '-' ? streq(word + 2, o->name) : o->letter && word[1] == o->letter)
			return o;
	return NULL;
}

/* The option that a word is, if it takes the next word as its value. */
static const struct option_spec *open_option(const struct completing *t, const char *word)
{
	const struct option_spec *o;

	if (word[0] != '-' || !word[1] || (word[1] != '-' && word[2]))
		return NULL;
	o = find_option(global_options, word);
	if (!o && t->verb)
		o = find_option(t->verb->options, word);
	return o && o->arg ? o : NULL;
}

/* Read the words before the cursor. Returns the option whose value is typed, or NULL. */
static const struct option_spec *read_words(struct completing *t)
{
	const struct option_spec *open = NULL;

	for (size_t i = 0; i < t->n; i++) {
		const char *word = t->words[i];

		if (open) {
			open = NULL;
		} else if (word[0] == '-' && word[1]) {
			open = open_option(t, word);
		} else if (!t->verb) {
			t->verb = command_find(word);
			if (!t->verb)
				exit(0); /* nothing is known of it */
		} else if (t->argument++ == 0) {
			t->first = word;
		}
	}
	return open;
}

int cmd_complete(struct cli *c, int argc, char **argv)
{
	struct completing t = {.cli = c, .typed = argc ? argv[argc - 1] : "", .words = argv};
	const struct option_spec *open;

	t.n = argc ? (size_t)argc - 1 : 0;
	open = read_words(&t);
	if (open) {
		offer_kind(&t, open->completes);
	} else if (t.typed[0] == '-') {
		offer_options(&t, t.verb ? t.verb->options : NULL);
		offer_options(&t, global_options);
	} else if (!t.verb) {
		offer_verbs(&t);
	} else {
		offer_argument(&t);
	}
	json_free(t.sessions);
	json_free(t.repos);
	return 0;
}
