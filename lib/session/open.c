/*
 * open.c - a new session from a lab's definition, or going on with the one that is there.
 */
#include "base/fsutil.h"
#include "base/id.h"
#include "lab/catalog.h"
#include "session/impl.h"

#include <inttypes.h>

struct opening {
	struct sessions *m;
	char *slug, *key, *folder, *repository, *commit, *variant;
	bool exact;
	int64_t discard; /* the session whose place the new one takes, or 0 */
	unsigned char seed[SEED_BYTES];
	struct lab *lab;
	struct err err;
	session_done done;
	void *arg;
};

static void opening_free(struct opening *o)
{
	lab_free(o->lab);
	free(o->slug);
	free(o->key);
	free(o->folder);
	free(o->repository);
	free(o->commit);
	free(o->variant);
	free(o);
}

/* Copy the definition, and load the copy, which the session keeps. */
static int copy(struct opening *o, const struct lab *found, const char *to, struct err *e)
{
	_cleanup_free_ char *path = snapshot_path(o->m, found->digest, found->slug);
	struct problems problems = {0};
	int r = catalog_snapshot(found, to, e);

	if (r == 0)
		r = lab_load_variant(&o->lab, path, o->variant, &problems, e);
	problems_done(&problems);
	return r;
}

/* On an io thread: find, check and copy. A copy that is there and damaged is made anew. */
static void open_run(void *arg)
{
	struct opening *o = arg;
	struct problems problems = {0};
	_cleanup_(lab_freep) struct lab *found = NULL;

	if (catalog_load(o->folder, o->slug, &found, &problems, &o->err) == 0 &&
		(!o->variant || lab_variant(found, o->variant, &o->err) >= 0)) {
		_cleanup_free_ char *to = strf("%s/labs/%s", o->m->state_dir, found->digest);

		if (copy(o, found, to, &o->err) < 0 && fs_is_dir(to) &&
			fs_remove_tree(to, &o->err) == 0) {
			o->err = ERR_NONE;
			(void)copy(o, found, to, &o->err); /* o->err tells */
		}
	}
	problems_done(&problems);
}

/* Two repositories may have a lab of the same name. */
static struct session *existing(struct sessions *m, const char *slug, const char *repository)
{
	if (m->config.several)
		return NULL;
	for (size_t i = 0; i < m->n; i++)
		if (streq(m->items[i]->lab->slug, slug) &&
			str_same(session_repository(m->items[i]), repository) &&
			m->items[i]->state != STATE_ENDING && m->items[i]->state != STATE_GONE)
			return m->items[i];
	return NULL;
}

/* Going on with a session, which is what it is. commit, variant: NULL = whichever it has. */
static void go_on(struct session *s, const char *commit, const char *variant, session_done done,
	void *arg)
{
	const char *has = lab_variant_id(s->lab);
	struct err e = ERR_NONE;

	if (commit && !str_same(commit, s->commit))
		err_set(&e, ERR_STATE,
			"'%s' is of commit %.12s: with --fresh it is discarded and %.12s started",
			s->name, s->commit ? s->commit : "-", commit);
	else if (variant && !str_same(variant, has))
		err_set(&e, ERR_STATE,
			"'%s' runs %s%s%s: 'lab start %s --variant %s --fresh' discards it and "
			"starts '%s'",
			s->name, has ? "as the variant '" : "without a variant", has ? has : "",
			has ? "'" : "", s->lab->slug, variant, variant);
	if (e.code)
		sessions_refuse(s->m, done, arg, &e);
	else
		session_resume(s, done, arg);
}

static char *unique_name(struct sessions *m, const char *slug)
{
	char tail[5], *name;

	for (;;) {
		id_random(tail, 4);
		name = strf("%s-%s", slug, tail);
		if (!sessions_by_name(m, name))
			return name;
		free(name);
	}
}

static void open_done(void *arg);

static void chosen(void *arg, int variant, const struct err *e)
{
	struct opening *o = arg;
	struct sessions *m = o->m;

	if (variant >= 0 && !m->stopped) {
		o->variant = xstrdup(o->lab->variants[variant].id);
		lab_free(TAKE(o->lab));
		if (worker_submit(m->io, open_run, open_done, o, &o->err) == 0)
			return;
	} else {
		err_copy(&o->err, e);
	}
	m->openings--;
	sessions_refuse(m, o->done, o->arg, &o->err);
	opening_free(o);
}

static struct session *make(struct opening *o)
{
	struct sessions *m = o->m;
	char *name = unique_name(m, o->slug);
	struct session *s = session_new(m);

	s->id = store_next_id(m->store);
	s->name = name;
	s->lab = TAKE(o->lab);
	s->source = o->repository ? strf("repo/%s", o->repository) : xstrdup(m->labs);
	s->commit = TAKE(o->commit);
	s->digest = xstrdup(s->lab->digest);
	memcpy(s->seed, o->seed, SEED_BYTES);
	s->gen = 1;
	s->created_ms = s->activity_ms = loop_wall_ms(m->loop);
	s->state = STATE_QUEUED;
	plan_slots(s);
	session_commit(s);
	emit_words(s, "state", "state", "queued", "from", "", "cause", "", NULL);
	return s;
}

/* May there be one more, when `old` (or NULL) goes? */
static int may_open(const struct sessions *m, const struct session *old, struct err *e)
{
	int64_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->items[i] != old && m->items[i]->state != STATE_ENDING &&
		     m->items[i]->state != STATE_STOPPED;
	if (n < m->config.max_sessions)
		return 0;
	return err_set(e, ERR_QUOTA,
		"%" PRId64 " labs are live, which is the most: stop one with 'lab stop'", n);
}

static void open_done(void *arg)
{
	struct opening *o = arg;
	struct sessions *m = o->m;
	struct session *s = existing(m, o->slug, o->repository),
		       *old = s && s->id == o->discard ? TAKE(s) : NULL;

	if (o->err.code == 0 && !s && !o->variant && o->lab->n_variants) {
		variant_choose(m->engine, o->lab, chosen, o);
		return;
	}
	m->openings--;
	if (o->err.code == 0 && s) { /* two starts at once: the second resumes the first's */
		go_on(s, o->exact ? o->commit : NULL, o->variant, o->done, o->arg);
	} else if (o->err.code != 0 || may_open(m, old, &o->err) < 0) { /* others were faster */
		sessions_refuse(m, o->done, o->arg, &o->err);
	} else if (old && old->state == STATE_GRADING) {
		session_refuse(old, "discarded now", o->done, o->arg);
	} else {
		if (old)
			session_stop(old, true, "start --fresh", NULL, NULL);
		session_answer(make(o), o->done, o->arg);
		sessions_admit(m);
	}
	opening_free(o);
}

void sessions_open(
	struct sessions *m, const struct start_options *opt, session_done done, void *arg)
{
	struct session *s = existing(m, opt->lab, opt->repository);
	struct err e = ERR_NONE;

	if (s && !opt->fresh) {
		go_on(s, opt->exact ? opt->commit : NULL, opt->variant, done, arg);
		return;
	}
	if (s && s->state == STATE_GRADING) {
		session_refuse(s, "discarded now", done, arg);
		return;
	}
	if (may_open(m, s, &e) < 0) {
		sessions_refuse(m, done, arg, &e);
		return;
	}
	struct opening *o = NEW(struct opening);
	o->m = m;
	o->slug = xstrdup(opt->lab);
	o->folder = xstrdup(opt->folder ? opt->folder : m->labs);
	str_set(&o->repository, opt->repository);
	str_set(&o->commit, opt->commit);
	str_set(&o->variant, opt->variant);
	o->exact = opt->exact;
	o->discard = s ? s->id : 0;
	o->done = done;
	o->arg = arg;
	if (opt->seed)
		memcpy(o->seed, opt->seed, SEED_BYTES);
	else
		random_bytes(o->seed, SEED_BYTES);
	m->openings++;
	if (worker_submit(m->io, open_run, open_done, o, &e) < 0) {
		m->openings--;
		sessions_refuse(m, done, arg, &e);
		opening_free(o);
	}
}
