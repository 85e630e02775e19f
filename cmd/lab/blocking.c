/*
 * blocking.c - stdin and stdout beside the loop.
 *
 * Each object is shared by its owner, its thread and what the thread has posted to the loop; the
 * last one frees it. The thread posts under the lock and only while the owner lives, so that
 * nothing is posted to a loop that is gone.
 */
#include "cmd/lab/blocking.h"

#include "base/util.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define CHUNK (64u << 10)

/* What both kinds have in common. */
struct shared {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct loop *loop;
	int refs;  /* under the lock */
	bool dead; /* the owner has left */
	void (*destroy)(struct shared *s);
};

static void shared_init(struct shared *s, struct loop *l, void (*destroy)(struct shared *))
{
	(void)pthread_mutex_init(&s->lock, NULL); /* cannot fail without attributes */
	(void)pthread_cond_init(&s->changed, NULL);
	s->loop = l;
	s->refs = 1;
	s->destroy = destroy;
}

/* Gives the lock back, too. */
static void unref_unlock(struct shared *s)
{
	bool last = --s->refs == 0;

	(void)pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	(void)pthread_mutex_destroy(&s->lock);
	(void)pthread_cond_destroy(&s->changed);
	s->destroy(s);
}

static void leave(struct shared *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->dead = true;
	(void)pthread_cond_signal(&s->changed);
	unref_unlock(s);
}

/* Under the lock. */
static void post(struct shared *s, loop_cb fn)
{
	if (s->dead)
		return;
	s->refs++;
	loop_post(s->loop, fn, s);
}

/* Signals are the main thread's business. */
static void start_thread(struct shared *s, void *(*run)(void *))
{
	sigset_t all, before;
	pthread_t thread;

	s->refs++;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run, s) != 0)
		abort(); /* no thread for a program that has two */
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_detach(thread);
}

/* --- reading --- */

struct feed {
	struct shared shared;
	int fd;
	feed_fn data;
	void *arg;
	bool wanted;
	size_t n;
	char chunk[CHUNK];
};

static void free_feed(struct shared *s)
{
	free(container_of(s, struct feed, shared));
}

static void deliver(void *arg)
{
	struct feed *f = container_of(arg, struct feed, shared);

	(void)pthread_mutex_lock(&f->shared.lock);
	bool dead = f->shared.dead;
	(void)pthread_mutex_unlock(&f->shared.lock);
	if (!dead) /* only we can change it; the thread rests until feed_next() */
		f->data(f->arg, f->chunk, f->n);
	(void)pthread_mutex_lock(&f->shared.lock);
	unref_unlock(&f->shared);
}

static void *reader(void *arg)
{
	struct feed *f = container_of(arg, struct feed, shared);
	ssize_t n;

	(void)pthread_mutex_lock(&f->shared.lock);
	for (;;) {
		while (!f->wanted && !f->shared.dead)
			(void)pthread_cond_wait(&f->shared.changed, &f->shared.lock);
		if (f->shared.dead)
			break;
		f->wanted = false;
		(void)pthread_mutex_unlock(&f->shared.lock);
		do {
			n = read(f->fd, f->chunk, sizeof(f->chunk));
		} while (n < 0 && errno == EINTR);
		(void)pthread_mutex_lock(&f->shared.lock);
		f->n = n > 0 ? (size_t)n : 0;
		post(&f->shared, deliver);
	}
	unref_unlock(&f->shared);
	return NULL;
}

struct feed *feed_new(struct loop *l, int fd, feed_fn data, void *arg)
{
	struct feed *f = NEW(struct feed);

	shared_init(&f->shared, l, free_feed);
	f->fd = fd;
	f->data = data;
	f->arg = arg;
	start_thread(&f->shared, reader);
	return f;
}

void feed_next(struct feed *f)
{
	(void)pthread_mutex_lock(&f->shared.lock);
	f->wanted = true;
	(void)pthread_cond_signal(&f->shared.changed);
	(void)pthread_mutex_unlock(&f->shared.lock);
}

void feed_free(struct feed *f)
{
	if (f)
		leave(&f->shared);
}

/* --- writing --- */

struct chunk {
	struct chunk *next;
	int fd;
	size_t n;
	char data[];
};

struct outlet {
	struct shared shared;
	struct chunk *first, **end;
	size_t waiting, limit; /* bytes, also those that are being written */
	bool was_full;
	int error;
	loop_cb moved;
	void *arg;
};

static void drop_chunks(struct outlet *o)
{
	for (struct chunk *c; (c = o->first);) {
		o->first = c->next;
		free(c);
	}
	o->end = &o->first;
}

static void free_outlet(struct shared *s)
{
	struct outlet *o = container_of(s, struct outlet, shared);

	drop_chunks(o);
	free(o);
}

static void tell(void *arg)
{
	struct outlet *o = container_of(arg, struct outlet, shared);

	(void)pthread_mutex_lock(&o->shared.lock);
	bool dead = o->shared.dead;
	(void)pthread_mutex_unlock(&o->shared.lock);
	if (!dead)
		o->moved(o->arg);
	(void)pthread_mutex_lock(&o->shared.lock);
	unref_unlock(&o->shared);
}

/* Returns 0 or errno. */
static int write_chunk(const struct chunk *c)
{
	for (size_t done = 0; done < c->n;) {
		ssize_t n = write(c->fd, c->data + done, c->n - done);

		if (n < 0 && errno != EINTR)
			return errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Under the lock. */
static void wrote(struct outlet *o, const struct chunk *c, int error)
{
	o->waiting -= c->n;
	if (error) {
		o->error = error;
		o->waiting = 0;
		drop_chunks(o);
	}
	if (o->waiting == 0 || (o->was_full && o->waiting < o->limit / 2)) {
		o->was_full = false;
		post(&o->shared, tell);
	}
}

static void *writer(void *arg)
{
	struct outlet *o = container_of(arg, struct outlet, shared);

	(void)pthread_mutex_lock(&o->shared.lock);
	for (;;) {
		while (!o->first && !o->shared.dead)
			(void)pthread_cond_wait(&o->shared.changed, &o->shared.lock);
		if (o->shared.dead)
			break;
		struct chunk *c = o->first;
		o->first = c->next;
		if (!o->first)
			o->end = &o->first;
		(void)pthread_mutex_unlock(&o->shared.lock);
		int error = write_chunk(c);
		(void)pthread_mutex_lock(&o->shared.lock);
		wrote(o, c, error);
		free(c);
	}
	unref_unlock(&o->shared);
	return NULL;
}

struct outlet *outlet_new(struct loop *l, size_t limit, loop_cb moved, void *arg)
{
	struct outlet *o = NEW(struct outlet);

	shared_init(&o->shared, l, free_outlet);
	o->end = &o->first;
	o->limit = limit;
	o->moved = moved;
	o->arg = arg;
	start_thread(&o->shared, writer);
	return o;
}

void outlet_write(struct outlet *o, int fd, const void *p, size_t n)
{
	struct chunk *c;

	if (!n)
		return;
	c = xmalloc(sizeof(*c) + n);
	*c = (struct chunk){.fd = fd, .n = n};
	memcpy(c->data, p, n);
	(void)pthread_mutex_lock(&o->shared.lock);
	if (o->error) {
		free(c);
	} else {
		*o->end = c;
		o->end = &c->next;
		o->waiting += n;
		o->was_full |= o->waiting > o->limit;
		(void)pthread_cond_signal(&o->shared.changed);
	}
	(void)pthread_mutex_unlock(&o->shared.lock);
}

bool outlet_full(struct outlet *o)
{
	(void)pthread_mutex_lock(&o->shared.lock);
	bool full = o->was_full && !o->error;
	(void)pthread_mutex_unlock(&o->shared.lock);
	return full;
}

bool outlet_idle(struct outlet *o)
{
	(void)pthread_mutex_lock(&o->shared.lock);
	bool idle = !o->waiting;
	(void)pthread_mutex_unlock(&o->shared.lock);
	return idle;
}

int outlet_error(struct outlet *o)
{
	(void)pthread_mutex_lock(&o->shared.lock);
	int error = o->error;
	(void)pthread_mutex_unlock(&o->shared.lock);
	return error;
}

void outlet_free(struct outlet *o)
{
	if (o)
		leave(&o->shared);
}
