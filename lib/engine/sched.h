/*
 * sched.h - the one queue through which every changing engine call goes.
 *
 * An engine is CPU-bound: more calls in flight than 2 x cores only make each of them slower, and
 * network calls are serialised inside it anyway. So calls wait here, where the order can be chosen:
 * class first (somebody waits > clean-up), inside a class the oldest session first, so that the
 * first session in is the first one ready. Clean-up gets at least one grant in eight.
 *
 * Two kinds of calls have lanes of their own, so that they never use up the slots of containers: a
 * stop mostly waits for a program to end, and builds and pulls last minutes on disk and network.
 */
#pragma once

#include "base/list.h"
#include "engine/engine.h"

enum sched_lane {
	LANE_CONTAINER, /* 2 x cores in flight, networks included */
	LANE_NETWORK,   /* 1 in flight */
	LANE_STOP,      /* 2 x cores in flight, beside the others */
	LANE_IMAGE,     /* cores / 2 in flight, at least 1; beside the others */
	LANES
};

struct sched;
struct sched_ticket;

typedef void (*sched_run)(struct sched_ticket *t);

/* A place in the queue; embedded in an operation. Zeroed = not in the queue. */
struct sched_ticket {
	struct list link;
	enum sched_lane lane;
	struct engine_turn turn;
	sched_run run;
	enum { TICKET_IDLE, TICKET_WAITING, TICKET_RUNNING } state;
};

struct sched *sched_new(struct loop *l);
void sched_free(struct sched *s); /* no ticket may be left in it; NULL is fine */

/* Set the limits for an engine with so many cores (2 until it is known). */
void sched_set_cores(struct sched *s, int cores);

/*
 * Queue an idle ticket; run(t) is called once, in a later moment of the loop, and then holds a slot
 * until sched_leave(). Errors: ERR_CAPACITY (8 192 are waiting already; the ticket stays idle).
 */
int sched_enter(struct sched *s, struct sched_ticket *t, enum sched_lane lane,
	struct engine_turn turn, sched_run run, struct err *e);

/* Give the slot back, or leave the queue; nothing for an idle ticket. */
void sched_leave(struct sched *s, struct sched_ticket *t);

struct engine_load sched_load(const struct sched *s);
