/* repos.c - the list of repositories: loading, adding, removing, and who is told of syncs. */
#include "base/fsutil.h"
#include "codec/json.h"
#include "content/giturl.h"
#include "repo/impl.h"

#include <ctype.h>

#define REPOS_MAX 100
#define NAME_MAX_ 64
#define REF_MAX   200

static const char *const lab_state_names[] = {"new", "changed", "unchanged", "rejected", "removed"};

const char *repo_lab_state_name(enum repo_lab_state s)
{
	return lab_state_names[s];
}

/* --- labs --- */

void repo_labs_free(struct repo_lab *labs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(labs[i].slug);
		free(labs[i].commit);
		free(labs[i].digest);
		strv_free(labs[i].problems);
	}
	free(labs);
}

struct repo_lab *repo_labs_copy(const struct repo_lab *labs, size_t n)
{
	struct repo_lab *copy = xcalloc(n + 1, sizeof(*copy));

	for (size_t i = 0; i < n; i++) {
		copy[i].slug = xstrdup(labs[i].slug);
		str_set(&copy[i].commit, labs[i].commit);
		str_set(&copy[i].digest, labs[i].digest);
		copy[i].state = labs[i].state;
		copy[i].problems = labs[i].problems ? strv_copy(labs[i].problems) : NULL;
	}
	return copy;
}

/* --- rows --- */

static char *problems_text(char *const *problems)
{
	struct buf b = BUF(1 << 20);
	struct json_writer w;

	json_begin(&w, &b, false);
	json_put_strv(&w, NULL, problems);
	return buf_take(&b);
}

void repo_put(struct tx *t, const struct repo *r)
{
	tx_repo(t, &(struct row_repo){
			   .name = r->name,
			   .url = r->url,
			   .ref = r->ref,
			   .commit = r->commit,
			   .error = r->error,
			   .has_key = r->has_key,
			   .added_ms = r->added_ms,
			   .synced_ms = r->synced_ms,
		   });
	tx_clear_repo_labs(t, r->name);
	for (size_t i = 0; i < r->n_labs; i++) {
		const struct repo_lab *l = &r->labs[i];
		_cleanup_free_ char *problems = problems_text(l->problems);

		tx_repo_lab(t, &(struct row_repo_lab){
				       .repo = r->name,
				       .slug = l->slug,
				       .commit = l->commit,
				       .digest = l->digest,
				       .state = repo_lab_state_name(l->state),
				       .problems = l->problems ? problems : NULL,
			       });
	}
}

static struct repo *repo_new(struct repos *m, const char *name)
{
	struct repo *r = NEW(struct repo);
	size_t at = m->n;

	r->m = m;
	r->name = xstrdup(name);
	ARRAY_GROW(m->items, m->n, m->cap);
	for (; at > 0 && strcmp(m->items[at - 1]->name, name) > 0; at--)
		m->items[at] = m->items[at - 1];
	m->items[at] = r;
	m->n++;
	return r;
}

static void repo_free(struct repo *r)
{
	repo_labs_free(r->labs, r->n_labs);
	free(r->name);
	free(r->url);
	free(r->ref);
	free(r->commit);
	free(r->error);
	free(r);
}

void repo_drop(struct repo *r)
{
	struct repos *m = r->m;

	for (size_t i = 0; i < m->n; i++)
		if (m->items[i] == r) {
			memmove(&m->items[i], &m->items[i + 1],
				(m->n - i - 1) * sizeof(struct repo *));
			m->n--;
			break;
		}
	repo_free(r);
}

/* --- loading --- */

struct loading {
	struct repos *m;
	struct err err;
};

static void load_repo(void *arg, const struct row_repo *row)
{
	struct loading *l = arg;
	struct repo *r = repo_new(l->m, row->name);

	r->stored = true;
	r->url = xstrdup(row->url);
	str_set(&r->ref, row->ref);
	str_set(&r->commit, row->commit);
	str_set(&r->error, row->error);
	r->has_key = row->has_key;
	r->added_ms = row->added_ms;
	r->synced_ms = row->synced_ms;
}

static bool state_parse(const char *word, enum repo_lab_state *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(lab_state_names); i++)
		if (streq(lab_state_names[i], word)) {
			*ret = (enum repo_lab_state)i;
			return true;
		}
	return false;
}

static char **problems_parse(const char *text, struct err *e)
{
	_cleanup_(json_freep) struct json *doc = NULL;
	const struct json *line;
	char **problems = strv_new();

	if (json_parse(&doc, text, strlen(text), e) == 0)
		json_for_each (line, doc)
			strv_add(&problems, json_str_or(line, ""));
	return problems;
}

static void load_lab(void *arg, const struct row_repo_lab *row)
{
	struct loading *l = arg;
	struct repo *r = repos_by_name(l->m, row->repo);
	struct repo_lab lab = {.slug = NULL};

	if (!r || !state_parse(row->state, &lab.state)) {
		err_set(&l->err, ERR_STATE, "the row of lab '%s/%s' is damaged", row->repo,
			row->slug);
		return;
	}
	lab.slug = xstrdup(row->slug);
	str_set(&lab.commit, row->commit);
	str_set(&lab.digest, row->digest);
	lab.problems = row->problems ? problems_parse(row->problems, &l->err) : NULL;
	r->labs = xrealloc_array(r->labs, r->n_labs + 1, sizeof(*r->labs));
	r->labs[r->n_labs++] = lab;
}

static int load(struct repos *m, struct err *e)
{
	struct loading l = {m, ERR_NONE};
	const struct store_loader to = {.arg = &l, .repo = load_repo, .repo_lab = load_lab};
	_cleanup_(strv_freep) char **names = strv_new();
	int r = store_load(m->store, &to, e);

	if (r == 0 && l.err.code)
		r = err_copy(e, &l.err);
	for (size_t i = 0; i < m->n; i++)
		strv_add(&names, m->items[i]->name);
	return r == 0 ? kept_clean(m->folder, names, e) : r;
}

int repos_new(struct repos **ret, struct loop *l, struct store *store, struct worker *io,
	const struct repos_config *c, struct err *e)
{
	struct repos *m = NEW(struct repos);
	int r;

	m->loop = l;
	m->store = store;
	m->io = io;
	m->folder = strf("%s/repos", c->state);
	m->lab_fetch = xstrdup(c->lab_fetch);
	list_init(&m->syncs);
	r = load(m, e);
	if (r < 0)
		repos_free(m);
	else
		*ret = m;
	return r;
}

void repos_stop(struct repos *m)
{
	if (!m || m->stopped)
		return;
	m->stopped = true;
	syncs_stop(m);
}

void repos_free(struct repos *m)
{
	if (!m)
		return;
	syncs_free(m);
	for (size_t i = 0; i < m->n; i++)
		repo_free(m->items[i]);
	free(m->items);
	free(m->listeners);
	free(m->folder);
	free(m->lab_fetch);
	free(m);
}

/* --- what there is --- */

size_t repos_count(const struct repos *m)
{
	return m->n;
}

struct repo *repos_at(const struct repos *m, size_t i)
{
	return m->items[i];
}

struct repo *repos_by_name(const struct repos *m, const char *name)
{
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->name, name))
			return m->items[i];
	return NULL;
}

void repo_info(const struct repo *r, struct repo_info *ret)
{
	struct sync_info sync = {0};

	if (r->sync)
		sync_info(r->sync, &sync);
	*ret = (struct repo_info){
		.name = r->name,
		.url = r->url,
		.ref = r->ref,
		.commit = r->commit,
		.error = r->error,
		.has_key = r->has_key,
		.added_ms = r->added_ms,
		.synced_ms = r->synced_ms,
		.labs = r->labs,
		.n_labs = r->n_labs,
		.sync = sync.id,
	};
}

void repos_listen(struct repos *m, sync_cb fn, void *arg)
{
	ARRAY_GROW(m->listeners, m->n_listeners, m->cap_listeners);
	m->listeners[m->n_listeners++] = (struct sync_listener){fn, arg};
}

void repos_unlisten(struct repos *m, sync_cb fn, void *arg)
{
	for (size_t i = 0; i < m->n_listeners; i++)
		if (m->listeners[i].fn == fn && m->listeners[i].arg == arg) {
			m->listeners[i] = m->listeners[--m->n_listeners];
			return;
		}
}

/* --- adding --- */

static int check_name(const char *name, struct err *e)
{
	size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-");

	if (n && !name[n] && n <= NAME_MAX_ && isalnum((unsigned char)*name))
		return 0;
	return err_set(e, ERR_USAGE,
		"'%.80s' is not the name of a repository: 1 to %d small letters, digits, '.', '_' "
		"or '-', a letter or digit first; give one with --name",
		name, NAME_MAX_);
}

static int check_ref(const char *ref, struct err *e)
{
	if (!*ref || strlen(ref) > REF_MAX || *ref == '-' || strpbrk(ref, " ~^:?*[\\") ||
		strstr(ref, "..") || !str_utf8(ref, strlen(ref)))
		return err_set(e, ERR_USAGE, "'%.80s' is no branch, tag or whole commit", ref);
	for (const char *s = ref; *s; s++)
		if (iscntrl((unsigned char)*s))
			return err_set(e, ERR_USAGE, "the ref has control characters");
	return 0;
}

static int check_room(const struct repos *m, struct err *e)
{
	if (m->running < RUNNING_MAX)
		return 0;
	return err_set(e, ERR_CAPACITY, "%d syncs run already: try again", RUNNING_MAX);
}

/* What the address calls it, in small letters. */
static char *name_of(const struct giturl *u)
{
	char *name = xstrdup(u->name);

	for (char *s = name; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	return name;
}

static int add(struct repos *m, const struct repo_spec *spec, const struct giturl *u,
	struct sync **ret, struct err *e)
{
	_cleanup_free_ char *name = spec->name ? xstrdup(spec->name) : name_of(u);
	struct repo *r;

	if (check_name(name, e) < 0 || (spec->ref && check_ref(spec->ref, e) < 0))
		return ERR_USAGE;
	if (repos_by_name(m, name))
		return err_set(e, ERR_EXISTS,
			"there is a repository '%s' already: choose another --name", name);
	if (check_room(m, e) < 0)
		return ERR_CAPACITY;
	if (m->n >= REPOS_MAX)
		return err_set(
			e, ERR_LIMIT, "there are %d repositories, which is the most", REPOS_MAX);
	r = repo_new(m, name);
	r->url = xstrdup(u->text);
	str_set(&r->ref, spec->ref);
	r->added_ms = loop_wall_ms(m->loop);
	*ret = sync_begin(r, SYNC_FULL, spec->credential ? xstrdup(spec->credential) : NULL);
	return 0;
}

int repos_add(struct repos *m, const struct repo_spec *spec, struct sync **ret, struct err *e)
{
	struct giturl u;
	int r = giturl_parse(&u, spec->url, e);

	if (r == 0 && u.kind == GITURL_PATH && spec->credential)
		r = err_set(e, ERR_USAGE, "a folder of this machine takes no --key");
	if (r == 0)
		r = add(m, spec, &u, ret, e);
	giturl_done(&u);
	return r;
}

static int busy(const struct repo *r, struct err *e)
{
	if (r->removing)
		return err_set(e, ERR_STATE, "'%s' is being removed", r->name);
	return r->sync ? err_set(e, ERR_STATE, "a sync of '%s' runs already", r->name) : 0;
}

int repo_sync(struct repo *r, enum sync_kind kind, struct sync **ret, struct err *e)
{
	int code = busy(r, e);

	if (code == 0)
		code = check_room(r->m, e);
	if (code == 0)
		*ret = sync_begin(r, kind, NULL);
	return code;
}

/* --- removing --- */

struct removal {
	struct repo *repo;
	char *folder;
	store_done done;
	void *arg;
	struct err err;
};

static void removed_run(void *arg)
{
	(void)fs_remove_tree(((struct removal *)arg)->folder, NULL); /* else the next start does */
}

static void answer_removal(void *arg)
{
	struct removal *x = arg;

	x->done(x->arg, &x->err);
	free(x->folder);
	free(x);
}

/* The name is free when the folder is: not before, or a new one would lose its files. */
static void removed(void *arg)
{
	struct removal *x = arg;

	repo_drop(x->repo);
	answer_removal(x);
}

/* The rows are gone: nobody finds the trees any more. */
static void removal_durable(void *arg, const struct err *e)
{
	struct removal *x = arg;
	struct repos *m = x->repo->m;

	x->err = *e;
	if (e->code) {
		x->repo->removing = false;
		answer_removal(x);
	} else if (m->stopped || worker_submit(m->io, removed_run, removed, x, NULL) < 0) {
		removed(x);
	}
}

void repo_remove(struct repo *r, store_done done, void *arg)
{
	struct removal *x = NEW(struct removal);
	struct tx *t;

	*x = (struct removal){.repo = r,
		.folder = strf("%s/%s", r->m->folder, r->name),
		.done = done,
		.arg = arg};
	if (busy(r, &x->err) < 0) {
		loop_defer(r->m->loop, answer_removal, x);
		return;
	}
	r->removing = true;
	t = tx_new(r->m->store);
	tx_clear_repo_labs(t, r->name);
	tx_clear_repo(t, r->name);
	tx_commit(t, removal_durable, x);
}
