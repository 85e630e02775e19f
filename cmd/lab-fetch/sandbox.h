/*
 * sandbox.h - giving up every right before the first byte of a stranger is read.
 *
 * Afterwards a reader of archives can read and write its open descriptors (0 to 3), allocate
 * memory, read the clock and end. It cannot open, connect, execute or signal anything, and has no
 * way back. A reader of repositories can besides use files of its scratch folder (and read one
 * folder more), and speak on connections that it is handed; it can make none.
 */
#pragma once

#include "base/err.h"

/*
 * In this order: no new privileges, descriptors above 3 closed, resource limits, Landlock (where
 * the kernel has it), seccomp. Errors: ERR_INTERNAL; the process must then end.
 */
int sandbox_enter(struct err *e) must_check;

/*
 * For repositories: descriptors above 4 are closed. readable: a folder, or NULL. Where the kernel
 * has no Landlock, nothing but the rights of the user keeps files out of reach: lab doctor says so.
 */
int sandbox_enter_git(const char *scratch, const char *readable, struct err *e) must_check;

/* The kernel's Landlock ABI, 0 when it has none. */
int sandbox_landlock_abi(void);
