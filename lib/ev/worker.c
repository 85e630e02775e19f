/*
 * worker.c - named queues of blocking work.
 *
 * Threads take jobs from `waiting` and put them into `finished`; each finished job posts one
 * deliver() to the loop. Posts keep their order, so the last post of worker_free() comes after
 * every deliver() and may free the queue.
 */
#include "ev/worker.h"
#include "ev/loop-uv.h"

#include "base/list.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

struct job {
	struct list link;
	loop_cb run, done;
	void *arg;
};

struct worker {
	struct loop *loop;
	char name[16]; /* what a thread's name can hold */
	size_t limit;
	int n_threads;
	pthread_t *threads;

	pthread_mutex_t lock; /* of everything below */
	pthread_cond_t some;
	struct list waiting, finished;
	size_t n_waiting;
	bool stopping;
};

static struct job *take_job(struct worker *w, struct list *from)
{
	struct job *j = list_first(from, struct job, link);

	if (j)
		list_unlink(&j->link);
	return j;
}

/* One finished job per call, so that a done() may free the queue. */
static void deliver(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_lock(&w->lock);
	struct job *j = take_job(w, &w->finished);
	pthread_mutex_unlock(&w->lock);
	if (!j)
		return;
	loop_hold(w->loop, -1);
	j->done(j->arg);
	free(j);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	pthread_setname_np(pthread_self(), w->name);
	pthread_mutex_lock(&w->lock);
	for (;;) {
		struct job *j = take_job(w, &w->waiting);

		if (!j && w->stopping)
			break;
		if (!j) {
			pthread_cond_wait(&w->some, &w->lock);
			continue;
		}
		w->n_waiting--;
		pthread_mutex_unlock(&w->lock);
		j->run(j->arg);
		pthread_mutex_lock(&w->lock);
		list_append(&w->finished, &j->link);
		loop_post(w->loop, deliver, w);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static void free_worker(void *arg)
{
	struct worker *w = arg;

	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->some);
	free(w->threads);
	free(w);
}

/* Signals stay with the loop's thread. */
static int start_threads(struct worker *w, int threads)
{
	sigset_t all, old;
	int r = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && w->n_threads < threads) {
		r = pthread_create(&w->threads[w->n_threads], NULL, work, w);
		if (r == 0)
			w->n_threads++;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r;
}

int worker_new(struct worker **ret, struct loop *l, const char *name, int threads, size_t limit,
	struct err *e)
{
	struct worker *w = NEW(struct worker);

	w->loop = l;
	w->limit = limit;
	w->threads = xcalloc((size_t)threads, sizeof(*w->threads));
	(void)snprintf(w->name, sizeof(w->name), "%s", name);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->some, NULL);
	list_init(&w->waiting);
	list_init(&w->finished);
	loop_count(l, 1);
	int r = start_threads(w, threads);
	if (r != 0) {
		worker_free(w);
		return err_set(
			e, ERR_IO, "cannot start a thread of queue '%s': %s", name, strerror(r));
	}
	*ret = w;
	return 0;
}

void worker_free(struct worker *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->some);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->n_threads; i++)
		pthread_join(w->threads[i], NULL);
	while (!list_empty(&w->finished))
		deliver(w);
	loop_count(w->loop, -1);
	loop_post(w->loop, free_worker, w);
}

int worker_submit(struct worker *w, loop_cb run, loop_cb done, void *job, struct err *e)
{
	struct job *j = NULL;

	pthread_mutex_lock(&w->lock);
	if (w->n_waiting < w->limit && !w->stopping) {
		j = NEW(struct job);
		*j = (struct job){.run = run, .done = done, .arg = job};
		list_append(&w->waiting, &j->link);
		w->n_waiting++;
		pthread_cond_signal(&w->some);
	}
	pthread_mutex_unlock(&w->lock);
	if (!j)
		return err_set(e, ERR_CAPACITY,
			"queue '%s' is full (%zu jobs wait); try again later", w->name, w->limit);
	loop_hold(w->loop, 1);
	return 0;
}

size_t worker_waiting(const struct worker *w)
{
	struct worker *mine = (struct worker *)w; /* only the lock changes */

	pthread_mutex_lock(&mine->lock);
	size_t n = mine->n_waiting;
	pthread_mutex_unlock(&mine->lock);
	return n;
}
