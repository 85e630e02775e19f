/*
 * store.c - the loop's side of the database: what waits, what is under way, who is told.
 *
 * The loop never waits for the disk. Transactions queue up while the db thread commits; the next
 * batch takes what came meanwhile, so that under load many share one fsync. What somebody waits for
 * goes at the end of the turn, with all that the turn has to write; what nobody waits for goes with
 * it, or LATER_MS later. At most one batch is under way: `running` belongs to the db thread until
 * it returns.
 *
 * Degraded: a batch that failed as a whole has left nothing behind, but those who wait built
 * their rows on it. So everything fails until store_retry() has seen a transaction work.
 */
#include "store/store.h"

#include "base/log.h"
#include "store/db.h"

enum {
	LATER_MS = 100,
	BATCH_MAX = 64,
	QUERIES_MAX = 64,
	QUERY_ROWS = 1000,
	QUERY_BYTES = 32 << 20,
	JOBS_MAX = QUERIES_MAX + 2, /* and one batch, one retry: those always find room */
};

struct batch {
	struct store *store;
	struct tx *first;
	int64_t next_id;
	struct err err; /* set before: refused; after: why all of it failed */
};

struct retry {
	struct store *store;
	struct err err;
	bool running;
};

struct store {
	struct loop *loop;
	struct worker *worker;
	struct db *db;
	int64_t next_id;
	struct tx *waiting, **waiting_end;
	struct batch running;
	struct retry retry;
	struct err degraded;
	struct timer *begin; /* runs: the next batch begins then */
	int queries;         /* under way */
	bool closing;
};

static void batch_run(void *arg);
static void batch_done(void *arg);

/* Our own limits leave room for it, so that a refusal is a broken invariant. */
static void submit(struct store *s, loop_cb run, loop_cb done, void *job)
{
	if (worker_submit(s->worker, run, done, job, NULL) < 0)
		abort();
}

/* --- life ------------------------------------------------------------------------------------- */

static void kick(struct store *s);

static void begin(void *arg)
{
	struct store *s = arg;

	timer_stop(s->begin);
	kick(s);
}

int store_open(struct store **ret, struct loop *l, const char *folder, struct err *e)
{
	struct db *db;
	int r = db_open(&db, folder, e);

	if (r < 0)
		return r;
	struct store *s = NEW(struct store);
	s->loop = l;
	s->db = db;
	s->next_id = db->first_id;
	s->waiting_end = &s->waiting;
	s->running.store = s->retry.store = s;
	r = worker_new(&s->worker, l, "db", 1, JOBS_MAX, e);
	if (r < 0) {
		db_close(db);
		free(s);
		return r;
	}
	s->begin = timer_new(l, begin, s);
	timer_start(s->begin, 0);
	*ret = s;
	return 0;
}

static bool next_batch(struct store *s);

void store_free(struct store *s)
{
	if (!s)
		return;
	s->closing = true;
	timer_free(s->begin);
	worker_free(s->worker);
	while (next_batch(s)) { /* completions may have added to it */
		batch_run(&s->running);
		batch_done(&s->running);
	}
	db_close(s->db);
	free(s);
}

const char *store_install(const struct store *s)
{
	return s->db->install;
}

int64_t store_epoch(const struct store *s)
{
	return s->db->epoch;
}

int64_t store_next_id(struct store *s)
{
	return s->next_id++;
}

/* --- loading ---------------------------------------------------------------------------------- */

static int load_row(void *arg, enum table t, const void *row, struct err *e)
{
	const struct store_loader *to = arg;

	if (t == TABLE_SESSION && to->session)
		to->session(to->arg, row);
	else if (t == TABLE_OBJECT && to->object)
		to->object(to->arg, row);
	else if (t == TABLE_VERDICT && to->verdict)
		to->verdict(to->arg, row);
	else if (t == TABLE_HINT && to->hint)
		to->hint(to->arg, row);
	else if (t == TABLE_GRADE && to->grade)
		to->grade(to->arg, row);
	else if (t == TABLE_RECORD && to->record)
		to->record(to->arg, row);
	else if (t == TABLE_REPO && to->repo)
		to->repo(to->arg, row);
	else if (t == TABLE_REPO_LAB && to->repo_lab)
		to->repo_lab(to->arg, row);
	return 0;
}

int store_load(struct store *s, const struct store_loader *to, struct err *e)
{
	int r = 0;

	for (int i = 0; i < SELECT_LOADS_ && r == 0; i++)
		r = db_read(s->db, (enum db_select)i, NULL, load_row, (void *)(uintptr_t)to, e);
	return r;
}

/* --- writing ---------------------------------------------------------------------------------- */

struct tx *tx_new(struct store *s)
{
	struct tx *t = NEW(struct tx);

	t->store = s;
	t->end = &t->rows;
	return t;
}

void tx_free(struct tx *t)
{
	if (!t)
		return;
	row_free_list(t->rows);
	free(t);
}

static void add(struct tx *t, enum table table, const void *data)
{
	*t->end = row_copy(table, data);
	t->end = &(*t->end)->next;
}

void tx_session(struct tx *t, const struct row_session *r)
{
	add(t, TABLE_SESSION, r);
}

void tx_object(struct tx *t, const struct row_object *r)
{
	add(t, TABLE_OBJECT, r);
}

void tx_event(struct tx *t, const struct row_event *r)
{
	add(t, TABLE_EVENT, r);
}

void tx_verdict(struct tx *t, const struct row_verdict *r)
{
	add(t, TABLE_VERDICT, r);
}

void tx_clear_verdicts(struct tx *t, int64_t session)
{
	add(t, TABLE_VERDICT_CLEAR, &(struct row_verdict){.session = session});
}

void tx_hint(struct tx *t, const struct row_hint *r)
{
	add(t, TABLE_HINT, r);
}

void tx_grade(struct tx *t, const struct row_grade *r)
{
	add(t, TABLE_GRADE, r);
}

void tx_record(struct tx *t, const struct row_record *r)
{
	add(t, TABLE_RECORD, r);
}

void tx_repo(struct tx *t, const struct row_repo *r)
{
	add(t, TABLE_REPO, r);
}

void tx_clear_repo(struct tx *t, const char *name)
{
	add(t, TABLE_REPO_CLEAR, &(struct row_repo){.name = name});
}

void tx_repo_lab(struct tx *t, const struct row_repo_lab *r)
{
	add(t, TABLE_REPO_LAB, r);
}

void tx_clear_repo_labs(struct tx *t, const char *repo)
{
	add(t, TABLE_REPO_LAB_CLEAR, &(struct row_repo_lab){.repo = repo});
}

/* Move what waits into `running`; false when nothing does. */
static bool next_batch(struct store *s)
{
	struct tx **end = &s->waiting;

	for (int n = 0; n < BATCH_MAX && *end; n++)
		end = &(*end)->next;
	s->running.first = s->waiting;
	s->waiting = *end;
	if (end == &s->waiting)
		return false;
	*end = NULL;
	if (!s->waiting)
		s->waiting_end = &s->waiting;
	s->running.next_id = s->next_id;
	s->running.err = s->degraded;
	return true;
}

static void kick(struct store *s)
{
	if (!s->closing && !timer_active(s->begin) && !s->running.first && next_batch(s))
		submit(s, batch_run, batch_done, &s->running);
}

/* While a batch is under way, its end looks at what waits. */
static void begin_in(struct store *s, int64_t ms)
{
	if (!s->closing && !s->running.first && (ms == 0 || !timer_active(s->begin)))
		timer_start(s->begin, ms);
}

void tx_commit(struct tx *t, store_done done, void *arg)
{
	struct store *s = t->store;

	t->done = done;
	t->arg = arg;
	*s->waiting_end = t;
	s->waiting_end = &t->next;
	begin_in(s, done ? 0 : LATER_MS);
}

static bool awaited(const struct store *s)
{
	for (const struct tx *t = s->waiting; t; t = t->next)
		if (t->done)
			return true;
	return false;
}

static void batch_run(void *arg)
{
	struct batch *b = arg;

	if (!b->err.code)
		(void)db_write(b->store->db, b->first, b->next_id, &b->err);
}

static void batch_done(void *arg)
{
	struct store *s = ((struct batch *)arg)->store;
	struct tx *t = TAKE(s->running.first);
	struct err err = s->running.err;

	if (err.code && !s->degraded.code) {
		s->degraded = err;
		log_debug("store", "degraded: %s", err.text);
	}
	if (awaited(s))
		kick(s); /* the disk works while the completions run */
	else if (s->waiting)
		begin_in(s, LATER_MS);
	while (t) {
		struct tx *next = t->next;

		if (t->done)
			t->done(t->arg, err.code ? &err : &t->err);
		tx_free(t);
		t = next;
	}
}

bool store_idle(const struct store *s)
{
	return !s->running.first && !s->waiting && !s->queries && !s->retry.running;
}

/* --- degraded and back ------------------------------------------------------------------------ */

const struct err *store_degraded(const struct store *s)
{
	return s->degraded.code ? &s->degraded : NULL;
}

static void retry_run(void *arg)
{
	struct retry *r = arg;

	r->err = ERR_NONE;
	(void)db_probe(r->store->db, &r->err);
}

static void retry_done(void *arg)
{
	struct retry *r = arg;

	r->running = false;
	r->store->degraded = r->err;
	if (!r->err.code)
		log_debug("store", "works again");
}

void store_retry(struct store *s)
{
	if (!s->degraded.code || s->retry.running || s->closing)
		return;
	s->retry.running = true;
	submit(s, retry_run, retry_done, &s->retry);
}

/* --- history ---------------------------------------------------------------------------------- */

struct query {
	struct store *store;
	enum db_select what;
	struct store_query query;
	char *text;
	struct store_rows rows;
	void *arg;
	struct row *found, **end;
	size_t bytes;
	struct err err;
};

static int keep_row(void *arg, enum table t, const void *data, struct err *e)
{
	struct query *q = arg;
	struct row *row = row_copy(t, data);

	*q->end = row;
	q->end = &row->next;
	q->bytes += row->size;
	if (q->bytes > QUERY_BYTES)
		return err_set(e, ERR_LIMIT, "the rows are larger than 32 MiB: ask for fewer");
	return 0;
}

static void query_run(void *arg)
{
	struct query *q = arg;

	(void)db_read(q->store->db, q->what, &q->query, keep_row, q, &q->err);
}

static void give(const struct query *q, const struct row *row)
{
	const void *data = row->data;

	if (row->table == TABLE_EVENT && q->rows.event)
		q->rows.event(q->arg, data);
	else if (row->table == TABLE_GRADE && q->rows.grade)
		q->rows.grade(q->arg, data);
	else if (row->table == TABLE_RECORD && q->rows.record)
		q->rows.record(q->arg, data);
}

/* Also for a query that was never run: nothing of the store is touched then. */
static void query_tell(void *arg)
{
	struct query *q = arg;

	if (!q->err.code)
		for (struct row *row = q->found; row; row = row->next)
			give(q, row);
	q->rows.done(q->arg, &q->err);
	row_free_list(q->found);
	free(q->text);
	free(q);
}

static void query_done(void *arg)
{
	struct query *q = arg;

	q->store->queries--;
	query_tell(q);
}

static enum db_select select_of(const struct store_query *q)
{
	switch (q->kind) {
	case QUERY_EVENTS:
		return q->session ? SELECT_EVENTS_OF_SESSION : SELECT_EVENTS;
	case QUERY_LAST_EVENTS:
		return SELECT_LAST_EVENTS;
	case QUERY_GRADES:
		return q->text ? SELECT_GRADES_OF_LAB : SELECT_GRADES_NEWEST;
	case QUERY_RECORDS:
		break;
	}
	return SELECT_RECORDS_OF_CHAIN;
}

void store_query(struct store *s, const struct store_query *query, const struct store_rows *rows,
	void *arg)
{
	struct query *q = NEW(struct query);

	q->store = s;
	q->what = select_of(query);
	q->query = *query;
	q->query.limit = MIN(MAX(query->limit, 0), QUERY_ROWS);
	q->text = query->text ? xstrdup(query->text) : NULL;
	q->query.text = q->text;
	q->rows = *rows;
	q->arg = arg;
	q->end = &q->found;
	if (s->closing || s->queries == QUERIES_MAX) {
		if (s->closing)
			err_set(&q->err, ERR_CANCELED, "the database is being closed");
		else
			err_set(&q->err, ERR_CAPACITY,
				"too many questions to the database: try again");
		loop_defer(s->loop, query_tell, q);
		return;
	}
	begin(s); /* what was committed before is seen */
	s->queries++;
	submit(s, query_run, query_done, q);
}
