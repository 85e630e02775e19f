/*
 * interrupt.h - Ctrl-C and its like: noted once, so that a verb can end in good order.
 *
 * Before interrupt_catch() the signals end the program as they always do. After it system calls
 * that wait fail with EINTR; a second signal ends the program at once.
 */
#pragma once

#include "base/util.h"

void interrupt_catch(void); /* SIGINT, SIGTERM, SIGHUP; again is fine */
int interrupt_signal(void); /* the one that came, or 0 */
int interrupt_fd(void);     /* readable from the moment one came; -1 before interrupt_catch() */
/* Run in the handler of the second signal, so only what POSIX calls async-signal-safe. */
void interrupt_last_words(void (*fn)(void));
