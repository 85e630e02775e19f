/* tether.c - ending with whoever started us. */
#include "cmd/labd/tether.h"

#include <errno.h>
#include <unistd.h>

#define LOOK_MS 50

struct tether {
	struct sessions *m;
	struct watch *watch;
	struct timer *look;
	bool kept;
	tether_over over;
	void *arg;
};

/* Again and again: a start that was being read may still become a session. */
static void clear(void *arg)
{
	struct tether *t = arg;

	for (size_t i = sessions_count(t->m); i-- > 0;)
		session_stop(sessions_at(t->m, i), true, "the proof is over", NULL, NULL);
	if (sessions_count(t->m))
		timer_start(t->look, LOOK_MS);
	else
		t->over(t->arg, false);
}

static void on_input(void *arg, int events)
{
	struct tether *t = arg;
	char bytes[64];
	ssize_t n = read(STDIN_FILENO, bytes, sizeof(bytes));

	if (n > 0)
		t->kept = true;
	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	watch_set(t->watch, 0);
	if (t->kept)
		t->over(t->arg, true);
	else
		clear(t);
}

struct tether *tether_new(struct loop *l, struct sessions *m, tether_over over, void *arg)
{
	struct tether *t = NEW(struct tether);

	*t = (struct tether){.m = m, .over = over, .arg = arg};
	t->look = timer_new(l, clear, t);
	t->watch = watch_new(l, STDIN_FILENO, on_input, t);
	watch_set(t->watch, WATCH_READ);
	return t;
}

void tether_free(struct tether *t)
{
	if (!t)
		return;
	watch_free(t->watch);
	timer_free(t->look);
	free(t);
}
