/*
 * cgroup.h - CPU time and memory of a process's control group, from the kernel's files.
 *
 * A few reads of some microseconds each, on cgroup v1, v2 and the mix of both.
 */
#pragma once

#include "base/err.h"

struct cgroups;

/* Find where the hierarchies are mounted. root: "" (tests: a folder with proc/ in it). */
struct cgroups *cgroups_new(const char *root);
void cgroups_free(struct cgroups *g); /* NULL is fine */

/*
 * The usage of the group of process `pid` on this machine, whose path must hold `id`: that proves
 * that pid is this container's and not a number of another machine. memory is without the page
 * cache that can go at once, as `docker stats` shows it. Errors: ERR_NOT_FOUND (another machine or
 * no such files: ask the engine).
 */
int cgroups_usage(const struct cgroups *g, int pid, const char *id, int64_t *ret_cpu_ns,
	int64_t *ret_memory, struct err *e);
