/*
 * test_repos.c - syncs: beside io threads that are busy each has the right end, once; and what is
 * said of many bad labs is bounded.
 */
#include "repo/repo.h"
#include "base/fsutil.h"
#include "base/str.h"
#include "tests/git/repos.h"
#include "tests/unit/test.h"

#include <semaphore.h>
#include <unistd.h>

/* A queue that one job fills, and a clock that stands until somebody moves it. */
struct world {
	char folder[40];
	struct loop *loop;
	struct store *store;
	struct worker *io;
	struct repos *repos;
	char *url;
	const char *fill_at; /* the phase in which the queue is filled */
	bool filled;
	struct sync *sync;
	sem_t held;
};

static int64_t now_ms;

static int64_t fake_now(void *arg)
{
	return now_ms;
}

static void make_labs(const char *path, const char *content)
{
	struct buf files = {.max = 1 << 20}, top = {.max = 1 << 20};
	char name[16], hex[41];
	struct repo r;

	repo_make(&r, path);
	git_oid text = repo_blob(&r, content);
	for (int i = 100; i < 700; i++) { /* more than are written at once */
		(void)snprintf(name, sizeof(name), "%d", i);
		tree_add(&files, "100644", name, text);
	}
	tree_add(&files, "100644", "lab.yaml", text);
	tree_add(&top, "40000", "a-lab", repo_tree(&r, &files));
	repo_commit(&r, "main", repo_tree(&r, &top), "labs", hex);
	repo_done(&r);
}

static int setup(void **state)
{
	static const struct clock fake = {fake_now, fake_now, NULL};
	struct world *w = *state = NEW(struct world);
	_cleanup_free_ char *here = fs_program_dir(), *program = strf("%s/../../lab-fetch", here),
			    *kept = NULL;
	struct err e;

	*w = (struct world){.folder = "/tmp/labyard-repos-XXXXXX"};
	assert_non_null(mkdtemp(w->folder));
	w->url = strf("%s/labs.git", w->folder);
	make_labs(w->url, "text");
	kept = strf("%s/state", w->folder);
	assert_int_equal(fs_mkdirs(kept, 0700, NULL), 0);
	assert_int_equal(sem_init(&w->held, 0, 0), 0);
	assert_int_equal(loop_new(&w->loop, &fake, NULL), 0);
	if (store_open(&w->store, w->loop, kept, &e) < 0 ||
		worker_new(&w->io, w->loop, "io", 1, 1, &e) < 0 ||
		repos_new(&w->repos, w->loop, w->store, w->io,
			&(struct repos_config){kept, program}, &e) < 0)
		fail_msg("%s", e.text);
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	repos_stop(w->repos);
	worker_free(w->io);
	store_free(w->store);
	repos_free(w->repos);
	loop_free(w->loop);
	(void)sem_destroy(&w->held);
	assert_int_equal(fs_remove_tree(w->folder, NULL), 0);
	free(w->url);
	free(w);
	return 0;
}

/* --- a full queue --- */

static void hold(void *arg)
{
	struct world *w = arg;

	while (sem_wait(&w->held) < 0)
		;
}

static void nothing(void *arg)
{
}

static void until_taken(struct world *w)
{
	while (worker_waiting(w->io))
		usleep(100);
}

/* After the job that runs, or waits: one that holds the thread, and one that fills the queue. */
static void fill(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 2; i++) {
		until_taken(w);
		assert_int_equal(worker_submit(w->io, hold, nothing, w, NULL), 0);
	}
}

static void let_go(struct world *w)
{
	(void)sem_post(&w->held);
	(void)sem_post(&w->held);
	until_taken(w);
}

static void on_sync(void *arg, struct sync *s)
{
	struct world *w = arg;
	struct sync_info info;

	sync_info(s, &info);
	if (w->filled || !streq(info.phase, w->fill_at))
		return;
	w->filled = true;
	if (streq(info.phase, "check"))
		loop_defer(w->loop, fill, w); /* the check itself is still to be submitted */
	else
		fill(w);
}

static struct sync_info ended(struct world *w, struct sync *s)
{
	struct sync_info info;

	for (sync_info(s, &info); info.state == SYNC_RUNNING; sync_info(s, &info))
		loop_once(w->loop, true);
	return info;
}

static struct sync *add(struct world *w)
{
	struct sync *s = NULL;
	struct err e;

	if (repos_add(w->repos, &(struct repo_spec){.url = w->url}, &s, &e) < 0)
		fail_msg("%s", e.text);
	return s;
}

/* A sync of labs of which none is good works, too. */
static void assert_works(struct world *w)
{
	struct sync_info info = ended(w, add(w));

	if (info.state != SYNC_DONE)
		fail_msg("%s", info.err.text);
	assert_int_equal(info.n_labs, 1);
}

static void a_full_queue_ends_a_sync_once(void **state)
{
	struct world *w = *state;
	struct sync_info info;

	w->fill_at = "read";
	repos_listen(w->repos, on_sync, w);
	info = ended(w, add(w));
	let_go(w);
	assert_true(w->filled);
	assert_int_equal(info.state, SYNC_FAILED);
	assert_int_equal(info.err.code, ERR_CAPACITY);
	now_ms += 1000000; /* the deadline of what it had begun */
	loop_advance(w->loop);
	assert_works(w);
}

static void a_full_queue_changes_no_sync_that_worked(void **state)
{
	struct world *w = *state;
	struct sync_info info;

	w->fill_at = "check";
	repos_listen(w->repos, on_sync, w);
	info = ended(w, add(w));
	let_go(w);
	assert_true(w->filled);
	if (info.state != SYNC_DONE)
		fail_msg("%s", info.err.text);
}

/* --- in the middle --- */

static void until_phase(struct world *w, struct sync *s, const char *phase)
{
	struct sync_info info;

	for (sync_info(s, &info); !streq(info.phase, phase); sync_info(s, &info))
		loop_once(w->loop, true);
}

static void left_in_each_phase(bool stop)
{
	static const char *const phases[] = {"fetch", "read", "check"};

	for (size_t i = 0; i < ARRAY_SIZE(phases); i++)
		for (int more = 0; more < 4; more += 2) { /* turns of the loop */
			struct world *w;
			struct sync *s;

			(void)setup((void **)&w);
			s = add(w);
			until_phase(w, s, phases[i]);
			for (int n = 0; n < more; n++)
				loop_once(w->loop, false);
			if (!stop) {
				struct sync_info info;

				sync_info(s, &info);
				sync_cancel(s);
				if (info.state == SYNC_RUNNING)
					assert_true(ended(w, s).state != SYNC_FAILED);
				if (!repos_count(w->repos))
					assert_works(w);
			}
			(void)teardown((void **)&w);
		}
}

static void a_sync_can_be_cancelled_at_any_time(void **state)
{
	left_in_each_phase(false);
}

static void a_daemon_can_go_down_in_a_sync(void **state)
{
	left_in_each_phase(true);
}

/* When its tree has got its name, and before its rows are written. */
static void cancel_before_the_rows(struct world *w)
{
	until_taken(w); /* by the check */
	assert_int_equal(worker_submit(w->io, nothing, nothing, w, NULL), 0);
	until_taken(w);
	sync_cancel(w->sync);
}

static void what_was_not_committed_is_not_kept(void **state)
{
	struct world *w = *state;
	struct sync_info info;
	struct repo_info repo;
	struct err e;

	assert_works(w);
	repo_info(repos_at(w->repos, 0), &repo);
	_cleanup_free_ char *old = strf("%s/state/repos/labs/%s", w->folder, repo.commit),
			    *new = NULL;
	make_labs(w->url, "another text");
	if (repo_sync(repos_at(w->repos, 0), SYNC_FULL, &w->sync, &e) < 0)
		fail_msg("%s", e.text);
	until_phase(w, w->sync, "check");
	cancel_before_the_rows(w);
	info = ended(w, w->sync);
	assert_int_equal(info.state, SYNC_CANCELED);
	new = strf("%s/state/repos/labs/%s", w->folder, info.commit);
	assert_string_not_equal(old, new);
	assert_true(fs_is_dir(old));
	assert_false(fs_is_dir(new));
}

/* --- many bad labs --- */

#define TEXT_MAX (512 << 10) /* what an event of the API takes of it, escaped */

/* So many folders that are all the same, in the place of what was there. */
static void make_many(int n, struct buf *folder, struct repo *r)
{
	struct buf top = {.max = 1 << 20};
	git_oid same = repo_tree(r, folder);
	char name[16], hex[41];

	for (int i = 0; i < n; i++) {
		(void)snprintf(name, sizeof(name), "lab-%04d", i);
		tree_add(&top, "40000", name, same);
	}
	repo_commit(r, "main", repo_tree(r, &top), "many", hex);
}

static void what_is_said_of_all_labs_is_bounded(void **state)
{
	struct world *w = *state;
	struct buf yaml = {.max = 1 << 20}, folder = {.max = 1 << 20};
	struct sync_info info;
	size_t text = 0;
	struct repo r;

	for (int i = 0; i < 30; i++)
		(void)buf_addf(&yaml, "k%02d-%060d: 1\n", i, 0);
	repo_open(&r, w->url);
	tree_add(&folder, "100644", "compose.yaml", repo_blob(&r, "name: x\n"));
	tree_add(&folder, "100644", "lab.yaml", repo_blob(&r, buf_str(&yaml)));
	make_many(700, &folder, &r);
	repo_done(&r);
	buf_done(&yaml);
	info = ended(w, add(w));
	assert_int_equal(info.state, SYNC_DONE);
	assert_int_equal(info.n_labs, 700);
	for (size_t i = 0; i < info.n_labs; i++) {
		assert_int_equal(info.labs[i].state, REPO_LAB_REJECTED);
		assert_non_null(info.labs[i].problems[0]);
		for (char **p = info.labs[i].problems; *p; p++)
			text += strlen(*p);
	}
	assert_in_range(text, 1, TEXT_MAX);
}

static void labs_that_did_not_come_whole_count_as_well(void **state)
{
	struct world *w = *state;
	struct buf folder = {.max = 1 << 20};
	struct sync_info info;
	struct repo r;

	repo_open(&r, w->url);
	tree_add(&folder, "120000", "lab.yaml", repo_blob(&r, "elsewhere"));
	make_many(1001, &folder, &r);
	repo_done(&r);
	info = ended(w, add(w));
	assert_int_equal(info.err.code, ERR_LIMIT);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_full_queue_ends_a_sync_once),
		TEST(a_full_queue_changes_no_sync_that_worked),
		cmocka_unit_test(a_sync_can_be_cancelled_at_any_time),
		cmocka_unit_test(a_daemon_can_go_down_in_a_sync),
		TEST(what_was_not_committed_is_not_kept),
		TEST(what_is_said_of_all_labs_is_bounded),
		TEST(labs_that_did_not_come_whole_count_as_well),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
