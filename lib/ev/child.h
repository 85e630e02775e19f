/*
 * child.h - child processes with explicit descriptors and a reliable end.
 *
 * The child inherits nothing but what is named here (every other descriptor is O_CLOEXEC). Its
 * signal handlers and mask are the defaults.
 */
#pragma once

#include "ev/loop.h"

struct child;

struct child_spec {
	const char *program; /* path */
	char *const *argv;
	char *const *env; /* NULL-terminated; NULL = empty */
	int fds[4];  /* what becomes 0,1,2,3 in the child; -1 = /dev/null. Stay the caller's. */
	bool detach; /* own session, survives us (lab starts labd so) */
};

/* status: exit status, or 128 + signal. Called once, on the loop; not after child_free(). */
typedef void (*child_cb)(void *arg, int status);

/*
 * Start it; blocks for the time of fork and exec. done may be NULL.
 * Errors: ERR_NOT_FOUND (no such program, or not executable), ERR_IO.
 */
int child_spawn(struct child **ret, struct loop *l, const struct child_spec *spec, child_cb done,
	void *arg, struct err *e);
void child_kill(struct child *c, int signo); /* nothing happens when it has ended */

/*
 * NULL is fine. done() is not called any more. A child that still runs is killed with SIGKILL and
 * reaped later by the loop; a detached one is left alone.
 */
void child_free(struct child *c);
int child_pid(const struct child *c);
