/* sched.c - class order, first session first, lanes with limits; see sched.h. */
#include "engine/sched.h"

#include <assert.h>

#define CLASSES   (CLASS_GC + 1)
#define MAX_QUEUE 8192
#define LOW_SHARE 8 /* clean-up gets one grant in so many */

struct sched {
	struct loop *loop;
	struct list queue[CLASSES][LANES];
	size_t waiting, running[LANES], limit[LANES];
	unsigned since_low; /* grants since clean-up had one while it waited */
	bool pending, dying; /* a pump is due */
};

struct sched *sched_new(struct loop *l)
{
	struct sched *s = NEW(struct sched);

	s->loop = l;
	for (int c = 0; c < CLASSES; c++)
		for (int lane = 0; lane < LANES; lane++)
			list_init(&s->queue[c][lane]);
	sched_set_cores(s, 2);
	return s;
}

void sched_free(struct sched *s)
{
	if (!s)
		return;
	assert(s->waiting == 0);
	if (s->pending)
		s->dying = true;
	else
		free(s);
}

/* May this lane start one more? Networks count as containers too. */
static bool lane_open(const struct sched *s, enum sched_lane lane)
{
	size_t both = s->running[LANE_CONTAINER] + s->running[LANE_NETWORK];
	bool shares = lane == LANE_CONTAINER || lane == LANE_NETWORK;

	return s->running[lane] < s->limit[lane] && (!shares || both < s->limit[LANE_CONTAINER]);
}

/* Does a stand before b inside one class? Equal sessions keep their order of arrival. */
static bool before(const struct sched_ticket *a, const struct sched_ticket *b)
{
	return a->turn.session < b->turn.session;
}

static struct sched_ticket *best_of_class(struct sched *s, int class)
{
	struct sched_ticket *best = NULL;

	for (enum sched_lane lane = 0; lane < LANES; lane++) {
		struct sched_ticket *t =
			list_first(&s->queue[class][lane], struct sched_ticket, link);

		if (t && lane_open(s, lane) && (!best || before(t, best)))
			best = t;
	}
	return best;
}

static struct sched_ticket *best_of(struct sched *s, int from, int to)
{
	for (int class = from; class <= to; class ++) {
		struct sched_ticket *t = best_of_class(s, class);

		if (t)
			return t;
	}
	return NULL;
}

/* Who goes next, or NULL when nobody who waits has a free lane. */
static struct sched_ticket *next(struct sched *s)
{
	struct sched_ticket *low = best_of(s, CLASS_TEARDOWN, CLASS_GC);
	struct sched_ticket *high = best_of(s, 0, CLASS_TEARDOWN - 1);

	if (low && (!high || s->since_low >= LOW_SHARE - 1)) {
		s->since_low = 0;
		return low;
	}
	if (high && low)
		s->since_low++;
	return high;
}

static void pump(void *arg)
{
	struct sched *s = arg;
	struct sched_ticket *t;

	s->pending = false;
	if (s->dying) {
		free(s);
		return;
	}
	while ((t = next(s)) != NULL) {
		list_unlink(&t->link);
		s->waiting--;
		s->running[t->lane]++;
		t->state = TICKET_RUNNING;
		t->run(t);
	}
}

static void pump_later(struct sched *s)
{
	if (s->pending)
		return;
	s->pending = true;
	loop_defer(s->loop, pump, s);
}

void sched_set_cores(struct sched *s, int cores)
{
	size_t n = cores < 1 ? 1 : (size_t)cores;

	s->limit[LANE_CONTAINER] = 2 * n;
	s->limit[LANE_NETWORK] = 1;
	s->limit[LANE_STOP] = 2 * n;
	s->limit[LANE_IMAGE] = MAX(n / 2, 1u);
	pump_later(s);
}

/* Keep a queue sorted; newcomers are mostly the youngest, so look from the end. */
static void insert(struct list *queue, struct sched_ticket *t)
{
	struct list *at = queue->prev;

	while (at != queue && before(t, container_of(at, struct sched_ticket, link)))
		at = at->prev;
	list_append(at->next, &t->link);
}

int sched_enter(struct sched *s, struct sched_ticket *t, enum sched_lane lane,
	struct engine_turn turn, sched_run run, struct err *e)
{
	assert(t->state == TICKET_IDLE);
	if (s->waiting >= MAX_QUEUE)
		return err_set(e, ERR_CAPACITY,
			"the engine's queue is full (%d calls wait): try again later", MAX_QUEUE);
	t->lane = lane;
	t->turn = turn;
	t->run = run;
	t->state = TICKET_WAITING;
	insert(&s->queue[turn.class][lane], t);
	s->waiting++;
	pump_later(s);
	return 0;
}

void sched_leave(struct sched *s, struct sched_ticket *t)
{
	if (t->state == TICKET_WAITING) {
		list_unlink(&t->link);
		s->waiting--;
	} else if (t->state == TICKET_RUNNING) {
		s->running[t->lane]--;
		pump_later(s);
	}
	t->state = TICKET_IDLE;
}

struct engine_load sched_load(const struct sched *s)
{
	struct engine_load load = {.waiting = s->waiting, .limit = s->limit[LANE_CONTAINER]};

	for (enum sched_lane lane = 0; lane < LANES; lane++)
		load.running += s->running[lane];
	return load;
}
