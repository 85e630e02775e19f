/*
 * sync.c - one sync: prepare, fetch and write, judge, commit, tell.
 *
 * Steps that block run on an io thread, one at a time; while one runs the fetch is paused, and a
 * cancel waits for it. Every way ends in finish(), once: nothing is left of it on the disk then but
 * what was committed, and what it was is known until 32 others have come.
 */
#include "base/fsutil.h"
#include "base/id.h"
#include "base/log.h"
#include "content/giturl.h"
#include "repo/impl.h"

#define REMEMBERED      32
#define BATCH_BYTES     (4 << 20)
#define BATCH_ENTRIES   500
#define KEY_MAX         (64 << 10)
#define KNOWN_HOSTS_MAX (512 << 10)

struct sync {
	struct list link; /* repos->syncs */
	struct repos *m;
	struct repo *repo; /* NULL when it has ended */
	int64_t id, started_ms, ended_ms;
	char *name, *url, *ref, *have; /* of the repository; its commit that need not come again */
	char *folder, *scratch,
		*part;     /* the repository's; the child's; where the tree is written */
	char *credential;  /* given now, or read from the key file */
	char *known_hosts; /* ssh: of this user and of this machine */
	enum sync_kind kind;
	bool has_key, new_key, stored, canceled, same;
	char *tree; /* that it made, until its rows are written */
	enum sync_state state;
	const char *phase;
	struct fetch_progress progress;
	char commit[COMMIT_HEX];
	struct fetch *fetch;
	bool busy;           /* an io thread has it */
	struct list entries; /* that came, and are not written yet */
	char *file;          /* whose content comes */
	size_t n_entries, bytes;
	char **left; /* problems of entries that were left out, from the repository's top */
	struct repo_lab *known, *labs;
	size_t n_known, n_labs;
	struct err err, late; /* late: of the fetch, while an io thread has err */
};

static const char *const state_names[] = {"running", "done", "failed", "canceled"};

const char *sync_state_name(enum sync_state s)
{
	return state_names[s];
}

static const char *const kind_names[] = {"full", "dry", "commit"};

const char *sync_kind_name(enum sync_kind k)
{
	return kind_names[k];
}

bool sync_kind_parse(const char *word, enum sync_kind *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(kind_names); i++)
		if (streq(word, kind_names[i])) {
			*ret = (enum sync_kind)i;
			return true;
		}
	return false;
}

static void tell(struct sync *s)
{
	for (size_t i = s->m->n_listeners; i-- > 0;) /* one may leave meanwhile */
		s->m->listeners[i].fn(s->m->listeners[i].arg, s);
}

/* --- life --- */

static void forget_credential(struct sync *s)
{
	if (s->credential)
		explicit_bzero(s->credential, strlen(s->credential));
	free(TAKE(s->credential));
}

static void sync_free(struct sync *s)
{
	list_unlink(&s->link);
	fetch_free(s->fetch);
	forget_credential(s);
	kept_entries_free(&s->entries);
	free(s->file);
	strv_free(s->left);
	repo_labs_free(s->known, s->n_known);
	repo_labs_free(s->labs, s->n_labs);
	free(s->name);
	free(s->url);
	free(s->ref);
	free(s->have);
	free(s->folder);
	free(s->scratch);
	free(s->part);
	free(s->tree);
	free(s->known_hosts);
	free(s);
}

/* Only those that ended: an answer about the others is still to come. */
static void forget_oldest(struct repos *m)
{
	struct sync *s, *tmp;

	list_for_each_safe (s, tmp, &m->syncs, link)
		if (m->n_syncs > REMEMBERED && s->state != SYNC_RUNNING) {
			m->n_syncs--;
			sync_free(s);
		}
}

struct sync *repos_sync(const struct repos *m, int64_t id)
{
	struct sync *s;

	list_for_each (s, &m->syncs, link)
		if (s->id == id)
			return s;
	return NULL;
}

void sync_info(const struct sync *s, struct sync_info *ret)
{
	*ret = (struct sync_info){
		.id = s->id,
		.repo = s->name,
		.kind = s->kind,
		.state = s->state,
		.phase = s->phase,
		.progress = s->progress,
		.commit = *s->commit ? s->commit : NULL,
		.started_ms = s->started_ms,
		.ended_ms = s->ended_ms,
		.err = s->err,
		.labs = s->labs,
		.n_labs = s->n_labs,
	};
}

/* --- the end --- */

static void sweep_run(void *arg)
{
	struct sync *s = arg;

	(void)fs_remove_tree(s->scratch, NULL); /* the next start removes what is left */
	(void)fs_remove_tree(s->part, NULL);
	if (s->tree)
		(void)fs_remove_tree(s->tree, NULL);
	if (s->err.code && !s->stored)
		(void)fs_remove_tree(s->folder, NULL);
}

/* Why the last sync failed stands in the repository's row as well. */
static void keep_error(struct sync *s, struct repo *r)
{
	if (s->kind != SYNC_FULL || !r->stored || !s->err.code || s->err.code == ERR_CANCELED)
		return;
	struct tx *t = tx_new(s->m->store);
	str_set(&r->error, s->err.text);
	repo_put(t, r);
	tx_commit(t, NULL, NULL);
}

static void swept(void *arg)
{
	struct sync *s = arg;
	struct repo *r = TAKE(s->repo);

	s->busy = false;
	s->state = !s->err.code                  ? SYNC_DONE
		   : s->err.code == ERR_CANCELED ? SYNC_CANCELED
						 : SYNC_FAILED;
	s->ended_ms = loop_wall_ms(s->m->loop);
	s->m->running--;
	r->sync = NULL;
	if (s->m->stopped)
		return;
	if (s->state == SYNC_FAILED)
		log_info("repo", "sync of %s failed: %s", s->name, s->err.text);
	keep_error(s, r);
	if (!r->stored)
		repo_drop(r);
	tell(s);
	forget_oldest(s->m);
}

/*
 * Steps and what tidies up behind them are jobs, one after another; the sync belongs to the thread
 * until `done`. Going down, nothing is begun: what lies around is removed by the next start. That
 * and the next sync also do what finds no room in the queue.
 */
static void tidy(struct sync *s, loop_cb run, loop_cb done)
{
	s->busy = true;
	if (!s->m->stopped && worker_submit(s->m->io, run, done, s, NULL) < 0)
		loop_defer(s->m->loop, done, s);
}

/* e->code 0: it worked. */
static void finish(struct sync *s, const struct err *e)
{
	fetch_free(TAKE(s->fetch));
	forget_credential(s);
	s->err = *e;
	tidy(s, sweep_run, swept);
}

static void submit(struct sync *s, loop_cb run, loop_cb done)
{
	struct err e;

	s->busy = true;
	if (!s->m->stopped && worker_submit(s->m->io, run, done, s, &e) < 0)
		finish(s, &e);
}

static void finish_canceled(struct sync *s)
{
	struct err e;

	err_set(&e, ERR_CANCELED, "the sync of '%s' was canceled", s->name);
	finish(s, &e);
}

/* After a step: may the next one begin? */
static bool goes_on(struct sync *s)
{
	struct err e = s->err;

	s->busy = false;
	if (s->canceled)
		finish_canceled(s);
	else if (e.code)
		finish(s, &e);
	return !s->canceled && !e.code && !s->m->stopped;
}

void sync_cancel(struct sync *s)
{
	if (s->state != SYNC_RUNNING || s->canceled)
		return;
	s->canceled = true;
	fetch_free(TAKE(s->fetch));
	if (!s->busy)
		finish_canceled(s);
}

/* --- the last step: what was found is committed --- */

static void prune_run(void *arg)
{
	struct sync *s = arg;
	_cleanup_(strv_freep) char **commits = strv_new();

	for (size_t i = 0; i < s->n_labs; i++)
		if (s->labs[i].commit)
			strv_add(&commits, s->labs[i].commit);
	strv_add(&commits, s->commit);
	kept_prune(s->folder, commits);
}

static void pruned(void *arg)
{
	((struct sync *)arg)->busy = false;
	finish(arg, &ERR_NONE);
}

static bool stays(const struct repo_lab *l)
{
	return l->state != REPO_LAB_REMOVED;
}

/* What the sync says of the labs, as the repository has them from now on. */
static void take_labs(struct repo *r, const struct sync *s)
{
	repo_labs_free(r->labs, r->n_labs);
	r->labs = repo_labs_copy(s->labs, s->n_labs);
	r->n_labs = 0;
	for (size_t i = 0; i < s->n_labs; i++) {
		if (stays(&r->labs[i]))
			r->labs[r->n_labs++] = r->labs[i];
		else
			free(r->labs[i].slug);
	}
}

static void committed(void *arg, const struct err *e)
{
	struct sync *s = arg;
	struct repo *r = s->repo;

	s->busy = false;
	if (e->code) {
		finish(s, e);
		return;
	}
	free(TAKE(s->tree));
	s->stored = r->stored = true;
	r->has_key |= s->new_key;
	r->synced_ms = s->started_ms;
	str_set(&r->commit, s->commit);
	str_set(&r->error, NULL);
	take_labs(r, s);
	tidy(s, prune_run, pruned);
}

static void commit(struct sync *s)
{
	_cleanup_free_ struct repo_lab *labs = xcalloc(s->n_labs, sizeof(*labs));
	struct repo next = *s->repo;
	size_t n = 0;
	struct tx *t = tx_new(s->m->store);

	for (size_t i = 0; i < s->n_labs; i++)
		if (stays(&s->labs[i]))
			labs[n++] = s->labs[i]; /* borrowed for the call */
	next.commit = s->commit;
	next.error = NULL;
	next.has_key |= s->new_key;
	next.synced_ms = s->started_ms;
	next.labs = labs;
	next.n_labs = n;
	repo_put(t, &next);
	s->busy = true;
	tx_commit(t, committed, s);
}

/* --- judging --- */

static int write_key(const struct sync *s, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/key", s->folder);

	return fs_write_atomic(path, s->credential, strlen(s->credential), 0600, e);
}

static int judge(struct sync *s, struct err *e)
{
	if (s->same) {
		s->labs = repo_labs_copy(s->known, s->n_known);
		s->n_labs = s->n_known;
		for (size_t i = 0; i < s->n_labs; i++)
			s->labs[i].state = REPO_LAB_UNCHANGED;
		return 0;
	}
	const struct judging j = {
		.tree = s->part,
		.commit = s->commit,
		.left = s->left,
		.known = s->known,
		.n_known = s->n_known,
	};
	return judge_tree(&j, &s->labs, &s->n_labs, e);
}

static int settle(struct sync *s, struct err *e)
{
	_cleanup_free_ char *tree = strf("%s/%s", s->folder, s->commit);

	if (!fs_is_dir(tree))
		s->tree = TAKE(tree);
	return kept_settle(s->part, s->folder, s->commit, e);
}

static void check_run(void *arg)
{
	struct sync *s = arg;
	struct err *e = &s->err;
	int r = kept_write(s->part, &s->entries, e);

	if (r == 0)
		r = judge(s, e);
	if (r == 0 && s->kind == SYNC_FULL && !s->same)
		r = settle(s, e);
	if (r == 0 && s->new_key)
		(void)write_key(s, e); /* e tells */
}

static void checked(void *arg)
{
	struct sync *s = arg;

	if (!goes_on(s))
		return;
	if (s->kind == SYNC_DRY)
		finish(s, &ERR_NONE);
	else
		commit(s);
}

/* --- fetching --- */

static void on_commit(void *arg, const char *hex)
{
	struct sync *s = arg;

	memcpy(s->commit, hex, COMMIT_HEX);
	s->same = str_same(hex, s->have);
	s->phase = "read";
	tell(s);
}

static void on_progress(void *arg, const struct fetch_progress *p)
{
	struct sync *s = arg;

	s->progress = *p;
	tell(s);
}

static void write_run(void *arg)
{
	struct sync *s = arg;

	(void)kept_write(s->part, &s->entries, &s->err); /* err tells */
}

static void written(void *arg)
{
	struct sync *s = arg;

	kept_entries_free(&s->entries);
	s->n_entries = s->bytes = 0;
	if (!s->err.code)
		s->err = s->late;
	if (goes_on(s))
		fetch_pause(s->fetch, false);
}

static struct kept_entry *add_entry(struct sync *s, const char *path)
{
	struct kept_entry *k = NEW(struct kept_entry);

	k->path = xstrdup(path);
	k->data = BUF(2 * BATCH_BYTES);
	list_append(&s->entries, &k->link);
	s->n_entries++;
	return k;
}

static void write_enough(struct sync *s)
{
	if (s->n_entries < BATCH_ENTRIES && s->bytes < BATCH_BYTES)
		return;
	fetch_pause(s->fetch, true);
	submit(s, write_run, written);
}

static int on_entry(void *arg, const struct fetch_entry *t, struct err *e)
{
	struct sync *s = arg;
	struct kept_entry *k = add_entry(s, t->path);

	k->mode = t->mode & 0100 ? 0755 : 0644;
	k->dir = t->dir;
	str_set(&s->file, t->path);
	write_enough(s);
	return 0;
}

static int on_data(void *arg, const char *p, size_t n, struct err *e)
{
	struct sync *s = arg;
	struct kept_entry *k;

	if (list_empty(&s->entries)) { /* what came before is written already */
		k = add_entry(s, s->file);
		k->more = true;
	} else {
		k = container_of(s->entries.prev, struct kept_entry, link);
	}
	(void)buf_add(&k->data, p, n); /* it has room for a batch and a frame */
	s->bytes += n;
	write_enough(s);
	return 0;
}

static void on_left(void *arg, const char *path, const char *why)
{
	struct sync *s = arg;

	strv_take(&s->left, strf("%s:1:1: error[L070]: it %s", path, why));
}

static void on_ended(void *arg, const struct err *e)
{
	struct sync *s = arg;

	fetch_free(TAKE(s->fetch));
	if (e->code && !s->busy) {
		finish(s, e);
	} else if (e->code) {
		s->late = *e; /* the deadline: written() goes on from here */
	} else if (s->kind == SYNC_COMMIT) {
		finish(s, &ERR_NONE);
	} else {
		s->phase = "check";
		tell(s);
		submit(s, check_run, checked);
	}
}

static const struct fetch_ops fetch_ops = {.entry = on_entry,
	.data = on_data,
	.left_out = on_left,
	.ended = on_ended,
	.commit = on_commit,
	.progress = on_progress};

/* --- the first step --- */

static int read_key(struct sync *s, struct err *e)
{
	_cleanup_free_ char *path = strf("%s/key", s->folder);
	_cleanup_buf_ struct buf text = BUF(KEY_MAX);
	int r = s->has_key && !s->credential ? fs_read(path, &text, e) : 0;

	if (r == 0 && text.len)
		s->credential = xstrdup(buf_str(&text));
	if (text.data)
		explicit_bzero(text.data, text.len);
	return r;
}

/* Those of ssh's own two files. One that is not there knows no host. */
static void read_known_hosts(struct sync *s)
{
	const char *home = getenv("HOME");
	_cleanup_free_ char *own = strf("%s/.ssh/known_hosts", home ? home : "");
	struct buf all = BUF(KNOWN_HOSTS_MAX);
	const char *const files[] = {own, "/etc/ssh/ssh_known_hosts"};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_buf_ struct buf text = BUF(KNOWN_HOSTS_MAX / 2);

		if (fs_read(files[i], &text, NULL) == 0)
			(void)buf_addf(&all, "%s\n", buf_str(&text)); /* two of them fit */
	}
	s->known_hosts = buf_take(&all);
}

static void prepare_run(void *arg)
{
	struct sync *s = arg;
	_cleanup_free_ char *tree = strf("%s/%s", s->folder, s->have ? s->have : "");

	if (fs_mkdirs(s->folder, 0700, &s->err) == 0 && fs_mkdirs(s->scratch, 0700, &s->err) == 0 &&
		fs_mkdirs(s->part, 0755, &s->err) == 0)
		(void)read_key(s, &s->err); /* err tells */
	if (str_starts(s->url, "ssh:"))
		read_known_hosts(s);
	if (s->have && !fs_is_dir(tree))
		free(TAKE(s->have));
}

static void prepared(void *arg)
{
	static const struct fetch_limits limits = {.leave_out = true};
	struct sync *s = arg;
	struct fetch_git g = {
		.url = s->url,
		.ref = s->ref,
		.have = s->have,
		.peek = s->kind == SYNC_COMMIT,
		.scratch = s->scratch,
		.ca_file = getenv("SSL_CERT_FILE"),
		.credential = s->credential,
		.known_hosts = s->known_hosts,
	};

	if (goes_on(s))
		s->fetch = fetch_git(s->m->loop, s->m->lab_fetch, &g, &limits, &fetch_ops, s);
}

static bool all_good(const struct repo *r)
{
	for (size_t i = 0; i < r->n_labs; i++)
		if (r->labs[i].state == REPO_LAB_REJECTED)
			return false;
	return true;
}

struct sync *sync_begin(struct repo *r, enum sync_kind kind, char *take_credential)
{
	struct repos *m = r->m;
	struct sync *s = NEW(struct sync);
	char unique[9];

	id_random(unique, sizeof(unique) - 1);
	*s = (struct sync){
		.m = m,
		.repo = r,
		.id = store_next_id(m->store),
		.started_ms = loop_wall_ms(m->loop),
		.name = xstrdup(r->name),
		.url = xstrdup(r->url),
		.folder = strf("%s/%s", m->folder, r->name),
		.credential = take_credential,
		.new_key = take_credential != NULL,
		.kind = kind,
		.has_key = r->has_key,
		.stored = r->stored,
		.phase = "fetch",
		.known = repo_labs_copy(r->labs, r->n_labs),
		.n_known = r->n_labs,
	};
	str_set(&s->ref, r->ref);
	if (all_good(r)) /* a lab that was rejected is looked at again: labd may have learned */
		str_set(&s->have, r->commit);
	s->scratch = strf("%s/.%s.fetch", s->folder, unique);
	s->part = strf("%s/.%s.part", s->folder, unique);
	list_init(&s->entries);
	s->left = strv_new();
	list_append(&m->syncs, &s->link);
	m->n_syncs++;
	m->running++;
	r->sync = s;
	submit(s, prepare_run, prepared);
	return s;
}

void syncs_stop(struct repos *m)
{
	struct sync *s;

	list_for_each (s, &m->syncs, link)
		fetch_free(TAKE(s->fetch));
}

void syncs_free(struct repos *m)
{
	struct sync *s, *tmp;

	list_for_each_safe (s, tmp, &m->syncs, link)
		sync_free(s);
}
