/*
 * sandbox.h - giving up every right before the first byte of a stranger is read.
 *
 * Afterwards the process can read and write its open descriptors (0 to 3), allocate memory, read
 * the clock and end. It cannot open, connect, execute or signal anything, and has no way back.
 */
#pragma once

#include "base/err.h"

/*
 * In this order: no new privileges, descriptors above 3 closed, resource limits, Landlock (where
 * the kernel has it), seccomp. Errors: ERR_INTERNAL; the process must then end.
 */
int sandbox_enter(struct err *e) must_check;

/* The kernel's Landlock ABI, 0 when it has none. */
int sandbox_landlock_abi(void);
