/* loop-uv.h - what worker.c and child.c know of the loop beyond loop.h; private to lib/ev. */
#pragma once

#include "ev/loop.h"

#include <uv.h>

uv_loop_t *loop_uv(struct loop *l);

/* An object that must be freed before the loop: born +1, freed -1. loop_free() insists on 0. */
void loop_count(struct loop *l, int change);

/* A reason to wait that libuv does not see (a job on a thread): +1, then -1. */
void loop_hold(struct loop *l, int change);
